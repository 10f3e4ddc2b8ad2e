// The client's half of socketmap: what is asked, and what an answer means. No more than one question is open at a time, and
// nothing comes that was not asked for, so that no answer is taken for that to another question.

import Bytes

/// One question of a socketmap client.
package struct SocketmapClient: Sendable {
    /// What became of a question.
    package enum Answer: Sendable, Hashable {
        /// The key has this value.
        case found([UInt8])
        /// The key certainly has none.
        case absent
        /// The server does not know, and says why.
        case failed(String)
        /// This is no answer: the connection cannot be used any more.
        case broken(String)
    }

    /// What a length may have, in digits: no answer has more than 100,000 bytes.
    private static let lengthDigits = 6
    /// As much of a server's own words as messages have.
    private static let longestReason = 300

    private var received: [UInt8] = []

    /// Nothing has come yet.
    package init() {}

    /// The bytes that ask for a key.
    ///
    /// - Returns: nil for a key that the protocol cannot ask for: too long, or with a NUL, at which programs in C would cut it and
    ///   answer for another key.
    package static func request(map: String, key: Span<UInt8>) -> [UInt8]? {
        let count = map.utf8.count + 1 + key.count
        guard count <= Socketmap.longestReply, key.firstIndex(of: 0, from: 0) == nil else { return nil }
        var request: [UInt8] = []
        request.append(decimal: UInt64(count))
        request.append(UInt8(ascii: ":"))
        request.append(contentsOf: map.utf8)
        request.append(ASCII.space)
        request.append(from: key)
        request.append(UInt8(ascii: ","))
        return request
    }

    /// Whether a byte of the answer has come: a question that was closed before may be asked once more.
    package var hasBegun: Bool { !received.isEmpty }

    /// How many more bytes may be needed: no more of them have to be read.
    package static let piece = 16 << 10

    /// Takes what came.
    ///
    /// - Returns: nil where more has to come.
    package mutating func take(_ bytes: Span<UInt8>) -> Answer? {
        received.append(from: bytes)
        var length = 0
        var position = 0
        while true {
            guard position < received.count else { return nil }
            let byte = received[position]
            if byte == UInt8(ascii: ":"), position > 0 { break }
            guard ASCII.isDigit(byte), position < Self.lengthDigits else {
                return .broken("the answer does not begin with its length and a colon, as a netstring does")
            }
            guard position == 0 || received[0] != UInt8(ascii: "0") else {
                return .broken("the answer's length begins with a zero")
            }
            length = length * 10 + Int(byte - UInt8(ascii: "0"))
            position += 1
        }
        guard length <= Socketmap.longestReply else {
            return .broken("the answer has more than \(Socketmap.longestReply) bytes")
        }
        let start = position + 1
        guard received.count > start + length else { return nil }
        guard received[start + length] == UInt8(ascii: ",") else {
            return .broken("no comma stands at the end of the answer's netstring")
        }
        guard received.count == start + length + 1 else {
            return .broken("the server says more than it was asked")
        }
        return Self.meaning(of: received[start..<(start + length)])
    }

    /// The connection was closed before the answer was whole.
    package var isCutShort: Answer {
        .broken(
            hasBegun
                ? "the connection was closed in the middle of the answer"
                : "the connection was closed without an answer")
    }

    private static func meaning(of payload: ArraySlice<UInt8>) -> Answer {
        let blank = payload.firstIndex(of: ASCII.space)
        let word = String(decoding: payload[..<(blank ?? payload.endIndex)], as: UTF8.self)
        let rest = blank.map { payload[($0 + 1)...] }
        switch word {
        case "OK":
            // Postfix takes a bare OK for an absence, and sendmail crashes of it: nobody knows what such a server means.
            guard let rest, !rest.isEmpty else { return .failed("the server answers OK without a value") }
            guard !rest.contains(where: { $0 == 0 || $0 == ASCII.lineFeed || $0 == ASCII.carriageReturn }) else {
                return .failed("the value has a NUL or a line end")
            }
            return .found(Array(rest))
        case "NOTFOUND": return .absent
        case "TEMP", "TIMEOUT", "PERM": return .failed("the server answers \(word)\(reason(rest))")
        default: return .broken("the answer is none of OK, NOTFOUND, TEMP, TIMEOUT and PERM: '\(shown(payload))'")
        }
    }

    private static func reason(_ text: ArraySlice<UInt8>?) -> String {
        guard let text, !text.isEmpty else { return "" }
        return ": \(shown(text))"
    }

    /// A server's words in one line.
    private static func shown(_ text: ArraySlice<UInt8>) -> String {
        let visible = text.prefix(longestReason).map { $0 < 0x20 || $0 == 0x7F ? UInt8(ascii: "?") : $0 }
        return String(decoding: visible, as: UTF8.self)
    }
}
