// A description of how a database of others is asked: `name = value` lines, as Postfix writes them for its sqlite maps
// (sqlite_table(5)), and with names of our own that maps of other SQL databases share.

import Bytes
import Configuration
import Maps
import System

/// What is asked of a database, and how its answer is read.
struct SQLiteQuestion: Sendable, Hashable {
    /// The database.
    var path: String
    /// The query.
    var query: QueryTemplate
    /// Whether it is a database of ours, of newdb or makedb.
    var isOurs = false
    /// What several rows of an answer mean.
    var rows = Rows.refused
    /// How each value is written; nil for as it is.
    var format: KeyTemplate?
    /// A key that must be found, or nothing that is absent is believed; nil where nobody named one.
    var canary: [UInt8]?
    /// Lists keys and values; nil where they cannot be listed.
    var entries: String?

    /// What several rows mean.
    enum Rows: Sendable, Hashable {
        /// A failure: which of them is meant nobody knows.
        case refused
        /// A list of at most so many members.
        case joined(limit: Int)
    }

    /// Asks a database of ours.
    init(ours path: String) {
        self.path = path
        query = QueryTemplate(askingWithKey: "SELECT value FROM entries WHERE key = ?1")
        isOurs = true
        entries = "SELECT key, value FROM entries"
    }

    init(path: String, query: QueryTemplate) {
        self.path = path
        self.query = query
    }
}

/// A description that was read.
struct SQLiteDescription: ConfigurationReading {
    /// What it says; nil where an error among the findings says why not.
    let question: SQLiteQuestion?
    let findings: [Finding]

    /// Reads a description as far as it can be understood.
    init(reading file: String) {
        let read = ConfigurationFile(file) { error in
            error.isMissing ? "; make it, or correct its path in dbases.conf" : ""
        }
        var reader = DescriptionReader(found: FindingList(file, after: read.findings))
        reader.read(read.bytes)
        question = reader.question()
        findings = reader.found.inOrder
    }
}

extension SQLiteQuestion {
    /// Reads a description.
    ///
    /// - Throws: with every error in it. For a lookup that is a failure of the map.
    init(describedIn file: String) throws(ConfigurationError) {
        guard let question = try SQLiteDescription(reading: file).checked().question else {
            throw ConfigurationError(file: file, text: "says too little")
        }
        self = question
    }
}

private struct DescriptionReader {
    var found: FindingList
    private var settings: [(name: String, value: String, line: Int)] = []

    /// The most members that rows are joined to, where the description does not say.
    private static let mostMembers = 1000
    /// What of sqlite_table(5) means something that is not carried over.
    private static let foreign = [
        "domain", "result_filter", "select_field", "table", "where_field", "additional_conditions",
    ]
    private static let known = [
        "dbname", "dbpath", "query", "rows", "result_format", "expansion_limit", "canary", "entries",
    ]

    init(found: FindingList) { self.found = found }

    mutating func read(_ bytes: [UInt8]) {
        for line in ConfigurationLine.all(in: bytes, &found) {
            let text = String(decoding: line.text, as: UTF8.self)
            // As in Postfix, a line that begins with a blank goes on with the one before.
            if line.whole.first.map(ASCII.isBlank) ?? false {
                guard !settings.isEmpty else {
                    found.error(.noAssignment, "continues no line before it; remove the blank", line: line.number)
                    continue
                }
                settings[settings.count - 1].value += " " + text
                continue
            }
            guard let equals = text.firstIndex(of: "=") else {
                found.error(.noAssignment, "is no 'name = value'", line: line.number)
                continue
            }
            func trimmed(_ part: Substring) -> String {
                String(decoding: ConfigurationLine.trimmed(Array(part.utf8)[...]), as: UTF8.self)
            }
            let name = trimmed(text[..<equals])
            if let first = settings.first(where: { $0.name == name }) {
                found.error(
                    .repeatedSetting, "\(name) stands in line \(first.line) already; keep the one that is meant",
                    line: line.number)
            }
            settings.append((name, trimmed(text[text.index(after: equals)...]), line.number))
        }
        for setting in settings where !Self.known.contains(setting.name) {
            found.error(
                .unknownSetting,
                Self.foreign.contains(setting.name)
                    ? "'\(setting.name)' of sqlite_table(5) is not carried over; say it in the query"
                    : "'\(setting.name)' is unknown; known are \(Self.known.joined(separator: ", "))"
                        + suggestion(for: setting.name, among: Self.known),
                line: setting.line)
        }
    }

    mutating func question() -> SQLiteQuestion? {
        guard let path = path(), let query = query() else { return nil }
        var question = SQLiteQuestion(path: path, query: query)
        // Postfix joins whatever comes.
        question.rows = setting("dbpath") == nil ? .refused : .joined(limit: Self.mostMembers)
        if let rows = setting("rows") {
            switch rows.value {
            case "one": question.rows = .refused
            case "join": question.rows = .joined(limit: Self.mostMembers)
            default:
                found.error(
                    .invalidValue, "rows is neither 'one' (several are a failure) nor 'join' (they are a list)",
                    line: rows.line)
            }
        }
        limit(&question)
        if let format = setting("result_format") {
            do {
                question.format = try KeyTemplate(Array(format.value.utf8), isResult: true)
            } catch {
                found.error(.invalidValue, "result_format: \(error.text)", line: format.line)
            }
        }
        if let canary = setting("canary") {
            question.canary = Array(canary.value.utf8)
            if canary.value.isEmpty { found.error(.invalidValue, "canary names no key", line: canary.line) }
        }
        question.entries = setting("entries")?.value
        return question
    }

    private func setting(_ name: String) -> (value: String, line: Int)? {
        settings.first { $0.name == name }.map { ($0.value, $0.line) }
    }

    private mutating func path() -> String? {
        let named = setting("dbname") ?? setting("dbpath")
        if let other = setting("dbpath"), setting("dbname") != nil {
            found.error(.repeatedSetting, "dbpath and dbname are the same thing; keep one", line: other.line)
        }
        guard let named, !named.value.isEmpty else {
            guard !isUnreadable else { return nil }
            found.error(.missingField, "names no database; write dbname = /path/of/the/database")
            return nil
        }
        let isFromRoot = named.value.utf8.first == UInt8(ascii: "/")
        return isFromRoot ? named.value : "\(absolutePath(directory(of: found.file)))/\(named.value)"
    }

    private mutating func query() -> QueryTemplate? {
        guard let query = setting("query") else {
            if !isUnreadable {
                found.error(
                    .missingField, "has no query; write one like query = SELECT goto FROM alias WHERE address = '%s'")
            }
            return nil
        }
        do {
            return try QueryTemplate(query.value)
        } catch {
            found.error(.invalidValue, "query: \(error.text)", line: query.line)
            return nil
        }
    }

    private mutating func limit(_ question: inout SQLiteQuestion) {
        guard let limit = setting("expansion_limit") else { return }
        guard let number = Int(limit.value), 0...Self.mostMembers ~= number else {
            found.error(
                .invalidValue, "expansion_limit is no number from 0 to \(Self.mostMembers): '\(limit.value)'",
                line: limit.line)
            return
        }
        if number > 0, question.rows != .refused { question.rows = .joined(limit: number) }
    }

    /// Whether it was not read: a finding has said so.
    private var isUnreadable: Bool { found.has([.missingFile, .unreadableFile]) }
}
