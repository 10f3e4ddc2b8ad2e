// The types that the maps of a recorded site can be stored as, a row each: all of them have to give the same answers.

import Configuration
import Foundation
import Maps
import Routing
import Site
import Synchronization
import System
import Testing
import ZRouteTestKit

/// A way to store the maps of a recorded site.
struct MapStorage: Sendable, CaseIterable, CustomTestStringConvertible {
    /// What tests call it: the type of all maps, or `recorded`.
    let name: String
    /// The type that all maps of a site are given; nil leaves each what it was.
    let type: String?
    /// Why some sites cannot be of this type, by what their names begin with.
    let obstacles: [(names: String, reason: String)]
    /// What a failure says where an entry has a value that this type has no words for: its addresses wait, and are never taken for
    /// absent.
    let lacking: String?
    /// What a failure says as long as maps are copied; nil where they are there at once.
    var unready: String? { name == "pgsql sync" ? "its copy is not whole yet" : nil }
    /// Makes the maps of a site, after its dbases.conf was read.
    ///
    /// - Parameter environment: the directory of the environment that live maps share.
    let make: @Sendable (_ databases: DatabasesConf, _ environment: String) throws -> Void
    /// Does what is to be done before the site's dbases.conf is read; gives what has to run as long as the site is asked.
    let prepare: @Sendable (_ files: TestSite) throws -> RunningProgram?

    /// Berkeley DB as the lines say, the live ones in a CDB environment, made by the independent updater.
    static let recorded = MapStorage("recorded", storing: nil, obstacles: [], make: makeRecorded)
    /// Sources that are read as they are.
    static let text = MapStorage(type: "text")

    /// Every type; a new one is a row.
    static let allCases = [
        recorded,
        text,
        MapStorage(type: "btree"),
        MapStorage(type: "bhash"),
        MapStorage(type: "cdb"),
        MapStorage(type: "lmdb"),
        MapStorage(type: "sqlite", obstacles: [("routes/07", "it has values that are not UTF-8")]),
        MapStorage(
            type: "pgsql", obstacles: [("routes/07", "it has values that are not UTF-8")],
            make: { databases, _ in try fill(databases) { "query = SELECT value FROM \($0) WHERE key = '%s'" } }),
        MapStorage(
            name: "pgsql sync", type: "pgsql", obstacles: [("routes/07", "it has values that are not UTF-8")],
            make: { databases, _ in
                try fill(databases) { "entries = SELECT key, value FROM \($0)\nsync = notify\nversion = SELECT 1" }
            }),
        MapStorage(type: "ldap", make: { databases, _ in try DirectoryStorage.fill(databases, type: "ldap") }),
        MapStorage(type: "ldapsync", make: { databases, _ in try DirectoryStorage.fill(databases, type: "ldapsync") }),
        MapStorage(
            name: "socketmap", type: "text", lacking: "the key is there, with an empty value", prepare: serve),
    ]

    private init(
        _ name: String, storing type: String?, obstacles: [(names: String, reason: String)], lacking: String? = nil,
        make: @escaping @Sendable (_ databases: DatabasesConf, _ environment: String) throws -> Void,
        prepare: @escaping @Sendable (_ files: TestSite) throws -> RunningProgram? = { _ in nil }
    ) {
        self.name = name
        self.type = type
        self.obstacles = obstacles
        self.lacking = lacking
        self.make = make
        self.prepare = prepare
    }

    /// A type of which all maps of a site are to be.
    ///
    /// - Parameters:
    ///   - name: what tests call it; the type where it does not say.
    ///   - obstacles: sites that it cannot have, each with what it is that it cannot hold.
    ///   - lacking: what a failure says where a value cannot be told.
    ///   - make: how its maps are made; as newdb does where it does not say.
    init(
        name: String? = nil, type: String, obstacles: [(names: String, reason: String)] = [], lacking: String? = nil,
        make: @escaping @Sendable (_ databases: DatabasesConf, _ environment: String) throws -> Void = { databases, _ in
            try compile(databases)
        }, prepare: @escaping @Sendable (_ files: TestSite) throws -> RunningProgram? = { _ in nil }
    ) {
        let aboutFiles = "the case is about missing, damaged or odd files of Berkeley DB"
        let cases = "abcefgil".map { "routes/21\($0)" } + ["routes/22"]
        self.init(
            name ?? type, storing: type, obstacles: obstacles + cases.map { ($0, aboutFiles) }, lacking: lacking,
            make: make,
            prepare: prepare)
    }

    var testDescription: String { name }

    /// Watches a worker where a server is asked, with a deadline that a busy machine does not pass; nil where none is.
    var watch: CallWatch? {
        ["pgsql", "ldap", "ldapsync"].contains(name)
            ? CallWatch(health: ResourceHealth(deadline: .seconds(100))) : nil
    }

    /// Why a site cannot be stored so; nil where it can.
    func obstacle(to site: String) -> String? { obstacles.first { site.hasPrefix($0.names) }?.reason }

    /// What the site is opened with.
    var overrides: [(name: String, value: String)] { type.map { [("DBTYPE", $0)] } ?? [] }

