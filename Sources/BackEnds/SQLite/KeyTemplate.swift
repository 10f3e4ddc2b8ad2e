// Texts with parts of a key in them, as Postfix writes them (sqlite_table(5)): `%s` is the key, `%u` its local part, `%d` its
// domain, `%%` a percent sign.

import Bytes

/// A text that is made for each key.
struct KeyTemplate: Sendable, Hashable {
    /// A piece of the text.
    private enum Piece: Sendable, Hashable {
        case bytes([UInt8])
        case part(Part, ofKey: Bool)
    }

    /// What of an address.
    private enum Part: Sendable, Hashable {
        case whole, user, domain
    }

    private var pieces: [Piece] = []

    /// The key itself.
    static let key = KeyTemplate(pieces: [.part(.whole, ofKey: true)])

    private init(pieces: [Piece]) { self.pieces = pieces }

    /// Reads a template.
    ///
    /// - Parameter isResult: whether lower-case letters stand for parts of the value, and capitals for parts of the key, as in
    ///   `result_format`; in a query both are the key.
    /// - Throws: a clause about what in it cannot be read.
    init(_ text: some Collection<UInt8>, isResult: Bool = false) throws(TemplateFault) {
        var rest = text[...]
        var plain: [UInt8] = []
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                plain.append(byte)
                continue
            }
            guard let letter = rest.popFirst() else { throw TemplateFault("it ends with a single %; write %%") }
            let part: Part
            switch ASCII.lowercase(letter) {
            case UInt8(ascii: "%"):
                plain.append(letter)
                continue
            case UInt8(ascii: "s"): part = .whole
            case UInt8(ascii: "u"): part = .user
            case UInt8(ascii: "d"): part = .domain
            default:
                let letter = String(decoding: [letter], as: UTF8.self)
                throw TemplateFault("%\(letter) is not carried over; %s, %u, %d and %% are")
            }
            if !plain.isEmpty { pieces.append(.bytes(plain)) }
            plain = []
            pieces.append(.part(part, ofKey: !isResult || ASCII.lowercase(letter) != letter))
        }
        if !plain.isEmpty { pieces.append(.bytes(plain)) }
    }

    /// The text where it is the same for every key.
    var constant: [UInt8]? {
        guard pieces.count <= 1 else { return nil }
        guard let piece = pieces.first else { return [] }
        if case .bytes(let bytes) = piece { return bytes }
        return nil
    }

    /// Appends the text for a key.
    ///
    /// - Parameter value: what the lower-case letters of a `result_format` stand for.
    /// - Returns: false where the key has no such part: no domain, or nothing before it.
    func append(for key: Span<UInt8>, value: Span<UInt8>, to output: inout [UInt8]) -> Bool {
        for piece in pieces {
            switch piece {
            case .bytes(let bytes): output.append(contentsOf: bytes)
            case .part(let part, ofKey: true):
                guard Self.append(part, of: key, to: &output) else { return false }
            case .part(let part, ofKey: false):
                guard Self.append(part, of: value, to: &output) else { return false }
            }
        }
        return true
    }

    private static func append(_ part: Part, of text: Span<UInt8>, to output: inout [UInt8]) -> Bool {
        var at = text.count
        while at > 0, text[at - 1] != UInt8(ascii: "@") { at -= 1 }
        switch part {
        case .whole:
            output.append(from: text)
            return true
        case .user:
            // Without a domain the whole is the local part.
            guard at != 1 else { return false }
            output.append(from: text.extracting(0..<(at == 0 ? text.count : at - 1)))
            return true
        case .domain:
            guard at > 0, at < text.count else { return false }
            output.append(from: text.extracting(at..<text.count))
            return true
        }
    }
}

/// What in a template or a query cannot be used.
struct TemplateFault: Error {
    /// The cause and the remedy, as a clause.
    let text: String

    init(_ text: String) { self.text = text }
}

// The query of a description. Each text in quotes that has a part of the key in it becomes a parameter: what a key holds is never
// read as SQL, whatever it is.

