// The filter of a description: which attributes it asks for, and what it is for a key. What a key holds is escaped as RFC 4515 says, so
// that nothing in it is ever a part of the filter itself.

import Bytes
import MapDescriptions

/// A filter that is made for each key.
struct FilterTemplate: Sendable, Hashable {
    private enum Piece: Sendable, Hashable {
        case bytes([UInt8])
        case part(KeyTemplate)
    }

    /// The attributes that it asks for, each once.
    let attributes: [String]
    /// How all keys that it can find are listed; nil where they cannot be.
    let listing: FilterListing?
    private let pieces: [Piece]

    /// Reads a filter (RFC 4515) with `%s`, `%u` and `%d` in its values; one without parentheses is taken for one in them.
    ///
    /// - Throws: a clause about what in it cannot be used.
    init(_ text: some Collection<UInt8>) throws(DescriptionFault) {
        var pieces: [Piece] = []
        var plain: [UInt8] = []
        // The same with one byte, which no filter has, for each part of the key.
        var shape: [UInt8] = []
        let isWhole = text.first == UInt8(ascii: "(")
        if !isWhole { plain.append(UInt8(ascii: "(")) }
        shape += plain
        var rest = Array(text)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                plain.append(byte)
                shape.append(byte)
                continue
            }
            let template = try KeyTemplate([byte] + rest.prefix(1))
            rest = rest.dropFirst()
            if let constant = template.constant {
                plain += constant
                shape += constant
                continue
            }
            pieces.append(.bytes(plain))
            plain = []
            pieces.append(.part(template))
            shape.append(template == .key ? FilterShape.key : FilterShape.partOfKey)
        }
        if !isWhole {
            plain.append(UInt8(ascii: ")"))
            shape.append(UInt8(ascii: ")"))
        }
        pieces.append(.bytes(plain))
        self.pieces = pieces
        var reader = FilterShape(rest: shape[...])
        try reader.readWhole()
        attributes = reader.attributes
        listing = reader.isListed ? FilterListing(filter: reader.listing, keys: reader.keys) : nil
        guard shape.contains(where: { FilterShape.stands(for: $0) }) else {
            throw DescriptionFault("it does not ask for the key; write %s where the key belongs")
        }
    }

    /// Appends the filter for a key.
    ///
    /// - Returns: false where the key has no such part: no domain, or nothing before it.
    func append(for key: Span<UInt8>, to filter: inout [UInt8]) -> Bool {
        for piece in pieces {
            switch piece {
            case .bytes(let bytes): filter += bytes
            case .part(let template):
                var value: [UInt8] = []
                guard template.append(for: key, value: key, to: &value) else { return false }
                for byte in value { Self.append(byte, to: &filter) }
            }
        }
        return true
    }

    /// Appends a byte of a value: what has a meaning in filters, and all that is no printable ASCII, in hexadecimal.
    private static func append(_ byte: UInt8, to filter: inout [UInt8]) {
        switch byte {
        case UInt8(ascii: "*"), UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "\\"), 0...0x1F, 0x7F...0xFF:
            filter.append(UInt8(ascii: "\\"))
            filter.append(ASCII.hexadecimalDigit(byte >> 4))
            filter.append(ASCII.hexadecimalDigit(byte & 15))
        default: filter.append(byte)
        }
    }
}

/// The search for all entries that a filter finds for any key.
struct FilterListing: Sendable, Hashable {
    /// The filter.
    let filter: [UInt8]
    /// The attributes whose values are the keys.
    let keys: [String]
}

/// Reads what a filter is made of.
private struct FilterShape {
    /// Stand for the key, and for a part of it.
    static let key: UInt8 = 1, partOfKey: UInt8 = 2

    var rest: ArraySlice<UInt8>
    var attributes: [String] = []
    /// The same filter with any value in the place of the key.
    var listing: [UInt8] = []
    /// The attributes that are asked for the key itself.
    var keys: [String] = []
    /// Whether every value of those in an entry of the listing is a key that finds it.
    var isListed = true
    private var depth = 0

    /// What of a filter asks for the key.
    private enum Use {
        case none, alone, within
    }

    /// Filters deeper than this are none that anybody wrote.
    private static let deepest = 64

    init(rest: ArraySlice<UInt8>) { self.rest = rest }

    /// Whether a byte stands for the key or a part of it.
    static func stands(for byte: UInt8) -> Bool { byte == key || byte == partOfKey }

