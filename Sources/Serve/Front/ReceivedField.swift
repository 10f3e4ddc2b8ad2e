// The envelope of a message on its way into the spool, in the lines that ZMailer's programs write.

import Bytes
import LMTP
import MailSyntax
import Spool

/// The lines before the header of a submission.
struct SubmissionHead {
    let bytes: [UInt8]

    /// The envelope of some recipients.
    ///
    /// - Parameter client: the name that the client gave.
    /// - Returns: nil where the lines would not be read as they are meant: nobody may be lost by how his address is written.
    init?(_ envelope: Envelope, recipients: [EnvelopeRecipient], client: [UInt8]) {
        var bytes = Array("external\n".utf8)
        func line(_ keyword: StaticString, _ value: [UInt8]) {
            bytes += Array("\(keyword) ".utf8) + value + [ASCII.lineFeed]
        }
        if !client.isEmpty { line("rcvdfrom", client) }
        line("with", Array("LMTP".utf8))
        if envelope.bodyType == .eightBit { line("bodytype", Array("8BITMIME".utf8)) }
        if envelope.sender.isEmpty {
            line("channel", Array("error".utf8))
        } else {
            line("from", Self.bracketed(envelope.sender))
        }
        if let name = envelope.envelopeID { line("envid", name.bytes) }
        if let content = envelope.returnedContent { line("notaryret", Array(content.rawValue.utf8)) }
        for recipient in recipients {
            var parameters: [String] = []
            if let notify = recipient.notify { parameters.append("NOTIFY=\(notify.wire)") }
            if let original = recipient.originalRecipient { parameters.append("ORCPT=\(original)") }
            if !parameters.isEmpty { line("todsn", Array(parameters.joined(separator: " ").utf8)) }
            line("to", Self.bracketed(recipient.address))
        }
        bytes += Array("env-end\n".utf8)
        self.bytes = bytes
        guard let read = try? SubmissionParser.parse(bytes, isWhole: true)?.envelope else { return nil }
        let sender: SubmissionEnvelope.Sender = envelope.sender.isEmpty ? .null : .address(envelope.sender)
        guard read.sender == sender, read.recipients.map(\.address) == recipients.map(\.address) else { return nil }
    }

    private static func bracketed(_ address: [UInt8]) -> [UInt8] {
        [UInt8(ascii: "<")] + address + [UInt8(ascii: ">")]
    }
}

// The mark of the front on what it passes on (RFC 5321 4.4): where from, where, when.

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
