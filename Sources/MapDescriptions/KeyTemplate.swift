// Texts with parts of a key in them, as Postfix writes them (sqlite_table(5), pgsql_table(5)): `%s` is the key, `%u` its local part, `%d` its
// domain, `%%` a percent sign.

import Bytes

/// A text that is made for each key.
package struct KeyTemplate: Sendable, Hashable {
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
    package static let key = KeyTemplate(pieces: [.part(.whole, ofKey: true)])

    private init(pieces: [Piece]) { self.pieces = pieces }

    /// Reads a template.
    ///
    /// - Parameter isResult: whether lower-case letters stand for parts of the value, and capitals for parts of the key, as in
    ///   `result_format`; in a query both are the key.
    /// - Throws: a clause about what in it cannot be read.
    package init(_ text: some Collection<UInt8>, isResult: Bool = false) throws(DescriptionFault) {
        var rest = text[...]
        var plain: [UInt8] = []
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                plain.append(byte)
                continue
            }
            guard let letter = rest.popFirst() else { throw DescriptionFault("it ends with a single %; write %%") }
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
                throw DescriptionFault("%\(letter) is not carried over; %s, %u, %d and %% are")
            }
            if !plain.isEmpty { pieces.append(.bytes(plain)) }
            plain = []
            pieces.append(.part(part, ofKey: !isResult || ASCII.lowercase(letter) != letter))
        }
        if !plain.isEmpty { pieces.append(.bytes(plain)) }
    }

    /// The text where it is the same for every key.
    package var constant: [UInt8]? {
        guard pieces.count <= 1 else { return nil }
        guard let piece = pieces.first else { return [] }
        if case .bytes(let bytes) = piece { return bytes }
        return nil
    }

    /// Appends the text for a key.
    ///
    /// - Parameter value: what the lower-case letters of a `result_format` stand for.
    /// - Returns: false where the key has no such part: no domain, or nothing before it.
    package func append(for key: Span<UInt8>, value: Span<UInt8>, to output: inout [UInt8]) -> Bool {
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

/// What in a description cannot be used.
package struct DescriptionFault: Error {
    /// The cause and the remedy, as a clause.
    package let text: String

    /// Says what it is.
    package init(_ text: String) { self.text = text }
}
