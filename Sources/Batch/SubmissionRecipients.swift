// Who a message goes to, before routing: the envelope's recipients, or those of the header where it has none.

import MailAddress
import Spool

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
