// What lists of main.cf name as tables: `hash:/etc/postfix/virtual`, `proxy:hash:...`, `inline:{...}` (DATABASE_README).

/// A lookup table of Postfix, as main.cf names it.
package indirect enum TableReference: Sendable, Hashable {
    /// A file whose entries can be listed: its type and its path, without the extension of a compiled file.
    case file(type: String, path: String)
    /// Entries that stand in main.cf.
    case inline([InlineEntry])
    /// One answer to every question.
    case constant(String)
    /// The answers of all of these, in one list.
    case union([TableReference])
    /// The accounts of the system.
    case accounts
    /// A table whose entries cannot be listed, or that is not read here.
    case other(type: String, name: String)

    /// An entry of an `inline:` table.
    package struct InlineEntry: Sendable, Hashable {
        package let key: String
        package let value: String
    }

    /// The types whose entries can be listed, with the extension of the file that Postfix reads.
    static let fileExtensions = ["hash": ".db", "btree": ".db", "cdb": ".cdb", "lmdb": ".lmdb", "texthash": ""]

    /// Reads a word of a list.
    ///
    /// - Parameter standardType: the type of a table that is named without one.
    package init(_ word: String, standardType: String) {
        let text = word.hasPrefix("{") && word.hasSuffix("}") ? word.dropFirst().dropLast().trimmingBlanks : word
        guard let colon = text.firstIndex(of: ":") else {
            self = Self.named(standardType, text)
            return
        }
        self = Self.named(String(text[..<colon]), String(text[text.index(after: colon)...]))
        if case .file(let type, let path) = self, !path.hasPrefix("/") { self = .other(type: type, name: path) }
        if case .other("proxy", let name) = self { self = TableReference(name, standardType: standardType) }
        if case .other("unionmap", let name) = self { self = .union(Self.members(name, standardType)) }
        if case .other("inline", let name) = self, let entries = Self.entries(name) { self = .inline(entries) }
    }

    private static func named(_ type: String, _ name: String) -> TableReference {
        if fileExtensions[type] != nil { return .file(type: type, path: name) }
        switch type {
        case "static":
            let isBraced = name.hasPrefix("{") && name.hasSuffix("}")
            return .constant(isBraced ? name.dropFirst().dropLast().trimmingBlanks : name)
        case "unix" where name == "passwd.byname": return .accounts
        default: return .other(type: type, name: name)
        }
    }

    private static func members(_ list: String, _ standardType: String) -> [TableReference] {
        var rest = list.trimmingBlanks[...]
        let content = ParameterExpansion.takeBracketed(&rest) ?? rest
        return PostfixParameters.words(of: String(content)).map { TableReference($0, standardType: standardType) }
    }

    /// `{ key = value, { key = value with blanks } }`; nil for what is none.
    private static func entries(_ list: String) -> [InlineEntry]? {
        var rest = list.trimmingBlanks[...]
        guard let content = ParameterExpansion.takeBracketed(&rest), rest.isEmpty else { return nil }
        var entries: [InlineEntry] = []
        var text = content.drop { $0.isBlank || $0 == "," }
        while let first = text.first {
            var entry: Substring
            if first == "{" {
                guard let braced = ParameterExpansion.takeBracketed(&text) else { return nil }
                entry = braced
            } else {
                entry = text.prefix { !$0.isBlank && $0 != "," }
                text = text[entry.endIndex...]
            }
            guard let equals = entry.firstIndex(of: "=") else { return nil }
            let key = entry[..<equals].trimmingBlanks
            entries.append(InlineEntry(key: key, value: entry[entry.index(after: equals)...].trimmingBlanks))
            text = text.drop { $0.isBlank || $0 == "," }
        }
        return entries
    }

    /// The form of main.cf.
    package var description: String {
        switch self {
        case .file(let type, let path): "\(type):\(path)"
        case .inline: "inline:{...}"
        case .constant(let value): "static:\(value)"
        case .union(let members): "unionmap:{\(members.map(\.description).joined(separator: ", "))}"
        case .accounts: "unix:passwd.byname"
        case .other(let type, let name): "\(type):\(name)"
        }
    }
}
