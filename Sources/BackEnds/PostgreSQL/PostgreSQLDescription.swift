// A description of how a PostgreSQL database is asked, as in Postfix's pgsql_table(5), and with names of our own.

import Bytes
import Configuration
import MapDescriptions
import Maps
import System

/// What is asked of a database, and how its answer is read.
struct PostgreSQLQuestion: Sendable, Hashable {
    /// Where the database is: the servers in the order in which they are tried.
    var servers: [PostgreSQLServer]
    /// The query.
    var query: QueryTemplate
    /// Where tables without a schema are looked for.
    var searchPath = Self.standardPath
    /// How a value is made of an answer's rows.
    var form = AnswerForm()
    /// A key that must be found wherever one is believed to be absent; nil where nobody named one.
    var canary: [UInt8]?
    /// The domains whose addresses are asked for, in lower case; nil for all keys.
    var domains: Set<[UInt8]>?
    /// How old the data of a standby may be; nil for any age.
    var mostLag: Duration?
    /// How many connections the workers of a process share.
    var connections = 1
    /// Lists keys and values; nil where they cannot be listed.
    var entries: String?
    /// How it is copied whole; nil where it is asked for each key.
    var sync: PostgreSQLSync?

    /// Where tables without a schema are looked for, if nobody says so: never in a schema of the role's own, which would hide
    /// those of the same name.
    static let standardPath = "public"

    init(servers: [PostgreSQLServer], query: QueryTemplate) {
        self.servers = servers
        self.query = query
    }

    /// Reads a description.
    ///
    /// - Throws: with every error in it. For a lookup that is a failure of the map.
    init(describedIn file: String) throws(ConfigurationError) {
        guard let question = try PostgreSQLDescription(reading: file).checked().question else {
            throw ConfigurationError(file: file, text: "says too little")
        }
        self = question
    }

    /// Whether a key is asked for at all.
    func isAsked(_ key: Span<UInt8>) -> Bool {
        guard let domains else { return true }
        var at = key.count
        while at > 0, key[at - 1] != UInt8(ascii: "@") { at -= 1 }
        guard at > 0 else { return false }
        return domains.contains((at..<key.count).map { ASCII.lowercase(key[$0]) })
    }
}

/// A description that was read.
struct PostgreSQLDescription: ConfigurationReading {
    /// What it says; nil where an error among the findings says why not.
    let question: PostgreSQLQuestion?
    let findings: [Finding]

    private static let names = DescriptionReader.Names(
        known: [
            "conninfo", "hosts", "user", "password", "dbname", "query", "rows", "result_format", "expansion_limit",
            "domain",
            "encoding", "canary", "search_path", "max_lag", "connections", "entries", "sync",
            "changes", "version", "channel", "interval", "copy", "maxage",
        ],
        foreign: [
            "select_function", "table", "select_field", "where_field", "additional_conditions", "result_filter",
            "idle_interval", "retry_interval",
        ], manual: "pgsql_table(5)")

    /// Reads a description as far as it can be understood.
    init(reading file: String) {
        var reader = DescriptionReader(reading: file, Self.names)
        question = Self.question(&reader)
        findings = reader.found.inOrder
    }

    private static func question(_ reader: inout DescriptionReader) -> PostgreSQLQuestion? {
        let servers = servers(&reader)
        let sync = sync(&reader)
        guard let servers else { return nil }
        let query: QueryTemplate
        if let sync, reader.setting("query") == nil {
            query = QueryTemplate(
                before: "SELECT q.v FROM (\(sync.entries)) AS q(k, v) WHERE q.k = ", dialect: .dollars)
        } else {
            guard let own = reader.query(.dollars) else { return nil }
            query = own
        }
        var question = PostgreSQLQuestion(servers: servers, query: query)
        question.form = reader.answerForm(isPostfix: reader.setting("conninfo") == nil)
        question.canary = canary(&reader, query)
        question.domains = domains(&reader)
        question.entries = reader.setting("entries")?.value
        question.sync = sync
        if let path = reader.setting("search_path") {
            question.searchPath = path.value
        } else if let table = QueryTables(query.sql()).unqualified {
            reader.found.warning(
                .schemaNotNamed,
                "the query names \(table) without its schema, so only schema public is looked at; write \(table) with its"
                    + " schema, or say search_path", line: reader.setting("query")?.line)
        }
        question.mostLag = number(&reader, "max_lag", 1...86_400, "seconds").map { .seconds($0) }
        question.connections = number(&reader, "connections", 1...64, "connections of a process") ?? 1
        if let encoding = reader.setting("encoding"), !["UTF8", "UTF-8"].contains(encoding.value.uppercased()) {
            reader.found.error(
                .invalidValue, "encoding is not UTF8; texts are asked for in UTF-8 alone", line: encoding.line)
        }
        return question
    }

