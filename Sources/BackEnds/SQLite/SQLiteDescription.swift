// A description of how a SQLite database of others is asked, as in Postfix's sqlite_table(5).

import Configuration
import MapDescriptions
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
    /// How a value is made of an answer's rows.
    var form = AnswerForm()
    /// A key that must be found, or nothing that is absent is believed; nil where nobody named one.
    var canary: [UInt8]?
    /// Lists keys and values; nil where they cannot be listed.
    var entries: String?

    /// Asks a database of ours.
    init(ours path: String) {
        self.path = path
        query = QueryTemplate(before: "SELECT value FROM entries WHERE key = ", dialect: .questionMarks)
        isOurs = true
        entries = "SELECT key, value FROM entries"
    }

    init(path: String, query: QueryTemplate) {
        self.path = path
        self.query = query
    }

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

/// A description that was read.
struct SQLiteDescription: ConfigurationReading {
    /// What it says; nil where an error among the findings says why not.
    let question: SQLiteQuestion?
    let findings: [Finding]

    private static let names = DescriptionReader.Names(
        known: ["dbname", "dbpath", "query", "rows", "result_format", "expansion_limit", "canary", "entries"],
        foreign: ["domain", "result_filter", "select_field", "table", "where_field", "additional_conditions"],
        manual: "sqlite_table(5)")

    /// Reads a description as far as it can be understood.
    init(reading file: String) {
        var reader = DescriptionReader(reading: file, Self.names)
        question = Self.question(&reader)
        findings = reader.found.inOrder
    }

    private static func question(_ reader: inout DescriptionReader) -> SQLiteQuestion? {
        guard let path = path(&reader), let query = reader.query(.questionMarks) else { return nil }
        var question = SQLiteQuestion(path: path, query: query)
        question.form = reader.answerForm(isPostfix: reader.setting("dbpath") != nil)
        question.canary = reader.canary()
        question.entries = reader.setting("entries")?.value
        return question
    }

    private static func path(_ reader: inout DescriptionReader) -> String? {
        let named = reader.setting("dbname") ?? reader.setting("dbpath")
        if let other = reader.setting("dbpath"), reader.setting("dbname") != nil {
            reader.found.error(
                .repeatedSetting, "dbpath and dbname are the same thing; keep one", line: other.line)
        }
        guard let named, !named.value.isEmpty else {
            guard !reader.isUnreadable else { return nil }
            reader.found.error(.missingField, "names no database; write dbname = /path/of/the/database")
            return nil
        }
        let isFromRoot = named.value.utf8.first == UInt8(ascii: "/")
        return isFromRoot ? named.value : "\(absolutePath(directory(of: reader.found.file)))/\(named.value)"
    }
}
