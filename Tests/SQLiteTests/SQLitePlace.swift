// A place for databases, the tables over them, and other programs that use them meanwhile.

import Configuration
import Foundation
import Glibc
import Maps
import SQLite
import Testing
import ZRouteTestKit

/// A directory with databases.
struct SQLitePlace {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    /// The line of dbases.conf that names a file: a description where its name ends so, otherwise a database of ours.
    func definition(_ name: String, isLive: Bool = true) -> MapDefinition {
        MapDefinition(
            relation: "r", type: name.hasSuffix(".cf") ? .describedSQLite : .sqlite,
            compile: CompileOptions(isLive: isLive), path: directory.file(name), file: "/dbases.conf", line: 1)
    }

    /// The table of a map, as a worker has it.
    func table(
        _ name: String, isLive: Bool = true, deadline: Duration = .seconds(5), texts: TextTableLoader? = nil
    ) -> any Table {
        let watch = CallWatch(health: ResourceHealth(deadline: deadline))
        let worker = MapWorker(texts: texts ?? TextTableLoader(allowing: .all), watch: watch)
        return SQLiteBackEnd().makeTables(for: worker).makeTable(for: definition(name, isLive: isLive))
    }

    /// Writes `BASE.sqlite` as newdb does.
    func compile(_ entries: [(key: String, value: String)], to base: String) throws {
        try compile(Array(entries.map { "\($0.key) \($0.value)\n" }.joined().utf8), to: base)
    }

    /// Writes `BASE.sqlite` as newdb does.
    func compile(_ source: [UInt8], to base: String) throws {
        let compiler = MapCompiler()
        let job = CompileJob(
            source: .bytes(source, name: "source"), form: .plain, folding: .none, format: SQLiteFormat(),
            base: directory.file(base))
        _ = try compiler.prepare(job)
        try compiler.commit()
    }

    /// Runs statements with the library's own program.
    @discardableResult
    func run(_ sql: String, in name: String) throws -> String {
        String(decoding: try runCommandSuccessfully("/usr/bin/sqlite3", [directory.file(name), sql]), as: UTF8.self)
    }

    /// Writes a description of a database `others.db`.
    func describe(_ lines: String, as name: String = "map.cf") throws {
        try directory.write("dbname = others.db\n\(lines)\n", to: name)
    }

    /// A database as other programs have it.
    func makeOthers(journal: String = "wal") throws {
        try run(
            """
            PRAGMA journal_mode = \(journal);
            CREATE TABLE alias (address TEXT, goto TEXT, active INTEGER DEFAULT 1);
            INSERT INTO alias (address, goto) VALUES
                ('a@x.example', 'one'), ('twice@x.example', 'one'), ('twice@x.example', 'two'), ('null@x.example', NULL),
                ('blob@x.example', x'6f6e65'), (x'6b6579406578616d706c65', 'key'), ('nul@x.example', 'on' || char(0) || 'e'), ('', 'empty'),
                ('number@x.example', 7), ('@x.example', 'all'), ('b', 'bare'), ('o''clock@x.example', 'quote');
            """, in: "others.db")
    }

    /// A program that does something with a database and then holds on, until it is killed.
    ///
    /// - Parameter statements: in a program of Python, with a connection `c`.
    func hold(_ name: String, _ statements: String) throws -> RunningProgram {
        let ready = directory.file("ready")
        try? FileManager.default.removeItem(atPath: ready)
        let program = """
            import sqlite3, time
            c = sqlite3.connect('\(directory.file(name))', isolation_level=None)
            \(statements)
            open('\(ready)', 'w').close()
            time.sleep(600)
            """
        let running = try RunningProgram("/usr/bin/python3", ["-c", program])
        let isReady = try holds { FileManager.default.fileExists(atPath: ready) || !running.isRunning }
        try #require(isReady && running.isRunning, "\(running.errors)")
        return running
    }
}
