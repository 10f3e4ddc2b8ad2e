// Lookups in a constant database: from memory, once the whole file was found to be right.

import Bytes
package import Maps
import System

/// A constant database, which all workers of a process share.
package final class CDBTable: Table {
    /// What messages call the map.
    package let name: TableName
    /// The file's owner, or nobody where others may write it; nobody before the file was read.
    package private(set) var privilege: UInt32 = nobody

    private let contents: SharedContents
    private var file: CDBFile?
    private var hasFailed = false

    /// Names a file; nothing is read yet.
    package init(name: TableName, contents: SharedContents) {
        self.name = name
        self.contents = contents
    }

    /// Looks a key up; the file is read and checked first where it is not.
    package func lookUp(_ key: Span<UInt8>, into value: inout [UInt8]) throws(MapError) -> Bool {
        do throws(CDBFile.Damage) {
            let file = if let file { file } else { try load(for: key) }
            guard let found = try file.value(of: key) else { return false }
            file.withBytes(found) { bytes in
                value.removeAll(keepingCapacity: true)
                value.append(from: bytes)
            }
            return true
        } catch {
            throw MapError(table: name, key: Array(copying: key), text: "\(error.text); compile the map again")
        }
    }

    /// Forgets the content of a file that was replaced.
    package func refresh() -> Bool {
        guard let file else { return hasFailed }
        guard (try? FileIdentity(path: name.file)) != file.identity else { return false }
        self.file = nil
        return true
    }

    private func load(for key: Span<UInt8>) throws(CDBFile.Damage) -> CDBFile {
        do throws(FileError) {
            let now = try FileIdentity(path: name.file)
            let loaded = try contents.content(of: name.file) { (known: CDBFile) in
                known.identity == now
            } load: { () throws(FileError) in
                try CDBFile(path: name.file)
            }
            file = loaded
            privilege = loaded.identity.privilege
            hasFailed = false
            return loaded
        } catch {
            hasFailed = true
            file = nil
            privilege = nobody
            throw CDBFile.Damage(
                text: error.isMissing
                    ? "there is no such file; compile the map, or correct its path"
                    : "\(error.operation): \(error.reason)")
        }
    }
}
