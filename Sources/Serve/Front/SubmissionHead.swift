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
    ///   - identifier: tells this message from others of the front.
    ///   - time: seconds since 1970.
    static func bytes(
        client: [UInt8], host: String, identifier: String, isInternationalized: Bool, time: Int64
    ) -> [UInt8] {
        let name = client.map { byte in
            let isPlain =
                ASCII.isDigit(byte) || (0x61...0x7A).contains(byte | 0x20)
                || [0x2D, 0x2E, 0x3A, 0x5B, 0x5D, 0x5F].contains(byte)
            return isPlain ? byte : UInt8(ascii: "?")
        }
        return Array("Received: from ".utf8) + name
            + Array(
                "\r\n\tby \(host) (zroute) with \(isInternationalized ? "UTF8LMTP" : "LMTP") id \(identifier);\r\n\t\(MailDate.text(time))\r\n"
                    .utf8)
    }
}
