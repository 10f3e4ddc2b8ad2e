// What this host says of a message when it routes it: where it passes through, when, and under which identifier.

import Spool

/// Our mark on one message.
struct MessageStamp {
    /// This host's name.
    let hostname: [UInt8]
    /// The time of routing, in seconds since 1970.
    let time: Int64
    /// The identifier in the Received field, unique on this host for all time.
    let identifier: String

    /// A mark for a submission.
    ///
    /// The identifier is the message's name, which is an inode number and used again, with the time at which the file
    /// was written; a run that goes over the file again comes to the same one.
    init(hostname: [UInt8], time: Int64, message: MessageName, written: Int64) {
        self.hostname = hostname
        self.time = time
        identifier = "S\(message)T\(String(UInt64(clamping: written), radix: 36))"
    }

    /// The Message-Id for a message that has none (RFC 5322, 3.6.4).
    var messageIdentifier: [UInt8] { Array("<\(identifier)@".utf8) + hostname + [UInt8(ascii: ">")] }

    /// The date for a message that has none.
    var date: [UInt8] { Array(MailDate.text(time).utf8) }

    /// The Received field (RFC 5321, 4.4), folded as ZMailer folds it.
    func received(_ envelope: SubmissionEnvelope) -> [UInt8] {
        var field = Array("Received: ".utf8)
        if let client = envelope.receivedFrom { field += Array("from ".utf8) + Self.plain(client) + [0x20] }
        field += Array("by ".utf8) + hostname
        var isFolded = false
        for (keyword, value) in [("via", envelope.via), ("with", envelope.with)] {
            guard let value, !value.isEmpty else { continue }
            field += Array((isFolded ? " \(keyword) " : "\n\t\(keyword) ").utf8) + Self.plain(value)
            isFolded = true
        }
        field += Array(" id \(identifier);\n\t".utf8) + date
        field.append(0x0A)
        return field
    }

    /// A value without what would end the field or its clause.
    private static func plain(_ value: [UInt8]) -> [UInt8] {
        value.map { $0 < 0x20 || $0 == 0x7F || $0 == UInt8(ascii: ";") ? UInt8(ascii: "?") : $0 }
    }
}
