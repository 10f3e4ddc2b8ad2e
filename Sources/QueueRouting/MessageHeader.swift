// The header as it leaves: what was submitted, byte for byte, but for what must not leave and what must be there.

import Bytes
import MailSyntax
package import Spool

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
            let name = DisplayName.bytes(of: submission.envelope.fullName ?? [])
            add("From", name + [UInt8(ascii: "<")] + author + [UInt8(ascii: ">")])
        }
        if submission.first(named: "Date") == nil { add("Date", stamp.submissionDate) }
        self.bytes = bytes
    }
}

// The sender's name in a From field of ours.

/// A name before an address (RFC 5322, 3.4).
private enum DisplayName {
    /// The name with the blank behind it; nothing where there is none.
    ///
    /// In quotes, or where it is not ASCII in encoded words (RFC 2047), each of which holds whole characters.
    static func bytes(of name: [UInt8]) -> [UInt8] {
        let name = name.map { $0 < 0x20 || $0 == 0x7F ? 0x20 : $0 }
        guard name.contains(where: { $0 != 0x20 }) else { return [] }
        if name.allSatisfy({ $0 < 0x80 }) {
            let isPlain = name.allSatisfy { $0 == 0x20 || ASCII.isDigit($0) || (0x61...0x7A).contains($0 | 0x20) }
            return (isPlain ? name : QuotedString.quoted(name)) + [0x20]
        }
        let charset = String(validating: name, as: UTF8.self) == nil ? "unknown-8bit" : "utf-8"
        var bytes: [UInt8] = []
        var rest = name[...]
        while !rest.isEmpty {
            // An encoded word has 75 bytes at the most, and a character of UTF-8 four.
            var end = min(rest.startIndex + 36, rest.endIndex)
            while end < rest.endIndex, end > rest.startIndex + 32, rest[end] & 0xC0 == 0x80 { end -= 1 }
            bytes += Array("=?\(charset)?B?".utf8) + Base64.encode(Array(rest[..<end])) + Array("?= ".utf8)
            rest = rest[end...]
        }
        return bytes
    }
}

// What this host says of a message when it routes it: where it passes through, when, and under which identifier.

/// Our mark on one message.
struct MessageStamp {
    /// This host's name.
    let hostname: [UInt8]
    /// The time of routing, in seconds since 1970.
    let time: Int64
    /// When the file was written, in seconds since 1970; the time of routing where that cannot be.
    private let submission: Int64
    /// The identifier in the Received field, unique on this host for all time.
    let identifier: String

    /// A mark for a submission.
    ///
    /// The identifier is the message's name with the time at which the file was written: names by other programs, and
    /// by earlier versions, are inode numbers and come back.
    init(hostname: [UInt8], time: Int64, message: MessageName, written: Int64) {
        self.hostname = hostname
        self.time = time
        submission = written > 0 ? min(written / 1_000_000_000, time) : time
        identifier = "S\(message)T\(String(UInt64(clamping: written), radix: 36))"
    }

    /// The Message-Id for a message that has none (RFC 5322, 3.6.4).
    var messageIdentifier: [UInt8] { Array("<\(identifier)@".utf8) + hostname + [UInt8(ascii: ">")] }

    /// The date for a message that has none (RFC 5322, 3.6.1): when it was submitted.
    var submissionDate: [UInt8] { Array(MailDate.text(submission).utf8) }

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
        field += Array(" id \(identifier);\n\t\(MailDate.text(time))".utf8)
        field.append(0x0A)
        return field
    }

    /// A value without what would end the field or its clause.
    private static func plain(_ value: [UInt8]) -> [UInt8] {
        value.map { $0 < 0x20 || $0 == 0x7F || $0 == UInt8(ascii: ";") ? UInt8(ascii: "?") : $0 }
    }
}

// The addresses of a header field that recipients are taken from (RFC 5322, 3.4). One that is wrong harms no other: a
// field that does not parse as a whole is taken apart at its commas.

