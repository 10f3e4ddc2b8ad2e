// The query of a description. Each text in quotes that has a part of the key in it becomes a parameter: what a key holds is never
// read as SQL, whatever it is.

import Bytes

/// A query with the texts that its parameters are given.
package struct QueryTemplate: Sendable, Hashable {
    /// How a database writes SQL, where databases differ.
    package enum Dialect: Sendable, Hashable {
        /// SQLite: parameters `?1`, names also in grave accents, `?`, `:`, `@` and `$` begin parameters.
        case questionMarks
        /// PostgreSQL: parameters `$1`, `$` begins those and texts of their own; `?`, `:`, `@` and `` ` `` are operators.
        case dollars

        fileprivate var sign: UInt8 { self == .dollars ? UInt8(ascii: "$") : UInt8(ascii: "?") }
        fileprivate var namesQuotes: [UInt8] {
            self == .dollars ? [UInt8(ascii: "\"")] : [UInt8(ascii: "\""), UInt8(ascii: "`")]
        }
        fileprivate var parameterSigns: [UInt8] { self == .dollars ? [UInt8(ascii: "$")] : Array("?:@$".utf8) }
    }

    fileprivate enum Piece: Sendable, Hashable {
        case sql(String)
        case parameter(Int)
    }

    /// What its parameters are for a key.
    package let parameters: [KeyTemplate]
    private let pieces: [Piece]
    private let dialect: Dialect

    /// A query of our own, whose one parameter is the key.
    package init(before: String, after: String = "", dialect: Dialect) {
        pieces = [.sql(before), .parameter(0), .sql(after)]
        parameters = [.key]
        self.dialect = dialect
    }

    /// Reads a query.
    ///
    /// - Throws: a clause about what in it cannot be used.
    package init(_ query: String, dialect: Dialect) throws(DescriptionFault) {
        var reader = QueryReader(query, dialect)
        try reader.read()
        self.dialect = dialect
        pieces = reader.pieces
        parameters = reader.parameters
        let word = sql().drop { $0 == " " || $0 == "\t" || $0 == "(" }.prefix { $0.isLetter }.uppercased()
        guard ["SELECT", "WITH"].contains(word) else {
            throw DescriptionFault("it is no SELECT; a map is only read")
        }
        guard !parameters.isEmpty else {
            throw DescriptionFault("it does not ask for the key; write '%s' where the key belongs")
        }
    }

    /// The query with its parameters as the database writes them.
    ///
    /// - Parameter first: the number of the first one.
    package func sql(parametersFrom first: Int = 1) -> String {
        var text = ""
        for piece in pieces {
            switch piece {
            case .sql(let sql): text += sql
            case .parameter(let index):
                text += String(decoding: [dialect.sign], as: UTF8.self) + "\(first + index)"
            }
        }
        return text
    }

    /// Appends the texts of all parameters for a key, one after the other.
    ///
    /// - Parameter ends: gets where each of them ends.
    /// - Returns: false where the key lacks a part that the query asks for: then it is not asked.
    package func appendParameters(
        for key: Span<UInt8>, to texts: inout [UInt8], ends: inout [Int]
    ) -> Bool {
        for parameter in parameters {
            guard parameter.append(for: key, value: key, to: &texts) else { return false }
            ends.append(texts.count)
        }
        return true
    }
}

private struct QueryReader {
    private var rest: ArraySlice<UInt8>
    private let dialect: QueryTemplate.Dialect
    private var sql: [UInt8] = []
    private(set) var pieces: [QueryTemplate.Piece] = []
    private(set) var parameters: [KeyTemplate] = []

    private static let mostParameters = 64

    init(_ query: String, _ dialect: QueryTemplate.Dialect) {
        rest = Array(query.utf8)[...]
        self.dialect = dialect
    }

    mutating func read() throws(DescriptionFault) {
        defer { endPiece() }
        while let byte = rest.first {
            switch byte {
            case UInt8(ascii: "'"): try readText()
            case _ where dialect.namesQuotes.contains(byte): try readName(byte)
            case UInt8(ascii: "%"):
                // Of another kind `%` is an operator, as it is with a second one.
                let template = try KeyTemplate(rest.prefix(2))
                rest.removeFirst(min(2, rest.count))
                if let constant = template.constant { sql += constant } else { try add(template) }
            case _ where dialect.parameterSigns.contains(byte):
                let sign = String(decoding: [byte], as: UTF8.self)
                throw DescriptionFault(
                    "'\(sign)' begins a parameter that nobody sets; write '%s' where the key belongs")
            case UInt8(ascii: ";"):
                guard rest.dropFirst().allSatisfy({ ASCII.isBlank($0) || $0 == UInt8(ascii: ";") }) else {
                    throw DescriptionFault("it is more than one statement; write one")
                }
                return
            case UInt8(ascii: "-"), UInt8(ascii: "/"):
                let second = rest.dropFirst().first
                guard second != (byte == UInt8(ascii: "-") ? byte : UInt8(ascii: "*")) else {
                    throw DescriptionFault("it has a comment; write comments on lines of their own, with #")
                }
                take()
            default: take()
            }
        }
    }

    private mutating func take() { if let byte = rest.popFirst() { sql.append(byte) } }

    private mutating func endPiece() {
        if !sql.isEmpty { pieces.append(.sql(String(decoding: sql, as: UTF8.self))) }
        sql = []
    }

    /// A text: `''` in it is one quote.
    private mutating func readText() throws(DescriptionFault) {
        // E'...', B'...', U&'...': in the first a backslash means something, and the others are no texts.
        if dialect == .dollars, let before = sql.last,
            UInt8(ascii: "a")...UInt8(ascii: "z") ~= ASCII.lowercase(before) || before == UInt8(ascii: "&")
        {
            throw DescriptionFault("a letter stands before a text in quotes; write it as a plain one: '...'")
        }
        rest.removeFirst()
        var text: [UInt8] = []
        while true {
            guard let byte = rest.popFirst() else { throw DescriptionFault("a text in quotes has no end; add the '") }
            if byte == UInt8(ascii: "'") {
                guard rest.first == byte else { break }
                rest.removeFirst()
            }
            text.append(byte)
        }
        try add(try KeyTemplate(text))
    }

    /// A name: nothing in it is replaced.
    private mutating func readName(_ quote: UInt8) throws(DescriptionFault) {
        take()
        while let byte = rest.first {
            guard byte != UInt8(ascii: "%") else {
                throw DescriptionFault(
                    "%s stands in double quotes, which are for names; write it in single ones: '%s'")
            }
            take()
            if byte == quote { return }
        }
        throw DescriptionFault("a name in quotes has no end; add the quote")
    }

    /// Puts a text, or the parameter that stands for it.
    private mutating func add(_ template: KeyTemplate) throws(DescriptionFault) {
        if let constant = template.constant {
            sql.append(UInt8(ascii: "'"))
            for byte in constant {
                if byte == UInt8(ascii: "'") { sql.append(byte) }
                sql.append(byte)
            }
            sql.append(UInt8(ascii: "'"))
            return
        }
        let known = parameters.firstIndex(of: template)
        if known == nil { parameters.append(template) }
        guard parameters.count <= Self.mostParameters else {
            throw DescriptionFault("it has too many different texts")
        }
        endPiece()
        pieces.append(.parameter(known ?? parameters.count - 1))
    }
}
