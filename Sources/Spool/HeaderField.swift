// One field of a message's header (RFC 5322, 2.2), kept as the bytes that were submitted.

import MailAddress

/// A header field: where it stands in the bytes it was read from.
///
/// It holds no bytes itself, so that ten thousand of them cost nothing; `Submission` gives the bytes.
public struct HeaderField: Sendable, Hashable {
    /// The whole field with its line ends, folded lines included.
    public let range: Range<Int>
    /// The field's name, without the colon and without blanks before it.
    public let nameRange: Range<Int>
    /// What follows the colon, up to and without the last line end; folds are still in it.
    public let valueRange: Range<Int>
}

/// Header values as bytes.
public enum HeaderValue {
    /// The value on one line: line ends go, and the blanks that follow them stay (RFC 5322, 2.2.3).
    ///
    /// Blanks at both ends go too. A carriage return that ends no line stays.
    public static func unfolded(_ value: some Collection<UInt8>) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(value.count)
        for byte in value {
            if byte == 0x0A {
                if bytes.last == 0x0D { bytes.removeLast() }
            } else {
                bytes.append(byte)
            }
        }
        return Array(trimmed(bytes[...]))
    }

    /// The bytes without the blanks at both ends.
    static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var rest = bytes
        while let first = rest.first, ASCII.isBlank(first) { rest.removeFirst() }
        while let last = rest.last, ASCII.isBlank(last) || last == 0x0D { rest.removeLast() }
        return rest
    }
}