    private static func servers(_ reader: inout DescriptionReader) -> [PostgreSQLServer]? {
        guard !reader.isUnreadable else { return nil }
        let parts = ["hosts", "user", "password", "dbname"].compactMap(reader.setting)
        let servers: [PostgreSQLServer]
        let line: Int?
        do throws(DescriptionFault) {
            if let conninfo = reader.setting("conninfo") {
                line = conninfo.line
                if let other = parts.first {
                    reader.found.error(
                        .repeatedSetting, "\(other.name) has no effect beside conninfo; keep one", line: other.line)
                }
                servers = try PostgreSQLServer.all(conninfo: conninfo.value)
            } else {
                let hosts = reader.setting("hosts")
                line = hosts?.line ?? parts.first?.line
                var common: [String: String] = [:]
                for part in parts where part.name != "hosts" { common[part.name] = part.value }
                servers = try PostgreSQLServer.all(hosts: hosts?.value ?? "localhost", common)
            }
        } catch {
            let name = reader.setting("conninfo") == nil ? "hosts" : "conninfo"
            let place = reader.setting(name)?.line
            reader.found.error(.invalidValue, "\(name): \(error.text)", line: place)
            return nil
        }
        if servers.contains(where: { $0.parameters["dbname"] == nil && $0.parameters["service"] == nil }) {
            reader.found.error(
                .missingField, "names no database; write dbname = NAME, or conninfo = host=... dbname=NAME", line: line)
            return nil
        }
        if servers.contains(where: \.hasPassword) {
            reader.found.judgeSecrets(
                "password", mode: reader.mode, alternative: ", or name a passfile in conninfo")
        }
        return servers
    }

    private static func canary(_ reader: inout DescriptionReader, _ query: QueryTemplate) -> [UInt8]? {
        guard let canary = reader.canary() else {
            if !reader.isUnreadable { reader.found.warnOfMissingCanary() }
            return nil
        }
        var (texts, ends): ([UInt8], [Int]) = ([], [])
        if !query.appendParameters(for: canary.span, to: &texts, ends: &ends) {
            reader.found.error(
                .invalidValue, "the canary has not the parts that the query asks for, so it is never asked",
                line: reader.setting("canary")?.line)
        }
        return canary
    }

    private static func sync(_ reader: inout DescriptionReader) -> PostgreSQLSync? {
        let own = ["changes", "version", "channel", "interval", "copy", "maxage"].compactMap(reader.setting)
        guard let sync = reader.setting("sync") else {
            if let first = own.first {
                reader.found.error(
                    .missingField, "\(first.name) has no effect without sync = notify; add it, or remove this",
                    line: first.line)
            }
            return nil
        }
        guard sync.value == "notify" else {
            reader.found.error(.invalidValue, "sync is not 'notify'", line: sync.line)
            return nil
        }
        guard let entries = reader.setting("entries")?.value, reader.setting("canary") != nil else {
            reader.found.error(
                .missingField,
                "a copy needs entries = SELECT key, value ..., and canary = KEY, without which an emptied table would be one without"
                    + " entries; add them", line: sync.line)
            return nil
        }
        for name in ["domain", "max_lag", "connections"] {
            if let other = reader.setting(name) {
                reader.found.error(
                    .invalidValue, "\(name) has no effect on a copy; remove it, or sync", line: other.line)
            }
        }
        let sign: PostgreSQLSync.Sign
        switch (reader.setting("changes")?.value, reader.setting("version")?.value) {
        case (let table?, nil): sign = .changes(table: table)
        case (nil, let query?): sign = .version(query: query)
        default:
            reader.found.error(
                .missingField, "a copy needs either changes = TABLE or version = SELECT ... to see what changed",
                line: sync.line)
            return nil
        }
        var copy = PostgreSQLSync(entries: entries, sign: sign)
        if let channel = reader.setting("channel") { copy.channel = channel.value }
        if let seconds = number(&reader, "interval", 1...3600, "seconds") { copy.interval = .seconds(seconds) }
        copy.ageLimit = number(&reader, "maxage", 1...31_536_000, "seconds").map { .seconds($0) }
        copy.file = reader.setting("copy").map {
            $0.value.hasPrefix("/") ? $0.value : "\(absolutePath(directory(of: reader.found.file)))/\($0.value)"
        }
        return copy
    }

    private static func domains(_ reader: inout DescriptionReader) -> Set<[UInt8]>? {
        guard let domain = reader.setting("domain") else { return nil }
        let words = domain.value.split { $0 == " " || $0 == "\t" || $0 == "," }
        if let table = words.first(where: { $0.contains(":") || $0.contains("/") }) {
            reader.found.error(
                .invalidValue, "domain: '\(table)' is a file or a map; write the domains themselves",
                line: domain.line)
        }
        return Set(words.map { $0.utf8.map(ASCII.lowercase) })
    }

    private static func number(
        _ reader: inout DescriptionReader, _ name: String, _ range: ClosedRange<Int>, _ unit: String
    ) -> Int? {
        guard let setting = reader.setting(name) else { return nil }
        guard let number = Int(setting.value), range ~= number else {
            reader.found.error(
                .invalidValue,
                "\(name) is no number of \(unit) from \(range.lowerBound) to \(range.upperBound): '\(setting.value)'",
                line: setting.line)
            return nil
        }
        return number
    }
}

/// The tables that a query names, as far as words alone tell it.
private struct QueryTables {
    /// The first one without a schema; nil where there is none.
    var unqualified: String?

    init(_ sql: String) {
        let words = sql.replacing("(", with: " ( ").replacing(")", with: " ) ").replacing(",", with: " , ")
            .split(whereSeparator: { $0 == " " || $0 == "\t" }).map(String.init)
        // What WITH defines is no table.
        let defined = words.indices.dropFirst().filter { words[$0].uppercased() == "AS" }.map { words[$0 - 1] }
        for index in words.indices.dropFirst() {
            guard ["FROM", "JOIN"].contains(words[index - 1].uppercased()) else { continue }
            let table = words[index]
            let isFunction = words.indices.contains(index + 1) && words[index + 1] == "("
            if table != "(", table.uppercased() != "LATERAL", !table.contains("."), !isFunction,
                !defined.contains(table)
            {
                unqualified = table
                return
            }
        }
    }
}

extension Finding.Name {
    /// A table that is named without its schema.
    static let schemaNotNamed = Finding.Name("schema-not-named")
}
