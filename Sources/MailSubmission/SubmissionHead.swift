// The envelope of a message on its way into the spool, in the lines that ZMailer's programs write.

import Bytes
package import LMTP
import MailSyntax
import Spool

/// How a message came, as the lines before its header say it.
package struct SubmissionOrigin: Sendable {
    /// Whether it came from outside.
    package var isExternal = false
    /// Who it was received from, for the Received field; empty where nobody says.
    package var client: [UInt8] = []
    /// The protocol it came by; empty where there was none.
    package var with: [UInt8] = []
    /// The account that submits it; empty where that is not known.
    package var login: [UInt8] = []
    /// What is known of the account beside its name; empty for nothing.
    package var identity: [UInt8] = []
    /// The sender's name, for a header without From; empty where there is none.
    package var fullName: [UInt8] = []

    /// An origin of which nothing is known.
    package init() {}
}

/// The lines before the header of a submission.
package struct SubmissionHead: Sendable {
    /// The lines, up to and with `env-end`.
    package let bytes: [UInt8]

    /// The envelope of some recipients.
    ///
    /// - Parameters:
    ///   - recipients: those that are meant; those of the envelope are not looked at.
    ///   - bodyType: what the sender said of the body; nil where nothing.
    /// - Returns: nil where the lines would not be read as they are meant: nobody may be lost by how his address is written.
    package init?(
        _ envelope: Envelope, recipients: [EnvelopeRecipient], bodyType: String? = nil, origin: SubmissionOrigin
    ) {
        var bytes: [UInt8] = []
        func line(_ keyword: StaticString, _ value: [UInt8]) {
            bytes += Array("\(keyword) ".utf8) + value + [ASCII.lineFeed]
        }
        /// A line that nothing depends on but what people are shown: it must not end before its end.
        func remark(_ keyword: StaticString, _ value: [UInt8]) {
            guard !value.isEmpty else { return }
            line(keyword, value.map { $0 < 0x20 || $0 == 0x7F ? UInt8(ascii: "?") : $0 })
        }
        if origin.isExternal { bytes += Array("external\n".utf8) }
        remark("rcvdfrom", origin.client)
        remark("with", origin.with)
        remark("loginname", origin.login)
        remark("identinfo", origin.identity)
        remark("fullname", origin.fullName)
        if let bodyType { remark("bodytype", Array(bodyType.utf8)) }
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
