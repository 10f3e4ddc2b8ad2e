// What became of a recipient, as ZMailer's agents append it to the control file (a `d` line).

import Bytes

/// A diagnostic: which recipient, when, what for a report (RFC 3464) and what was said between the agent and the server.
package struct Diagnostic: Sendable, Hashable {
    /// Where the recipient's line begins, in bytes from the file's beginning.
    package var recipientOffset: Int
    /// Where the recipient's first header line is; nil where it has none.
    package var headerOffset: Int?
    /// Where its notification line (`N`) begins; nil where it has none.
    package var notificationOffset: Int?
    /// The field between the offsets and the time, empty in all that ZMailer writes here.
    package var reserved: [UInt8]
    /// When, in seconds since 1970.
    package var time: Int
    /// The fields for the report.
    package var notary: Notary
    /// The dialogue, or a text in its place.
    package var message: [UInt8]

    /// The fields for a report, as they stand: address, action, status, diagnostic, place, agent.
    package struct Notary: Sendable, Hashable {
        /// The fields in order; there may be none, and further ones are kept.
        package var fields: [[UInt8]]

        /// Fields as they stand in a file.
        package init(fields: [[UInt8]]) {
            self.fields = fields
        }

        /// Fields by their meaning.
        ///
        /// - Parameters:
        ///   - address: the recipient as it was delivered to.
        ///   - action: failed, delivered, relayed or delayed (RFC 3464, 2.3.3).
        ///   - status: the enhanced status code, such as `5.1.1` (RFC 3463).
        ///   - diagnostic: the server's reply, such as `smtp; 550 (no such mailbox)`.
        ///   - place: the server, such as ` (UNIX:/run/lmtp)`.
        ///   - agent: the agent and its process number, such as `smtp[2969]`.
        package init(
            address: [UInt8], action: [UInt8], status: [UInt8], diagnostic: [UInt8], place: [UInt8], agent: [UInt8]
        ) {
            fields = [address, action, status, diagnostic, place, agent]
        }

        /// The recipient as it was delivered to.
        package var address: [UInt8]? { field(0) }
        /// failed, delivered, relayed or delayed.
        package var action: [UInt8]? { field(1) }
        /// The enhanced status code.
        package var status: [UInt8]? { field(2) }
        /// The server's reply, with its kind before it.
        package var diagnostic: [UInt8]? { field(3) }
        /// The server.
        package var place: [UInt8]? { field(4) }
        /// The agent and its process number.
        package var agent: [UInt8]? { field(5) }

        private func field(_ index: Int) -> [UInt8]? { index < fields.count ? fields[index] : nil }
    }

    /// A diagnostic for a recipient, its offsets taken from there.
    package init(recipient: ControlRecipient, time: Int, notary: Notary, message: [UInt8]) {
        recipientOffset = recipient.offset
        headerOffset = recipient.headerOffset
        notificationOffset = recipient.notificationOffset
        reserved = []
        self.time = time
        self.notary = notary
        self.message = message
    }

    /// The diagnostic that a line's text tells, or nil where it has another form.
    package init?(parsing text: [UInt8]) {
        let parts = text.split(separator: UInt8(ascii: "\t"), maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3 else { return nil }
        let numbers = parts[0].split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        guard numbers.count == 5, let recipient = Decimal.value(numbers[0]), let time = Decimal.value(numbers[4]),
            let header = Self.offset(numbers[1]), let notification = Self.offset(numbers[2])
        else { return nil }
        recipientOffset = recipient
        headerOffset = header
        notificationOffset = notification
        reserved = Array(numbers[3])
        self.time = time
        notary = Notary(
            fields: parts[1].isEmpty
                ? [] : parts[1].split(separator: 1, omittingEmptySubsequences: false).map { Array($0) })
        message = Array(parts[2])
    }

    /// The text of the line, without letter, tag and line end.
    ///
    /// What would end a field or the line early becomes a blank, and a line end within the message a carriage return:
    /// all of it comes from servers.
    package var text: [UInt8] {
        let place =
            "\(recipientOffset):\(Self.text(headerOffset)):\(Self.text(notificationOffset)):"
        var bytes = Array(place.utf8)
        bytes += reserved.map { $0 < 0x20 || $0 == UInt8(ascii: ":") ? 0x20 : $0 }
        bytes += Array(":\(time)\t".utf8)
        bytes += notary.fields.map { $0.map { $0 < 0x20 ? 0x20 : $0 } }.joined(separator: CollectionOfOne(UInt8(1)))
        bytes.append(UInt8(ascii: "\t"))
        bytes += message.map { $0 == 0x0A ? 0x0D : $0 == 0 ? 0x20 : $0 }
        return bytes
    }

    /// The line as it is appended to a control file.
    package var line: ControlLine { ControlLine(.diagnostic, text: text) }

    private static func text(_ offset: Int?) -> String { offset.map(String.init) ?? "-1" }

    /// An offset or -1, which is nil within; nil where the text is neither.
    private static func offset(_ text: ArraySlice<UInt8>) -> Int?? {
        if text.elementsEqual("-1".utf8) { return .some(nil) }
        return Decimal.value(text).map { .some($0) }
    }
}

// The dialogue in a diagnostic: what was sent and received, each line led by a carriage return and an arrow.

/// One line of a dialogue with a server, as diagnostics have it.
package struct DialogueLine: Sendable, Hashable {
    /// Which way a line went.
    package enum Direction: Sendable, Hashable {
        /// From the agent to the server (`<<- `).
        case sent
        /// From the server to the agent (`->> `).
        case received
    }

    /// Which way it went.
    package let direction: Direction
    /// The line without its line end.
    package let text: [UInt8]

    /// A line.
    package init(_ direction: Direction, _ text: [UInt8]) {
        self.direction = direction
        self.text = text
    }

    /// The lines as one message; a carriage return or line feed within one becomes a blank.
    package static func message(_ lines: [DialogueLine]) -> [UInt8] {
        lines.flatMap { line in
            Array(line.direction == .sent ? "\r<<- ".utf8 : "\r->> ".utf8)
                + line.text.map { $0 == 0x0D || $0 == 0x0A ? 0x20 : $0 }
        }
    }

    /// The lines of a message; nil where some part of it is not led by an arrow.
    package static func lines(_ message: [UInt8]) -> [DialogueLine]? {
        var lines: [DialogueLine] = []
        for part in message.split(separator: 0x0D, omittingEmptySubsequences: false).dropFirst() {
            if part.starts(with: "<<- ".utf8) {
                lines.append(DialogueLine(.sent, Array(part.dropFirst(4))))
            } else if part.starts(with: "->> ".utf8) {
                lines.append(DialogueLine(.received, Array(part.dropFirst(4))))
            } else {
                return nil
            }
        }
        return message.first.map { $0 == 0x0D } ?? true ? lines : nil
    }
}

// What a server's answer comes to in a control file.

/// What became of a recipient, to be written down.
package struct RecordedOutcome: Sendable, Hashable {
    /// Where the recipient's line begins, in bytes from the file's beginning.
    package let recipientOffset: Int
    /// Done, failed, or pending again.
    package let tag: RecipientTag
    /// What is appended about it, if anything.
    package let diagnostic: Diagnostic?

    /// An outcome.
    package init(_ recipient: ControlRecipient, _ tag: RecipientTag, _ diagnostic: Diagnostic? = nil) {
        recipientOffset = recipient.offset
        self.tag = tag
        self.diagnostic = diagnostic
    }
}
