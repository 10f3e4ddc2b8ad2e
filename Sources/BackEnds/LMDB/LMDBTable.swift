// Lookups in a file of LMDB: each reads the state that was committed last, and holds nothing when it is done.

import Bytes
import Glibc
package import Maps
import System

/// A file of LMDB.
package final class LMDBTable: Table {
    /// What messages call the map.
    package let name: TableName
    /// The file's owner, or nobody where others may write it; nobody before the file was opened.
    package private(set) var privilege: UInt32 = nobody

    private let database: [UInt8]?
    /// Shows the calls to a supervisor, because a disk may hang; nil where there is none.
    private let calls: WatchedCalls?
    private var file: MapFile?
    /// The file as it was last seen.
    private var identity: FileIdentity?
    private var hasFailed = false
    /// The transactions that had written the file when its changes were last asked for.
    private var seen: (UInt64, UInt64) = (0, 0)

    /// Names a file; nothing is opened yet.
    ///
    /// - Parameters:
    ///   - name: what messages call the map, and its file, or the directory that has it.
    ///   - database: the name of the database in it; nil for the one without a name.
    ///   - watch: watches the worker that the table belongs to.
    package init(name: TableName, database: String? = nil, watch: CallWatch? = nil) {
        self.name = name
        self.database = database.map { Array($0.utf8) }
        calls = watch.map { WatchedCalls(name, WatchedResource(.file(name.file), watch: $0)) }
    }

    /// Looks a key up; the file is opened first where it is not open.
    package func lookUp(_ key: Span<UInt8>, into value: inout [UInt8]) throws(MapError) -> Bool {
        do throws(LMDBFailure) {
            // The key is the caller's, who waits.
            return try unsafe key.withUnsafeBytes { bytes throws(LMDBFailure) in
                guard let calls else { return unsafe try find(bytes, into: &value) }
                let result: Result<Bool, LMDBFailure>
                do throws(ResourceFailure) {
                    if !calls.isUnchanged { _ = try calls.ask() }
                    result = try unsafe calls.call(key: bytes) {
                        Result { () throws(LMDBFailure) in unsafe try find(bytes, into: &value) }
                    }
                } catch {
                    throw LMDBFailure(code: ETIMEDOUT, text: error.text)
                }
                return try result.get()
            }
        } catch {
            file = nil
            hasFailed = true
            throw MapError(error, name, key: Array(copying: key))
        }
    }

    @inline(__always)
    private func find(_ key: UnsafeRawBufferPointer, into value: inout [UInt8]) throws(LMDBFailure) -> Bool {
        if let file { return unsafe try file.find(key, into: &value) }
        return unsafe try open().find(key, into: &value)
    }

    /// Turns to a file that was put in the place of the one that is open.
    package func refresh() -> Bool {
        let now = try? FileIdentity(path: Self.path(of: name.file))
        defer { identity = now }
        guard !hasFailed, let now, let identity, now.isSameFile(as: identity) else {
            file = nil
            return true
        }
        // Whoever writes over the file, instead of changing it as the library does, is seen by its time alone.
        if now != identity { file?.forget() }
        let transactions = file?.presentTransactions ?? (0, 0)
        defer { seen = transactions }
        return now != identity || transactions != seen
    }

    private func open() throws(LMDBFailure) -> MapFile {
        let opened = try MapFile(path: Self.path(of: name.file), database: database)
        file = opened
        identity = opened.mapping.identity
        seen = opened.presentTransactions
        privilege = opened.mapping.identity.privilege
        hasFailed = false
        return opened
    }

    /// The file that a path names: itself, or the one in the directory that it names.
    static func path(of map: String) -> String {
        (try? FileIdentity(path: map))?.isDirectory == true ? map + "/data.mdb" : map
    }
}