    mutating func readWhole() throws(DescriptionFault) {
        if try readFilter() == .none { isListed = false }
        guard rest.isEmpty else {
            throw DescriptionFault("something follows its last parenthesis; put (& ... ) around several filters")
        }
    }

    /// Reads a filter.
    ///
    /// - Returns: whether it asks for the key: alone, so that any of its keys finds the entry, or among other conditions.
    @discardableResult
    private mutating func readFilter() throws(DescriptionFault) -> Use {
        skipBlanks()
        try expect(UInt8(ascii: "("))
        depth += 1
        guard depth <= Self.deepest else { throw DescriptionFault("it is nested too deeply") }
        skipBlanks()
        let use: Use
        switch rest.first {
        case UInt8(ascii: "&"):
            take()
            let uses = try readFilters().filter { $0 != .none }
            // An entry may be found by two attributes together, and by none of them alone.
            if uses.count > 1 { isListed = false }
            use = uses.isEmpty ? .none : .within
        case UInt8(ascii: "|"):
            take()
            let uses = try readFilters()
            let isAsked = uses.contains { $0 != .none }
            if isAsked, !uses.allSatisfy({ $0 == .alone }) { isListed = false }
            use = isAsked ? .alone : .none
        case UInt8(ascii: "!"):
            take()
            use = try readFilter()
            if use != .none { isListed = false }
        default: use = try readItem()
        }
        skipBlanks()
        try expect(UInt8(ascii: ")"))
        depth -= 1
        return use
    }

    private mutating func readFilters() throws(DescriptionFault) -> [Use] {
        var uses: [Use] = []
        repeat {
            uses.append(try readFilter())
            skipBlanks()
        } while rest.first == UInt8(ascii: "(")
        return uses
    }

    /// Reads `attribute=value`, with `~`, `<`, `>` or the parts of an extensible match before the sign.
    private mutating func readItem() throws(DescriptionFault) -> Use {
        let left = rest.prefix { $0 != UInt8(ascii: "=") && !Self.isParenthesis($0) }
        rest = rest[left.endIndex...]
        listing += left
        try expect(UInt8(ascii: "="))
        let name = left.prefix { !"~<>:;".utf8.contains($0) }
        guard !left.contains(where: Self.stands) else {
            throw DescriptionFault("a part of the key stands where an attribute does; it can only be a value")
        }
        let isName = name.allSatisfy {
            ASCII.isDigit($0) || ($0 | 0x20) &- UInt8(ascii: "a") < 26 || "-.".utf8.contains($0)
        }
        guard !name.isEmpty, isName else {
            let text = String(decoding: left, as: UTF8.self)
            throw DescriptionFault("'\(text)' is no attribute; write filters like (mail=%s)")
        }
        let attribute = String(decoding: name, as: UTF8.self)
        if !attributes.contains(attribute) { attributes.append(attribute) }
        let value = rest.prefix { !Self.isParenthesis($0) }
        try check(value)
        rest = rest[value.endIndex...]
        guard value.contains(where: Self.stands) else {
            listing += value
            return .none
        }
        if value.elementsEqual([Self.key]), name.count == left.count {
            if !keys.contains(attribute) { keys.append(attribute) }
        } else {
            isListed = false
        }
        listing.append(UInt8(ascii: "*"))
        return .alone
    }

    private func check(_ value: ArraySlice<UInt8>) throws(DescriptionFault) {
        guard rest[value.endIndex...].first != UInt8(ascii: "(") else {
            throw DescriptionFault("a value has a parenthesis; close the one before it, or write \\28")
        }
        var left = value
        while let byte = left.popFirst() {
            guard byte == UInt8(ascii: "\\") else { continue }
            guard left.count >= 2, left.prefix(2).allSatisfy({ ASCII.hexadecimalValue($0) != nil }) else {
                throw DescriptionFault("a \\ is not followed by two hexadecimal digits; write \\5c for itself")
            }
        }
    }

    private mutating func skipBlanks() { while let byte = rest.first, ASCII.isBlank(byte) { take() } }

    private mutating func take() { if let byte = rest.popFirst() { listing.append(byte) } }

    private mutating func expect(_ byte: UInt8) throws(DescriptionFault) {
        guard rest.first == byte else {
            let sign = String(decoding: [byte], as: UTF8.self)
            throw DescriptionFault(
                "it lacks a '\(sign)'; write filters like (mail=%s) or (&(objectClass=person)(mail=%s))")
        }
        take()
    }

    private static func isParenthesis(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "(") || byte == UInt8(ascii: ")")
    }
}
