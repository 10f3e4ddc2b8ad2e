// Builds a database anew from a dump: into a new file, which then takes the old one's place in one step, while the old
// one keeps a name of its own.

import Glibc
import Maps
import System

/// The rebuilding of one database.
struct DatabaseRebuild {
    /// What came of it.
    struct Result {
        /// How many entries the new file has.
        var entries = 0
        /// How many keys of the dump had a second, different value.
        var conflicts = 0
        /// How many keys of the old file are not in the source.
        var onlySalvaged = 0
    }

    private let name: TableName
    private let dump: SalvagedDatabase
    private let observer: OutsideObserver

    /// Prepares it.
    ///
    /// - Parameter observer: may want the work to end before it is done; the old file stays then.
    init(_ name: TableName, _ dump: SalvagedDatabase, observer: (any CallObserver)?) {
        self.name = name
        self.dump = dump
        self.observer = OutsideObserver(inside: observer)
    }

    /// The new file is in no environment: no call can wait for a lock, and a slow disk is no reason to give up.
    private struct OutsideObserver: CallObserver {
        let inside: (any CallObserver)?
        func callBegins() {}
        func callEnded() {}
        var isStopRequested: Bool { inside.isStopRequested }
    }

    /// Builds it.
    ///
    /// - Parameters:
    ///   - source: what to build from; nil for the dump.
    ///   - kept: the name that the old file is kept under.
    func run(source: (bytes: [UInt8], name: String)?, keepingOldAs kept: String) throws -> Result {
        let temporary = TemporaryName(for: name.file)
        temporary.removeLeftovers()
        let path = temporary.path(attempt: 0)
        do {
            let result = try fill(path, source)
            if geteuid() == 0 {
                try changeOwner(of: path, owner: dump.identity.owner, group: dump.identity.group)
            }
            try changeMode(of: path, to: dump.identity.mode & 0o777)
            try syncFile(path)
            // The old file has both names until the rename: there is no moment without a map.
            guard unsafe link(name.file, kept) == 0 else {
                throw FileError(operation: "link to \(kept)", path: name.file, code: errno)
            }
            try renameFile(path, to: name.file)
            try syncDirectory(directory(of: name.file))
            return result
        } catch {
            try? removeFile(path, missingIsFine: true)
            throw error
        }
    }

    private func fill(_ path: String, _ source: (bytes: [UInt8], name: String)?) throws -> Result {
        let kind = DatabaseKind(rawValue: name.backEnd) ?? .btree
        let table = TableName(relation: name.relation, backEnd: name.backEnd, file: path)
        let map = try LiveDatabase(table, environment: nil, access: .create(kind, mode: 0o600), observer: observer)
        var result = Result()
        if let source {
            var reader = try EntryReader(source.bytes, file: source.name)
            while let entry = try reader.next() { try add(entry.key, entry.value, to: map, &result) }
            try dump.forEach { key, _ in if try map.get(key) == nil { result.onlySalvaged += 1 } }
        } else {
            try dump.forEach { try add($0, $1, to: map, &result) }
        }
        try map.sync()
        try map.close()
        try DatabaseCheck.verify(path, observer: observer)
        return result
    }

    private func add(_ key: [UInt8], _ value: [UInt8], to map: LiveDatabase, _ result: inout Result) throws {
        if let first = try map.get(key) {
            if first != value { result.conflicts += 1 }
        } else {
            try map.put(key, value)
            result.entries += 1
        }
    }
}
