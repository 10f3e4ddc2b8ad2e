// The status code of RFC 3463 (`5.1.1`), which says what three digits of a reply cannot; carried in replies by RFC 2034.

import Bytes

/// An enhanced mail system status code (RFC 3463): class, subject, detail.
public struct EnhancedStatusCode: Sendable, Hashable, CustomStringConvertible {
    /// 2 for success, 4 for a passing failure, 5 for a lasting one.
    public let statusClass: UInt8
    /// What it is about, such as 1 for addresses; 0–999.
    public let subject: UInt16
    /// The detail within the subject; 0–999.
    public let detail: UInt16

    /// Makes a code from its three numbers, unchecked: for codes written in source.
    public init(_ statusClass: UInt8, _ subject: UInt16, _ detail: UInt16) {
        self.statusClass = statusClass
        self.subject = subject
        self.detail = detail
    }

    /// Reads a code that stands at the start of a reply's text and ends at a blank or with the text.
    ///
    /// - Returns: nil where the text does not start with one.
    public init?(leading text: ArraySlice<UInt8>) {
        guard let first = text.first, first == 0x32 || first == 0x34 || first == 0x35 else { return nil }
        var index = text.index(after: text.startIndex)
        guard let subject = Self.number(in: text, at: &index), let detail = Self.number(in: text, at: &index) else {
            return nil
        }
        guard index == text.endIndex || text[index] == 0x20 || text[index] == 0x09 else { return nil }
        self.init(first &- 0x30, subject, detail)
    }

    /// A dot and one to three digits.
    private static func number(in text: ArraySlice<UInt8>, at index: inout Int) -> UInt16? {
        guard index < text.endIndex, text[index] == 0x2E else { return nil }
        index += 1
        let start = index
        var value: UInt16 = 0
        while index < text.endIndex, index - start < 3, text[index] &- 0x30 < 10 {
            value = value * 10 + UInt16(text[index] &- 0x30)
            index += 1
        }
        return index > start ? value : nil
    }

    /// The form on the wire: `5.1.1`.
    public var description: String { "\(statusClass).\(subject).\(detail)" }
}
