// What became of one recipient: a line of columns for scripts, or an event of the log.

import Delivery
import LMTP
import Spool

/// One recipient's result.
struct DeliveryResult {
    /// What the first column names: the message, or the recipient as given on the command line.
    let subject: String
    let sender: [UInt8], recipient: [UInt8]
    let size: Int
    let address: ControlAddress
    let outcome: RecipientReport.Outcome
    let reply: Reply
    let endpoint: Endpoint?

    /// Columns divided by tabs: message or recipient, route, outcome, server, reply, sender, recipient as the sender wrote
    /// it, size in bytes.
    var line: String {
        let fields = [address.channel, address.host, address.user]
        let columns = [
            subject, fields.map { printable($0) }.joined(separator: "!"), name, endpoint.map { "\($0)" } ?? "-",
            printable(Array(reply.description.utf8)), "<\(printable(sender))>", "<\(printable(recipient))>", "\(size)",
        ]
        return columns.joined(separator: "\t") + "\n"
    }

    /// The same as an event.
    ///
    /// - Parameter message: the message of the spool; nil where it is in none.
    func event(message: String?) -> LogEvent {
        var event = LogEvent(name, message: message)
        event.add(sender: sender, recipient: recipient)
        event.add(channel: address.channel, host: address.host, user: address.user)
        event.add(size: size)
        // Routing has events `failed` too: this member tells delivery's.
        event.add("result", .text(Array(name.utf8)))
        if let endpoint { event.add("endpoint", .text(Array("\(endpoint)".utf8)), as: "server", "\(endpoint)") }
        event.add("reply", words: "\(reply)")
        return event
    }

    private var name: String {
        switch outcome {
        case .delivered: "delivered"
        case .failed: "failed"
        case .deferred: "deferred"
        }
    }
}

extension DeliveryResult {
    /// The result of an attempt at a message of the spool.
    init(_ attempt: DeliveryAttempt) {
        self.init(
            subject: attempt.message.description, sender: attempt.sender, recipient: attempt.originalRecipient,
            size: attempt.size, address: attempt.address, outcome: attempt.outcome, reply: attempt.reply,
            endpoint: attempt.endpoint)
    }
}
