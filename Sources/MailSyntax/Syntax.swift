// The pieces of RFC 5322 and RFC 6531 syntax that an address and an address list share. Every function reads forward
// from a position and never back, so that work grows linearly with the length.

import Bytes
import Glibc

/// Readers of the elements of address syntax, on bytes.
enum Syntax {
    /// RFC 5322 specials, which end an atom.
    static let specials = ByteSet("()<>[]:;@\\,.\"")

    /// Skips blanks and nested comments (RFC 5322, CFWS).
    ///
    /// - Returns: whether anything was skipped.
    @discardableResult
    static func skipBlanksAndComments(_ bytes: Span<UInt8>, _ position: inout Int) throws(AddressError) -> Bool {
        let start = position
        while position < bytes.count {
            let byte = bytes[position]
            if ASCII.isBlank(byte) {
                position += 1
            } else if byte == UInt8(ascii: "(") {
                try skipComment(bytes, &position)
            } else {
                break
            }
        }
        return position > start
    }

    private static func skipComment(_ bytes: Span<UInt8>, _ position: inout Int) throws(AddressError) {
        let start = position
        var depth = 0
        while position < bytes.count {
            let byte = bytes[position]
            switch byte {
            case UInt8(ascii: "("): depth += 1
            case UInt8(ascii: ")"): depth -= 1
            case UInt8(ascii: "\\"):
                position += 1
                guard position < bytes.count else { throw AddressError(.unterminated("("), at: start) }
            default: break
            }
            try skipCharacter(bytes, &position, blanksAllowed: true)
            if depth == 0 { return }
        }
        throw AddressError(.unterminated("("), at: start)
    }

    /// Moves past one character, a whole UTF-8 sequence where one begins.
    @inline(__always)
    static func skipCharacter(
        _ bytes: Span<UInt8>, _ position: inout Int, blanksAllowed: Bool = false
    ) throws(AddressError) {
        let byte = bytes[position]
        if byte < 0x80 {
            if ASCII.isControl(byte), !(blanksAllowed && byte == 0x09) {
                throw AddressError(.controlCharacter, at: position)
            }
            position += 1
        } else {
            let length = WellFormedUTF8.sequenceLength(bytes, at: position)
            guard length > 0 else { throw AddressError(.invalidUTF8, at: position) }
            position += length
        }
    }

    /// Moves past a quoted string whose opening quote stands at the position (RFC 5321, Quoted-string).
    static func skipQuotedString(_ bytes: Span<UInt8>, _ position: inout Int) throws(AddressError) {
        let start = position
        position += 1
        while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: "\""):
                position += 1
                return
            case UInt8(ascii: "\\"):
                position += 1
                guard position < bytes.count else { throw AddressError(.unterminated("\""), at: start) }
            default: break
            }
            try skipCharacter(bytes, &position)
        }
        throw AddressError(.unterminated("\""), at: start)
    }

    /// Reads a domain, or a domain literal in brackets, into `text`.
    ///
    /// Limits: 255 bytes for the whole, 63 for a label. A trailing dot is a fault, as ZMailer's envelope has it.
    static func readDomain(
        _ bytes: Span<UInt8>, _ position: inout Int, into text: inout [UInt8]
    ) throws(AddressError) {
        let start = position
        if position < bytes.count, bytes[position] == UInt8(ascii: "[") {
            try readLiteral(bytes, &position, into: &text)
        } else {
            try readDottedLabels(bytes, &position, into: &text)
        }
        guard position - start <= 255 else { throw AddressError(.domainTooLong, at: start) }
    }

    private static func readLiteral(
        _ bytes: Span<UInt8>, _ position: inout Int, into text: inout [UInt8]
    ) throws(AddressError) {
        let start = position
        position += 1
        while position < bytes.count {
            let byte = bytes[position]
            switch byte {
            case UInt8(ascii: "]"):
                guard position > start + 1 else { throw AddressError(.emptyDomain, at: start) }
                position += 1
                text.append(from: bytes, start..<position)
                return
            case UInt8(ascii: "["), UInt8(ascii: "\\"), UInt8(ascii: "@"):
                throw AddressError(.unquotedSpecial(byte), at: position)
            case 0x20, 0x09:
                throw AddressError(.unquotedBlank, at: position)
            default:
                try skipCharacter(bytes, &position)
            }
        }
        throw AddressError(.unterminated("["), at: start)
    }

    private static func readDottedLabels(
        _ bytes: Span<UInt8>, _ position: inout Int, into text: inout [UInt8]
    ) throws(AddressError) {
        let start = position
        var label = start
        while position < bytes.count {
            let byte = bytes[position]
            if byte == UInt8(ascii: ".") {
                guard position > label else { throw AddressError(.misplacedDot, at: position) }
                position += 1
                label = position
            } else if byte >= 0x80 || (byte > 0x20 && byte != 0x7F && !specials.contains(byte)) {
                try skipCharacter(bytes, &position)
                guard position - label <= 63 else { throw AddressError(.labelTooLong, at: label) }
            } else if ASCII.isControl(byte), byte != 0x09 {
                throw AddressError(.controlCharacter, at: position)
            } else {
                break
            }
        }
        guard position > start else { throw AddressError(.emptyDomain, at: start) }
        guard position > label else { throw AddressError(.misplacedDot, at: position - 1) }
        text.append(from: bytes, start..<position)
    }
}

