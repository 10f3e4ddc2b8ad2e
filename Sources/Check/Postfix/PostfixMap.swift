// All tables of one parameter as one map: Postfix asks them in their order, and the first that has a key decides.

import System

/// The tables that a parameter names, and their entries.
struct PostfixMap: Sendable {
    /// The parameter.
    let parameter: String
    /// An entry, and the table that it is from.
    struct Entry: Sendable {
        let key: [UInt8]
        let value: [UInt8]
        let table: TableReference
        let line: Int?
    }

    /// The entries in the order of the tables; of those that share a key the first.
    private(set) var entries: [Entry] = []
    private var places: [[UInt8]: Int] = [:]
    /// What answers every question that no entry answers.
    private(set) var constant: [UInt8]?
    /// Whether the accounts of the system are among the tables.
    private(set) var hasAccounts = false
    /// Whether there are tables at all.
    private(set) var isEmpty = true
    /// Whether some of the tables could not be read into this map.
    private(set) var isIncomplete = false

    init(_ parameter: String) { self.parameter = parameter }

    /// The value of a key.
    subscript(key: [UInt8]) -> [UInt8]? { places[key].map { entries[$0].value } ?? constant }

    /// The entry of a key.
    func entry(_ key: [UInt8]) -> Entry? { places[key].map { entries[$0] } }

    mutating func add(_ table: TableReference, _ found: [TableEntry]) {
        isEmpty = false
        switch table {
        case .accounts: hasAccounts = true
        case .constant(let value): if constant == nil { constant = Array(value.utf8) }
        default: break
        }
        if table.obstacle != nil { isIncomplete = true }
        // Behind a table that answers everything no other is asked.
        for entry in found where constant == nil && places[entry.key] == nil {
            places[entry.key] = entries.count
            entries.append(Entry(key: entry.key, value: entry.value, table: table, line: entry.line))
        }
    }
}

/// Reads the maps that parameters name.
struct PostfixMapReader {
    let parameters: PostfixParameters
    var report = ConversionReport()
    private var known: [TableReference: [TableEntry]] = [:]

    init(_ parameters: PostfixParameters) { self.parameters = parameters }

    /// Reads the tables of a parameter.
    ///
    /// - Throws: where a table that can be read cannot be read now: Postfix would answer no address either.
    mutating func map(_ parameter: String) throws(ConversionError) -> PostfixMap {
        var map = PostfixMap(parameter)
        for word in try parameters.words(parameter) {
            let table = try table(word)
            // What the defaults name need not be there.
            if parameter == "alias_maps" || parameter == "local_recipient_maps", !parameters.isSet("alias_maps"),
                let file = table.readFile, FileIdentity.isMissing(at: file)
            {
                if parameter == "alias_maps" {
                    note(
                        .remark, parameter, table,
                        "there is no such file, which alias_maps names unless it is set; no aliases")
                }
                continue
            }
            map.add(table, try entries(of: table, parameter))
        }
        return map
    }

    /// The table that a word names.
    func table(_ word: String) throws(ConversionError) -> TableReference {
        TableReference(word, standardType: try parameters.value("default_database_type"))
    }

    /// The entries of a table; what cannot be read is noted.
    mutating func entries(of table: TableReference, _ parameter: String) throws(ConversionError) -> [TableEntry] {
        if let obstacle = table.obstacle {
            note(.leftOut, parameter, table, obstacle)
            guard case .union = table else { return [] }
            return []
        }
        if let entries = known[table] { return entries }
        if let source = table.newerSource {
            note(
                .remark, parameter, table,
                "\(source) was written after \(table.readFile ?? ""), which Postfix reads and which was taken; if the source is what"
                    + " counts, run postmap (for alias_maps newaliases) and convert again")
        }
        let entries = try table.entries()
        known[table] = entries
        report.count("entries of \(table.description)", entries.count)
        return entries
    }

    mutating func note(
        _ kind: ConversionNote.Kind, _ parameter: String, _ table: TableReference? = nil, _ text: String
    ) {
        report.add(
            ConversionNote(
                kind: kind, file: parameters.main.file, line: parameters.line(parameter), parameter: parameter,
                map: table?.description, text: text))
    }
}