/// A query with the texts that its parameters are given.
struct QueryTemplate: Sendable, Hashable {
    /// The query with `?1`, `?2`, ...
    let sql: String
    /// What they are for a key.
    let parameters: [KeyTemplate]

    /// A query of our own, whose one parameter is the key.
    init(askingWithKey sql: String) {
        self.sql = sql
        parameters = [.key]
    }

    /// Reads a query.
    ///
    /// - Throws: a clause about what in it cannot be used.
    init(_ query: String) throws(TemplateFault) {
        var reader = QueryReader(rest: Array(query.utf8)[...])
        try reader.read()
        sql = String(decoding: reader.sql, as: UTF8.self)
        parameters = reader.parameters
        let word = sql.drop { $0 == " " || $0 == "\t" || $0 == "(" }.prefix { $0.isLetter }.uppercased()
        guard ["SELECT", "WITH"].contains(word) else {
            throw TemplateFault("it is no SELECT; a map is only read")
        }
        guard !parameters.isEmpty else {
            throw TemplateFault("it does not ask for the key; write '%s' where the key belongs")
        }
    }
}

private struct QueryReader {
    var rest: ArraySlice<UInt8>
    var sql: [UInt8] = []
    var parameters: [KeyTemplate] = []

    mutating func read() throws(TemplateFault) {
        while let byte = rest.first {
            switch byte {
            case UInt8(ascii: "'"): try readText()
            case UInt8(ascii: "\""), UInt8(ascii: "`"): try readName(byte)
            case UInt8(ascii: "%"):
                let template = try KeyTemplate(rest.prefix(2))
                rest.removeFirst(min(2, rest.count))
                // `%%` is the operator.
                if let constant = template.constant { sql += constant } else { try add(template) }
            case UInt8(ascii: "?"), UInt8(ascii: ":"), UInt8(ascii: "@"), UInt8(ascii: "$"):
                let sign = String(decoding: [byte], as: UTF8.self)
                throw TemplateFault("'\(sign)' begins a parameter that nobody sets; write '%s' where the key belongs")
            case UInt8(ascii: ";"):
                guard rest.dropFirst().allSatisfy({ ASCII.isBlank($0) || $0 == UInt8(ascii: ";") }) else {
                    throw TemplateFault("it is more than one statement; write one")
                }
                return
            case UInt8(ascii: "-"), UInt8(ascii: "/"):
                let second = rest.dropFirst().first
                guard second != (byte == UInt8(ascii: "-") ? byte : UInt8(ascii: "*")) else {
                    throw TemplateFault("it has a comment; write comments on lines of their own, with #")
                }
                take()
            default: take()
            }
        }
    }

    private mutating func take() { if let byte = rest.popFirst() { sql.append(byte) } }

    /// A text: `''` in it is one quote.
    private mutating func readText() throws(TemplateFault) {
        rest.removeFirst()
        var text: [UInt8] = []
        while true {
            guard let byte = rest.popFirst() else { throw TemplateFault("a text in quotes has no end; add the '") }
            if byte == UInt8(ascii: "'") {
                guard rest.first == byte else { break }
                rest.removeFirst()
            }
            text.append(byte)
        }
        try add(try KeyTemplate(text))
    }

    /// A name: nothing in it is replaced.
    private mutating func readName(_ quote: UInt8) throws(TemplateFault) {
        take()
        while let byte = rest.first {
            guard byte != UInt8(ascii: "%") else {
                throw TemplateFault("%s stands in double quotes, which are for names; write it in single ones: '%s'")
            }
            take()
            if byte == quote { return }
        }
        throw TemplateFault("a name in quotes has no end; add the quote")
    }

    /// Puts a text, or the parameter that stands for it.
    private mutating func add(_ template: KeyTemplate) throws(TemplateFault) {
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
        guard parameters.count <= Self.mostParameters else { throw TemplateFault("it has too many different texts") }
        sql.append(UInt8(ascii: "?"))
        sql.append(decimal: UInt64((known ?? parameters.count - 1) + 1))
    }

    private static let mostParameters = 64
}
