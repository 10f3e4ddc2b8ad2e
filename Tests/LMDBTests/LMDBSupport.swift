// Files of LMDB for tests, and tables over them.

import Bytes
import LMDB
import Maps
import System
import Testing
import ZRouteTestKit

/// A place for files, and tables over them.
struct LMDBPlace {
    let directory: TemporaryDirectory
    let updater: LMDBUpdater

    init() throws {
        directory = try TemporaryDirectory()
        updater = try LMDBUpdater.shared.get()
    }

    func table(_ name: String, database: String? = nil) -> LMDBTable {
        LMDBTable(
            name: TableName(relation: "r", backEnd: "lmdb", file: directory.file(name)), database: database)
    }

    /// Writes a file as newdb does.
    func compile(_ entries: [(key: String, value: String)], to name: String, appending: Bool = false) throws {
        let text = entries.map { "\($0.key) \($0.value)\n" }.joined()
        let compiler = MapCompiler()
        let job = CompileJob(
            source: .bytes(Array(text.utf8), name: "source"), form: .plain, folding: .none, format: LMDBFormat(),
            base: directory.file(name))
        _ = try compiler.prepare(job, appending: appending)
        try compiler.commit()
    }

    /// Entries that all tests know of.
    static let entries = (0..<2000).map {
        (key: "user\($0)@\($0 % 7).example", value: "smtp-lmtp!node\($0 % 3)!u\($0)")
    }
}

/// Who can write a file.
enum LMDBMaker: String, CaseIterable {
    /// newdb: a NUL behind keys and values.
    case newdb
    /// A program of the library: with and without NUL.
    case withNUL, withoutNUL
    /// Without a lock file, as postmap writes.
    case withoutLock
    /// Many transactions, through a writable mapping.
    case manyTransactions
    /// The library's own tool.
    case tool

    func write(_ entries: [(key: String, value: String)], to name: String, in place: LMDBPlace) throws {
        let path = place.directory.file(name)
        switch self {
        case .newdb: try place.compile(entries, to: String(name.dropLast(5)))
        case .withNUL: try place.updater.load(entries, into: path)
        case .withoutNUL: try place.updater.load(entries, into: path, options: ["-n"])
        case .withoutLock: try place.updater.load(entries, into: path, options: ["-l"])
        case .manyTransactions: try place.updater.load(entries, into: path, options: ["-s", "-w"], batch: 37)
        case .tool:
            let lines = entries.map { "\($0.key)\n\($0.value)\n" }.joined()
            try runCommandSuccessfully("/usr/bin/mdb_load", ["-n", "-T", path], input: Array(lines.utf8))
        }
    }
}