    /// The lines of dbases.conf with this type, without environments: also where a line names a kind of database.
    func lines(_ bytes: [UInt8]) -> [UInt8] {
        guard let type else { return bytes }
        let text = String(decoding: bytes, as: UTF8.self)
        return Array(
            text.replacing(#/ (btree|bhash) /#, with: " \(type) ").replacing(#/ -C \S+/#, with: "").utf8)
    }

    /// Every map of a type that is compiled, from its source.
    private static func compile(_ databases: DatabasesConf, only isWanted: (MapDefinition) -> Bool = { _ in true })
        throws
    {
        let compiler = MapCompiler()
        for definition in databases.definitions where isWanted(definition) {
            guard let path = definition.path, let format = MapBackEnds.all.format(of: definition.type) else { continue }
            let form: SourceForm = definition.compile.isAliases ? .aliases : .plain
            var job = CompileJob(
                source: .file(path), form: form, folding: definition.compile.folding, format: format, base: path)
            // Their values are odd on purpose.
            job.judge = RelationJudge(definition)
            job.allowed = .all
            _ = try compiler.prepare(job)
        }
        try compiler.commit()
    }

    /// The database of all recorded sites, each in a schema of its own.
    private static let database = Result {
        let server = try PostgreSQLServer.shared.get()
        return (server: server, name: try server.makeDatabase())
    }
    private static let lastSchema = Atomic<Int>(0)

    /// Every map as a table, with a description in the place of its source, and with a canary that nobody asks for.
    ///
    /// - Parameter describe: what a description says of a table.
    @Sendable private static func fill(_ databases: DatabasesConf, describe: (String) -> String) throws {
        let (server, name) = try database.get()
        let schema = "site\(lastSchema.add(1, ordering: .relaxed).newValue)"
        var sql = "CREATE SCHEMA \(schema);\n"
        var descriptions: [String: String] = [:]
        for (number, definition) in databases.definitions.enumerated() where definition.type.name == "pgsql" {
            guard let path = definition.path else { continue }
            let form: SourceForm = definition.compile.isAliases ? .aliases : .plain
            var job = CompileJob(
                source: .file(path), form: form, folding: definition.compile.folding, format: nil, base: path)
            job.judge = RelationJudge(definition)
            job.allowed = .all
            let source = try MapSource(job)
            let rows = (0..<source.count).map { (source[$0].key, source[$0].value) } + [(canary, [])]
            sql += "CREATE TABLE \(schema).map\(number) (key text PRIMARY KEY, value text NOT NULL);\n"
            sql +=
                "INSERT INTO \(schema).map\(number) SELECT convert_from(k, 'UTF8'), convert_from(v, 'UTF8') FROM (VALUES "
            sql += rows.map { "(\(literal($0)), \(literal($1)))" }.joined(separator: ",\n") + ") AS rows (k, v);\n"
            descriptions[path] = """
                conninfo = host=\(server.main.socket) dbname=\(name) user=postgres
                \(describe("\(schema).map\(number)"))
                canary = \(String(decoding: canary, as: UTF8.self))

                """
        }
        try server.run(sql, in: name)
        for (path, description) in descriptions {
            try Data(description.utf8).write(to: URL(fileURLWithPath: path))
            try TemporaryDirectory.dateBack(path)
        }
    }

    private static let canary = Array("zroute canary".utf8)

    private static func literal(_ bytes: [UInt8]) -> String {
        "'\\x" + bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() + "'::bytea"
    }

    /// Local maps by our compiler, live maps by the independent updater.
    @Sendable private static func makeRecorded(_ databases: DatabasesConf, _ environment: String) throws {
        try compile(databases) { !$0.compile.isLive }
        for definition in databases.definitions where definition.compile.isLive {
            guard let path = definition.path, let file = definition.tablePath else { continue }
            try FileManager.default.createDirectory(atPath: environment, withIntermediateDirectories: true)
            let lines = try readFile(path, limit: 1 << 28).bytes
            let hasNUL = !FileManager.default.fileExists(atPath: path + ".nonul")
            try Updater.shared.get().load(lines: lines, home: environment, file: file, nul: hasNUL)
        }
    }

    /// Puts text maps behind a socket.
    ///
    /// Each line of dbases.conf names a relation of the server's, whose maps are asked for keys as they stand. A value that is empty
    /// no protocol carries: names of this host, which mostly have none, stay text.
    @Sendable private static func serve(_ files: TestSite) throws -> RunningProgram? {
        let socket = files.place.file("s")
        var asking = ""
        var serving = ["aliases", "fqdnaliases", "fqdnroutes", "routesdb", "thishost"].map { "\($0) NONE - - - -\n" }
            .joined()
        let text = String(decoding: try files.place.bytes(of: "dbases.conf"), as: UTF8.self)
        for (number, line) in text.split(separator: "\n").enumerated() {
            let words = line.split { $0 == " " || $0 == "\t" }.map(String.init)
            guard words.count >= 5, !words[0].hasPrefix("#"), words[0] != "thishost",
                ["$DBTYPE", "text"].contains(words[1])
            else {
                asking += line + "\n"
                continue
            }
            // An environment means nothing to either.
            var flags = words[5...].joined(separator: " ")
            if let mark = flags.firstRange(of: "-C ") { flags = String(flags[..<mark.lowerBound]) }
            asking += "\(words[0]) socketmap - - unix:\(socket):relation/smtp-policy.served\(number) \(flags)\n"
            serving += "smtp-policy.served\(number) text - \(words[3]) \(words[4]) -m\n"
        }
        try files.write(asking, to: "dbases.conf")
        try files.write(serving, to: "served.conf")
        let server = try files.start([
            "serve", "--dbases", files.place.file("served.conf"), "--listen", "socketmap=unix:\(socket)",
        ])
        let isThere = try holds { (try? LocalStream(path: socket)) != nil || !server.isRunning }
        guard isThere, server.isRunning else { throw CommandFailure("serve: \(server.errors)") }
        return server
    }
}
