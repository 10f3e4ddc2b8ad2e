// The mark of the front on what it passes on (RFC 5321 4.4): where from, where, when.

import Bytes
import MailSyntax

/// The Received field of one message.
enum ReceivedField {
    /// The field with CRLF line ends.
    ///
    /// - Parameters:
    ///   - client: the name that the client gave; what is not of a host name's characters is shown as `?`.
    ///   - session: with the number it tells this message from others of the front.
    static func bytes(
        client: [UInt8], host: String, session: String, number: Int, isInternationalized: Bool, date: [UInt8]
    ) -> [UInt8] {
        var field: [UInt8] = []
        field.reserveCapacity(128 + client.count + host.utf8.count)
        field.append("Received: from ")
        for byte in client {
            let isPlain =
                ASCII.isDigit(byte) || (0x61...0x7A).contains(byte | 0x20)
                || byte == 0x2D || byte == 0x2E || byte == 0x3A || byte == 0x5B || byte == 0x5D || byte == 0x5F
            field.append(isPlain ? byte : UInt8(ascii: "?"))
        }
        field.append("\r\n\tby ")
        field.append(contentsOf: host.utf8)
        field.append(isInternationalized ? " (zroute) with UTF8LMTP id " : " (zroute) with LMTP id ")
        field.append(contentsOf: session.utf8)
        field.append(UInt8(ascii: "."))
        field.append(decimal: UInt64(number))
        field.append(";\r\n\t")
        field.append(contentsOf: date)
        field.append("\r\n")
        return field
    }
}

/// The date of Received fields, which is made once for each second.
struct ReceivedDate: Sendable {
    private var time = Int64.min
    private var bytes: [UInt8] = []

    /// The date of a time in seconds since 1970.
    mutating func text(of time: Int64) -> [UInt8] {
        if time != self.time {
            self.time = time
            bytes = Array(MailDate.text(time).utf8)
        }
        return bytes
    }
}
