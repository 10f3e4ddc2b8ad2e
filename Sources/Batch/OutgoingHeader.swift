// The header as it leaves: what was submitted, byte for byte, but for what must not leave and what must be there.

import MailAddress
import Spool

/// The header of a routed message.
struct OutgoingHeader {
    /// The fields, each with its line end.
    let bytes: [UInt8]
    /// The message's identifier, angle brackets included; one of ours where none was submitted, or an empty one.
    let messageIdentifier: [UInt8]

    /// Fields that go: blind copies would not be blind, and the final delivery writes the others (RFC 5321, 4.4).
    private static let dropped = ["Bcc", "Resent-Bcc", "Return-Path", "X-Envelope-To"]

    /// The header of a submission: our Received field, the submitted fields, and of Message-Id, From and Date what is
    /// missing.
    init(_ submission: Submission, sender: MessageSender, stamp: MessageStamp) {
        var bytes = stamp.received(submission.envelope)
        for field in submission.fields where !Self.dropped.contains(where: { submission.has(field, name: $0) }) {
            bytes += submission.bytes(of: field)
            // A header that ends with the file may lack its last line end.
            if bytes.last != 0x0A { bytes.append(0x0A) }
        }
        func add(_ name: String, _ value: [UInt8]) { bytes += Array("\(name): ".utf8) + value + [0x0A] }
        if let field = submission.first(named: "Message-Id") {
            let value = HeaderValue.unfolded(submission.value(of: field))
            messageIdentifier = value.isEmpty ? stamp.messageIdentifier : value
        } else {
            messageIdentifier = stamp.messageIdentifier
            add("Message-Id", stamp.messageIdentifier)
        }
        if submission.first(named: "From") == nil {
            let author = sender.address ?? Array("MAILER-DAEMON@".utf8) + stamp.hostname
            add("From", [UInt8(ascii: "<")] + author + [UInt8(ascii: ">")])
        }
        if submission.first(named: "Date") == nil { add("Date", stamp.date) }
        self.bytes = bytes
    }
}
