// The addresses of a header field that recipients are taken from (RFC 5322, 3.4). One that is wrong harms no other: a
// field that does not parse as a whole is taken apart at its commas.

import MailAddress
import Spool

/// The addresses of header fields.
enum HeaderRecipients {
    /// The addresses of a field's value, already on one line; parts that are no address come as they stand.
    static func addresses(_ value: [UInt8]) -> [[UInt8]] {
        if let members = try? AddressList.members(of: value.span) { return members }
        return parts(value).flatMap { part -> [[UInt8]] in
            do throws(AddressError) {
                return try AddressList.members(of: part.span)
            } catch {
                // Nothing at all, or a group without members (`undisclosed-recipients:;`), names nobody.
                return error.reason == .emptyMember || error.reason == .empty ? [] : [part]
            }
        }
    }

    /// What stands between the commas that are in no quotes, comment, brackets or angle brackets.
    private static func parts(_ value: [UInt8]) -> [[UInt8]] {
        var parts: [[UInt8]] = []
        var part: [UInt8] = []
        var closing: [UInt8] = []
        var isEscaped = false
        for byte in value {
            if isEscaped {
                isEscaped = false
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == closing.last {
                closing.removeLast()
            } else if closing.last != UInt8(ascii: "\"") {
                if byte == UInt8(ascii: ","), closing.isEmpty {
                    parts.append(trimmed(part))
                    part = []
                    continue
                }
                if let end = end(of: byte, in: closing.last) { closing.append(end) }
            }
            part.append(byte)
        }
        parts.append(trimmed(part))
        return parts.filter { !$0.isEmpty }
    }

    /// What ends that which a byte begins; nil where it begins nothing.
    private static func end(of byte: UInt8, in outer: UInt8?) -> UInt8? {
        if byte == UInt8(ascii: "(") { return UInt8(ascii: ")") }
        guard outer != UInt8(ascii: ")") else { return nil }
        switch byte {
        case UInt8(ascii: "\""): return UInt8(ascii: "\"")
        case UInt8(ascii: "<"): return UInt8(ascii: ">")
        case UInt8(ascii: "["): return UInt8(ascii: "]")
        default: return nil
        }
    }

    private static func trimmed(_ part: [UInt8]) -> [UInt8] { HeaderValue.unfolded(part) }
}
