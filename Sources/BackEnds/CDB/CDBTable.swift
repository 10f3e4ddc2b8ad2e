// Lookups in a constant database: from memory, once the whole file was found to be right.

import Bytes
package import Maps
import System

/// A constant database, which all workers of a process share.
package final class CDBTable: MemoryTable {
    /// What messages call the map.
    package let name: TableName
    /// The hash function of the entries.
    package let hash: ByteHash
    /// The file's owner, or nobody where others may write it; nobody before the file was read.
    package private(set) var privilege: UInt32 = nobody

    private let contents: SharedContents
    private var content: Content?
    private var hasFailed = false

    /// What came of one generation of a file.
    private struct Content: Sendable {
        let file: FileIdentity
        /// The sum beside it; looked at only where the file was refused.
        let sum: FileIdentity?
        let entries: Result<LoadedEntries, FileError>
    }

    /// Names a file; nothing is read yet.
    package init(name: TableName, contents: SharedContents, hash: ByteHash) {
        self.name = name
        self.contents = contents
        self.hash = hash
    }

    /// Keys are looked up as they are given.
    package var asksAsGiven: Bool { true }

    /// Looks a key up; the file is read and checked first where it is not.
    package func lookUp(_ key: Span<UInt8>, into value: inout [UInt8]) throws(MapError) -> Bool {
        try entries(for: Array(copying: key)).find(key, into: &value)
    }

    /// The entries; the file is read and checked first where it is not.
    package func loaded(for key: [UInt8]) throws(MapError) -> LoadedEntries? { try entries(for: key) }

    private func entries(for key: [UInt8]) throws(MapError) -> LoadedEntries {
        do throws(FileError) {
            if let content { return try content.entries.get() }
            hasFailed = true
            let loaded = try load()
            let entries = try loaded.entries.get()
            hasFailed = false
            content = loaded
            privilege = entries.privilege
            return entries
        } catch {
            privilege = nobody
            throw MapError(table: name, key: key, code: error.code, text: text(of: error))
        }
    }

    /// Forgets the content of a file that was replaced.
    package func refresh() -> Bool {
        guard let content else { return hasFailed }
        guard (try? FileIdentity(path: name.file)) != content.file else { return false }
        self.content = nil
        return true
    }

    private func text(of error: FileError) -> String {
        guard !error.isMissing || error.path != name.file else {
            return "there is no such file; compile the map, or correct its path"
        }
        // What was checked says itself what to do.
        let isOfAnotherKind = error.code == 0 && !error.isUnsettled && error.operation != "check"
        return "\(error.operation): \(error.reason)" + (isOfAnotherKind ? "; compile the map, or correct its path" : "")
    }

    private func load() throws(FileError) -> Content {
        let path = name.file
        let now = try FileIdentity(path: path)
        return try contents.content(of: path) { (known: Content) in
            guard known.file == now else { return false }
            // What was refused is not read again before it, or its sum, is another.
            if case .success = known.entries { return true }
            return known.sum == Self.sum(of: path)
        } load: { () throws(FileError) in
            let sum = Self.sum(of: path)
            do throws(FileError) {
                let file = try CDBFile(path: path)
                return Content(file: file.identity, sum: sum, entries: .success(file.entries(hash)))
            } catch {
                // What the system says may be otherwise in a moment.
                guard error.code == 0, !error.isUnsettled else { throw error }
                return Content(file: now, sum: sum, entries: .failure(error))
            }
        }
    }

    private static func sum(of path: String) -> FileIdentity? {
        try? FileIdentity(path: path + CDBSum.fileExtension)
    }
}
