// Who a message comes from: the envelope's sender, or the header's where the envelope has none.

import Bytes
import MailSyntax
import Spool

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
struct SubmittedRecipient {
    /// The address in the form in which it is routed; as typed where it is no valid one, for the engine to refuse.
    let address: [UInt8]
    /// The parameters of its notifications (`todsn`; RFC 3461); nil where none were given.
    let notification: [UInt8]?

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
    func recipients() throws(RoutingRejection) -> [SubmittedRecipient] {
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
