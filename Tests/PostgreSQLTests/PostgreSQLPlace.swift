// A place for descriptions, the tables over them, and a database in a real server.

import Configuration
import Foundation
import Maps
import PostgreSQL
import Site
import Testing
import ZRouteTestKit

/// A database of its own in a server, and a directory for descriptions of it.
struct PostgreSQLPlace {
    let server: PostgreSQLServer
    let database: String
    let directory: TemporaryDirectory

    /// Makes a database.
    ///
    /// - Parameters:
    ///   - server: where; the one that suites share where it is nil.
    ///   - options: what else CREATE DATABASE is told.
    init(_ server: PostgreSQLServer? = nil, options: String = "") throws {
        self.server = try server ?? PostgreSQLServer.shared.get()
        database = try self.server.makeDatabase(options)
        directory = try TemporaryDirectory()
    }

    /// Where the database is, as descriptions say it.
    var conninfo: String { "host=\(server.main.socket) dbname=\(database) user=postgres" }

    /// A role that may read, and nothing else.
    var reader: String { "reader_\(database)" }

    /// Makes that role; it stays for as long as the server.
    ///
    /// - Returns: its name.
    func makeReader() throws -> String {
        try run(
            """
            CREATE ROLE \(reader) LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO \(reader);
            """)
        return reader
    }

    /// Where the database is, for a role.
    func conninfo(as role: String) -> String { conninfo.replacing("user=postgres", with: "user=\(role)") }

    /// Ends all sessions of zroute's.
    @discardableResult
    func endSessions() throws -> String {
        try run(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'zroute'"
                + " AND datname = current_database()")
    }

    /// Writes a description of the database.
    func describe(_ lines: String, conninfo: String? = nil, as name: String = "map.cf") throws {
        try directory.write("conninfo = \(conninfo ?? self.conninfo)\n\(lines)\n", to: name)
    }

    func definition(_ name: String = "map.cf") -> MapDefinition {
        MapDefinition(relation: "r", type: .pgsql, path: directory.file(name), file: "/dbases.conf", line: 1)
    }

    /// The table of a map, as a worker has it.
    ///
    /// - Parameter texts: what the workers of a process share.
    func table(
        _ name: String = "map.cf", deadline: Duration = .seconds(30), texts: TextTableLoader? = nil
    ) -> any Table {
        let watch = CallWatch(health: ResourceHealth(deadline: deadline))
        let worker = MapWorker(texts: texts ?? TextTableLoader(allowing: .all), watch: watch)
        return PostgreSQLBackEnd().makeTables(for: worker).makeTable(for: definition(name))
    }

    /// Runs statements.
    @discardableResult
    func run(_ sql: String) throws -> String { try server.run(sql, in: database) }

    /// A table of aliases as other programs have it.
    func makeAliases() throws {
        try run(
            """
            CREATE TABLE alias (address text, goto text, active boolean DEFAULT true);
            CREATE INDEX ON alias (address);
            INSERT INTO alias (address, goto) VALUES
                ('a@x.example', 'one'), ('twice@x.example', 'one'), ('twice@x.example', 'two'), ('null@x.example', NULL),
                ('', 'empty'), ('@x.example', 'all'), ('b', 'bare'), ('o''clock@x.example', 'quote'),
                ('none@x.example', ''), ('back\\slash', 'slash'), ('grün@x.example', 'grün');
            """)
    }

    /// The usual question, with a canary.
    static let question = "query = SELECT goto FROM public.alias WHERE address = '%s'\ncanary = a@x.example"
}

/// What tests of copies share: the table of aliases with the triggers of the documentation.
enum CopiedTable {
    /// The statements of the documentation that make the table of changes and its triggers.
    static let triggers = Result {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let page = try String(contentsOf: root.appendingPathComponent("docs/postgresql.md"), encoding: .utf8)
        let block = page.components(separatedBy: "```sql\n").dropFirst().first?.components(separatedBy: "\n```").first
        guard let block else { throw CommandFailure("docs/postgresql.md has no statements") }
        return block
    }

    /// The usual description; nothing but notices makes it look.
    static let sync = """
        entries = SELECT address, goto FROM public.alias WHERE active
        canary = a@x.example
        sync = notify
        interval = 3600
        """
    static let changes = sync + "\nchanges = public.zroute_changes"

    /// Waits until a key has a value, or none.
    ///
    /// - Parameter look: what is to hold whenever it is looked.
    static func expect(
        _ value: String?, of key: String, in table: any Table, each look: () throws -> Void = {}
    ) throws {
        var last = "nothing"
        let isThere = try holds {
            _ = table.refresh()
            try look()
            do throws(MapError) {
                let found = try table.text(of: key)
                last = found ?? "absent"
                return found == value
            } catch {
                last = error.text
                return false
            }
        }
        #expect(isThere, "\(key): \(last)")
    }
}

extension TextTableLoader {
    /// Why the first copy is not followed now; nil where it is.
    var copyFailure: String? { contents.copies.first?.copy.status.failure }
}
