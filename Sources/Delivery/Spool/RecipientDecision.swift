// What is to become of one recipient line, before any server is asked.

import Bytes
import Glibc
package import LMTP
import MailSyntax
package import Spool

/// The decision about a pending recipient.
package enum RecipientDecision {
    /// Not delivery's business: held for routing, or one of several alternatives.
    case notOurs
    /// Discarded, as an administrator's `bitbucket` route or alias `/dev/null` says: it counts as delivered.
    case discard
    /// Fails for good, for this reason.
    case fail(Reply)
    /// To be sent there.
    case deliver(Destination, RetrySchedule)
    /// Stays queued for this reason; whether that is a fault of the configuration.
    case keep(String, isFault: Bool, RetrySchedule)

    /// Decides by channel, host and user.
    init(_ recipient: ControlRecipient, plan: DeliveryPlan) {
        if recipient.alternativeSet != nil {
            self = .notOurs
        } else {
            self.init(recipient.address, known: recipient.addressKnownToSender.address, plan: plan)
        }
    }

    /// Decides by channel, host and user.
    ///
    /// - Parameter known: the address as the sender wrote it, for what is said about it.
    package init(_ address: ControlAddress, known: @autoclosure () -> [UInt8], plan: DeliveryPlan) {
        switch RouteVerdict(channel: address.channel.span, user: ControlField.unquoted(address.user).span) {
        case .deferred: self = .notOurs
        case .discarded: self = .discard
        case .refused:
            let refusal = RouteRefusal(
                host: ControlField.unquoted(address.host), user: ControlField.unquoted(address.user))
            self = .fail(Self.reply(refusal, known: known()))
        case .refusedLocalForm: self = .fail(Self.reply(.localForm, known: known()))
        case .delivers:
            let decision = plan.decision(channel: address.channel, host: address.host)
            switch decision.disposition {
            case .deliver(let destination): self = .deliver(destination, decision.schedule)
            case .keep(let reason): self = .keep(reason, isFault: true, decision.schedule)
            case .wait(let reason): self = .keep(reason, isFault: false, decision.schedule)
            }
        }
    }

    /// What is said of a recipient that is discarded.
    package static let discarded = Reply(local: 250, EnhancedStatusCode(2, 0, 0), "discarded, as its route says")

    /// The reply in which a refusal is told.
    ///
    /// The address named is the sender's own: that of the route may be one inside the house, which an alias leads to.
    private static func reply(_ refusal: RouteRefusal, known: [UInt8]) -> Reply {
        let address = refusal.wantsAddress ? " <\(printable(known))>" : ""
        return Reply(local: 550, refusal.code, refusal.text + address)
    }
}

/// Bytes from outside as text that is safe in a log: control characters become `?`.
func printable(_ bytes: some Sequence<UInt8>) -> String {
    String(decoding: bytes.map { ASCII.isControl($0) ? UInt8(ascii: "?") : $0 }, as: UTF8.self)
}

// The `d` line of an outcome: what a report is made of later, in ZMailer's form.

/// The words of a reply without codes, its lines joined by blanks.
func text(of reply: Reply) -> [UInt8] {
    let code = reply.enhancedCode.map { Array("\($0) ".utf8) } ?? []
    var joined: [UInt8] = []
    for line in reply.textLines {
        if !joined.isEmpty, joined.last != ASCII.space { joined.append(ASCII.space) }
        joined += !code.isEmpty && line.starts(with: code) ? line.dropFirst(code.count) : line
    }
    return joined
}

/// A diagnostic for a recipient.
///
/// - Parameters:
///   - action: failed, delayed or delivered (RFC 3464 2.3.3).
///   - endpoint: the server; nil where none was asked.
///   - dialogue: what was said about the recipient; the reply's text where nothing was.
func diagnosis(
    _ recipient: ControlRecipient, action: String, reply: Reply, endpoint: Endpoint?, dialogue: [UInt8], time: Int
) -> Diagnostic {
    let status = reply.enhancedCode ?? EnhancedStatusCode(UInt8(clamping: reply.code / 100), 0, 0)
    let kind = reply.isLocal ? "x-local" : "smtp"
    let notary = Diagnostic.Notary(
        address: recipient.address.user, action: Array(action.utf8), status: Array(status.description.utf8),
        diagnostic: Array("\(kind); \(reply.code) (".utf8) + text(of: reply) + [UInt8(ascii: ")")],
        place: endpoint.map { Array(" (\($0)|UNKNOWN-LOCAL-ADDRESS)".utf8) } ?? [],
        agent: Array("zroute[\(getpid())]".utf8))
    return Diagnostic(
        recipient: recipient, time: time, notary: notary, message: dialogue.isEmpty ? text(of: reply) : dialogue)
}
