// LMDB as a back end: the type `lmdb`, files that other programs change while they are read, and that newdb makes.

import Bytes
import Glibc
package import Maps
import System

extension MapType {
    /// A file of LMDB, `BASE.lmdb`.
    package static let lmdb = MapType(
        "lmdb", .compiled(fileExtension: ".lmdb"), isChangedInPlace: true, holdsDatabases: true)
}

/// Files of LMDB: of newdb and makedb, of `postmap lmdb:`, of mdb_load and of every program that uses the library.
package struct LMDBBackEnd: MapBackEnd {
    package let types: [MapType] = [.lmdb]

    /// The back end.
    package init() {}

    package func makeTables(for worker: MapWorker) -> any TableFactory { Factory(watch: worker.watch) }

    package func format(of type: MapType) -> (any MapFormat)? { LMDBFormat() }

    package func readEntries(of definition: MapDefinition, to reader: EntryConsumer) throws(MapError) {
        guard let path = definition.tablePath else { return }
        do throws(LMDBFailure) {
            let file = try MapFile(
                path: LMDBTable.path(of: path), database: definition.flags.database.map { Array($0.utf8) })
            try file.forEach { (key, value) throws(LMDBFailure) in
                reader.take(MapEntry(key: withoutNUL(key), value: withoutNUL(value)))
            }
        } catch {
            throw MapError(error, definition.tableName)
        }
    }

    package func livePlace(of request: LiveMapRequest) throws(LiveMapRefusal) -> (any LiveMapPlace)? {
        try LiveFilePlace(request)
    }

    private struct Factory: TableFactory {
        let watch: CallWatch?

        func makeTable(for definition: MapDefinition) -> any Table {
            LMDBTable(name: definition.tableName, database: definition.flags.database, watch: watch)
        }
    }
}

extension MapFile {
    /// Goes through all entries, some thousand of one state at a time.
    ///
    /// A key that exists throughout is handed on once.
    ///
    /// - Parameter body: answers whether it wants more.
    func forEach(_ body: (_ key: [UInt8], _ value: [UInt8]) throws(LMDBFailure) -> Bool) throws(LMDBFailure) {
        var last: [UInt8]?
        while true {
            // The faster a writer is, the less is read at once.
            var limit = Self.batchSize
            let batch = try reading { () throws(LMDBFailure) in
                defer { limit = max(limit / 2, 1) }
                return (entries: try TreeWalk.entries(of: self, after: last, limit: limit), limit: limit)
            }
            for entry in batch.entries {
                guard try body(entry.key, entry.value) else { return }
            }
            guard batch.entries.count == batch.limit, let end = batch.entries.last else { return }
            last = end.key
        }
    }

    /// Less than a millisecond's work, so that a busy writer does not outrun it.
    private static let batchSize = 1000
}

/// How newdb and makedb write files of LMDB.
package struct LMDBFormat: MapFormat {
    /// The format.
    package init() {}

    package var fileExtension: String { ".lmdb" }

    package var refusesEntries: Bool { true }

    package func refusal(ofKey key: Span<UInt8>, value: Span<UInt8>) -> String? {
        KeyLimit.refusal(ofKey: key.count)
    }

    package func entryCount(of path: String) -> Int? {
        (try? MapFile(path: path, database: nil)).map { Int(clamping: $0.snapshot.tree.entries) }
    }

    package func begin(filling path: String, _ size: MapFileSize) throws(MapFileError) -> any MapFileWriter {
        try LMDBWriter(path, keeping: [], endsWithNUL: true)
    }

    /// What the file has is written anew with the rest: it is checked as a whole when it is read.
    package func begin(
        addingTo path: String, copyOf original: String, _ size: MapFileSize
    ) throws(MapFileError) -> any MapFileWriter {
        var old: [TreeWalk.Entry] = []
        let endsWithNUL: Bool
        do throws(LMDBFailure) {
            let file = try MapFile(path: path, database: nil)
            try file.reading { () throws(LMDBFailure) in _ = try TreeWalk.count(of: file) }
            guard !file.snapshot.tree.hasDuplicates else {
                throw .refusal("a key may have several values in it; make it anew without them")
            }
            try file.forEach { (key, value) throws(LMDBFailure) in
                old.append((key, value))
                return true
            }
            endsWithNUL = file.endsKeysWithNUL
        } catch {
            throw error.asWritten
        }
        return try LMDBWriter(path, keeping: old, endsWithNUL: endsWithNUL)
    }
}