/// The addresses of header fields, and of other lists that people write.
package enum HeaderRecipients {
    /// The addresses of a field's value, already on one line; parts that are no address come as they stand.
    package static func addresses(_ value: [UInt8]) -> [[UInt8]] {
        if let members = try? AddressList.members(of: value.span) { return members }
        return parts(value).flatMap { part -> [[UInt8]] in
            do throws(AddressError) {
                return try AddressList.members(of: part.span)
            } catch {
                // Nothing at all, or a group without members (`undisclosed-recipients:;`), names nobody.
                return error.reason == .emptyMember || error.reason == .empty ? [] : [part]
            }
        }
    }

    /// What stands between the commas that are in no quotes, comment, brackets or angle brackets.
    private static func parts(_ value: [UInt8]) -> [[UInt8]] {
        var parts: [[UInt8]] = []
        var part: [UInt8] = []
        var closing: [UInt8] = []
        var isEscaped = false
        for byte in value {
            if isEscaped {
                isEscaped = false
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == closing.last {
                closing.removeLast()
            } else if closing.last != UInt8(ascii: "\"") {
                if byte == UInt8(ascii: ","), closing.isEmpty {
                    parts.append(trimmed(part))
                    part = []
                    continue
                }
                if let end = end(of: byte, in: closing.last) { closing.append(end) }
            }
            part.append(byte)
        }
        parts.append(trimmed(part))
        return parts.filter { !$0.isEmpty }
    }

    /// What ends that which a byte begins; nil where it begins nothing.
    private static func end(of byte: UInt8, in outer: UInt8?) -> UInt8? {
        if byte == UInt8(ascii: "(") { return UInt8(ascii: ")") }
        guard outer != UInt8(ascii: ")") else { return nil }
        switch byte {
        case UInt8(ascii: "\""): return UInt8(ascii: "\"")
        case UInt8(ascii: "<"): return UInt8(ascii: ">")
        case UInt8(ascii: "["): return UInt8(ascii: "]")
        default: return nil
        }
    }

    private static func trimmed(_ part: [UInt8]) -> [UInt8] { HeaderValue.unfolded(part) }
}

// Who a message comes from: the envelope's sender, or the header's where the envelope has none.

/// The sender of a message.
package struct MessageSender {
    /// The address in the form in which it is routed; nil for the null sender.
    package let address: [UInt8]?

    /// The sender that somebody typed: an address, in angle brackets or not; nothing, or `<>`, is the null sender.
    ///
    /// - Parameter atDomain: `@` and the domain that a sender without one belongs to.
    /// - Throws: `RoutingRejection.unusableSender` for what mail cannot be returned to.
    package init(typed: [UInt8], atDomain: [UInt8]) throws(RoutingRejection) {
        address = typed.isEmpty || typed.elementsEqual("<>".utf8) ? nil : try Self.qualified(typed, atDomain)
    }

    /// The sender of a submission.
    ///
    /// - Parameter atDomain: `@` and the domain that a sender without one belongs to.
    /// - Throws: `RoutingRejection.unusableSender`.
    init(_ submission: Submission, atDomain: [UInt8]) throws(RoutingRejection) {
        switch submission.envelope.sender {
        case .null:
            address = nil
        case .address(let typed):
            address = try Self.qualified(typed, atDomain)
        case nil:
            guard let field = submission.senderField else {
                throw .unusableSender("neither the envelope nor the header names one")
            }
            address = try Self.qualified(Self.first(of: HeaderValue.unfolded(submission.value(of: field))), atDomain)
        }
    }

    /// The control file's sender line: what ZMailer's router writes for every sender, whatever route leads to it.
    var control: ControlAddress {
        let name = address ?? Array("<>".utf8)
        return ControlAddress(
            channel: Array((address == nil ? "error" : "local").utf8), host: name, user: name, privilege: 0)
    }

    private static func first(of value: [UInt8]) throws(RoutingRejection) -> [UInt8] {
        do throws(AddressError) {
            // A list without a member is an error there already.
            return try AddressList.members(of: value.span).first ?? []
        } catch {
            throw .unusableSender("header field: \(error)")
        }
    }

    private static func qualified(_ typed: [UInt8], _ atDomain: [UInt8]) throws(RoutingRejection) -> [UInt8] {
        let parsed: EnvelopeAddress
        do throws(AddressError) {
            parsed = try EnvelopeAddress(typed)
        } catch {
            throw .unusableSender("\(error)")
        }
        let isPath = parsed.text.first == UInt8(ascii: "|") || parsed.text.first == UInt8(ascii: "/")
        switch parsed.form {
        case .mailbox, .route: return parsed.text
        case .local where !isPath: return parsed.text + atDomain
        case .quotedLocal: return QuotedString.quoted(parsed.text) + atDomain
        case .local, .include, .channelLiteral, .null:
            throw .unusableSender("a command, a file or a channel cannot send mail")
        }
    }
}

// Who a message goes to, before routing: the envelope's recipients, or those of the header where it has none.

/// One recipient as it was submitted.
package struct SubmittedRecipient {
    /// The address in the form in which it is routed; as typed where it is no valid one, for the engine to refuse.
    package let address: [UInt8]
    /// The parameters of its notifications (`todsn`; RFC 3461); nil where none were given.
    package let notification: [UInt8]?

    init(_ typed: [UInt8], notification: [UInt8]? = nil) {
        address = Self.routedForm(typed)
        self.notification = notification
    }

    /// The address without blanks and comments around its words: what a control file can hold and give back unchanged.
    static func routedForm(_ typed: [UInt8]) -> [UInt8] {
        guard let parsed = try? EnvelopeAddress(typed) else { return typed }
        return parsed.form == .quotedLocal ? QuotedString.quoted(parsed.text) : parsed.text
    }
}

extension Submission {
    /// The recipients in the order in which ZMailer takes them: the envelope's as given, or the header's Bcc, Cc, To.
    ///
    /// - Throws: `RoutingRejection.noRecipient` where all the fields for them are empty.
    package func recipients() throws(RoutingRejection) -> [SubmittedRecipient] {
        if !envelope.recipients.isEmpty {
            return envelope.recipients.map { SubmittedRecipient($0.address, notification: $0.notification) }
        }
        var recipients: [SubmittedRecipient] = []
        let fields = recipientFields
        for names in [["bcc", "resent-bcc"], ["cc", "resent-cc"], ["to", "resent-to"]] {
            for field in fields where names.contains(where: { has(field, name: $0) }) {
                recipients += HeaderRecipients.addresses(HeaderValue.unfolded(value(of: field))).map {
                    SubmittedRecipient($0)
                }
            }
        }
        guard !recipients.isEmpty else { throw .noRecipient }
        return recipients
    }
}