// Quoted strings (RFC 5321 4.1.2): taking the quotes off, and putting them on where they are needed.

/// Quoting of local parts.
public enum QuotedString {
    /// What a quoted string stands for: without its quotes, and without the backslash of each quoted pair.
    public static func unquoted(_ text: ArraySlice<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        var escaped = false
        for byte in text.dropFirst().dropLast() {
            if byte == UInt8(ascii: "\\"), !escaped {
                escaped = true
            } else {
                result.append(byte)
                escaped = false
            }
        }
        return result
    }

    /// The quoted string that stands for a text, with a backslash before each quote and backslash.
    public static func quoted(_ text: [UInt8]) -> [UInt8] {
        var result: [UInt8] = [UInt8(ascii: "\"")]
        result.reserveCapacity(text.count + 2)
        for byte in text {
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { result.append(UInt8(ascii: "\\")) }
            result.append(byte)
        }
        result.append(UInt8(ascii: "\""))
        return result
    }
}

// Domain literals (RFC 5321 4.1.3): [192.0.2.1] and [IPv6:2001:db8::1], compared as addresses and not as text.

/// An IP address as a domain literal writes it.
public struct AddressLiteral: Sendable, Hashable {
    /// 4 or 16 bytes, in network order.
    public let bytes: [UInt8]

    /// Reads an IPv4 or IPv6 address: with or without brackets, with or without the tag `IPv6:`.
    ///
    /// - Returns: nil if the text is neither.
    public init?(_ text: some Collection<UInt8>) {
        var inner = Array(text)
        if inner.first == UInt8(ascii: "["), inner.last == UInt8(ascii: "]") {
            inner = Array(inner[1..<inner.count - 1])
        }
        let tag = Array("ipv6:".utf8)
        if inner.prefix(tag.count).map(ASCII.lowercase) == tag { inner.removeFirst(tag.count) }
        // The longest textual IPv6 address has 45 bytes.
        guard !inner.isEmpty, inner.count <= 45, !inner.contains(0) else { return nil }
        let string = String(decoding: inner, as: Unicode.UTF8.self)
        var result = [UInt8](repeating: 0, count: 16)
        // inet_pton writes 4 bytes for AF_INET and 16 for AF_INET6, never more.
        if unsafe inet_pton(AF_INET, string, &result) == 1 {
            bytes = Array(result[..<4])
        } else if unsafe inet_pton(AF_INET6, string, &result) == 1 {
            bytes = result
        } else {
            return nil
        }
    }
}
