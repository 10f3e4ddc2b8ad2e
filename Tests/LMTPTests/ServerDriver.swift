// A driver of the server's half in memory: it decides as it is told to, at once or late, and notes what it was asked.

import Bytes
import LMTP
import MailSyntax

/// A server session with a store in memory behind it.
struct ServerDriver: Sendable {
    /// An answer that a driver owes its session.
    enum Decision: Sendable {
        case sender(Reply)
        case recipient(Int, Reply)
        case message(Reply?)
        case final(Int, Reply)
    }

    var session: ServerSession
    /// Replies by the beginning of an address; what is not named is accepted.
    var senderReplies: [String: String] = [:], recipientReplies: [String: String] = [:]
    var finalReplies: [String: String] = [:]
    /// The refusal of every message.
    var refusal: String?
    /// Whether decisions wait for `decide`.
    var isLate = false
    private(set) var pending: [Decision] = []
    /// What was asked, in order; the pieces of a message are joined.
    private(set) var events: [String] = []
    /// The messages that came whole.
    private(set) var messages: [[UInt8]] = []
    /// The envelopes they came with.
    private(set) var envelopes: [Envelope] = []
    private(set) var isClosed = false
    private var output: [UInt8] = []
    private var message: [UInt8] = []
    private var envelope = Envelope(sender: [], recipients: [])
    private var taken: [(number: Int, address: String)] = []

    init(_ options: ServerOptions = ServerOptions(host: "h")) {
        session = ServerSession(options: options)
        session.connected()
        carryOut()
    }

    /// What was said since the last call, with LF line ends.
    mutating func said() -> String {
        session.takeOutput(into: &output)
        defer { output = [] }
        return string(output).replacing("\r\n", with: "\n")
    }

    mutating func takeOutput() -> [UInt8] {
        session.takeOutput(into: &output)
        defer { output = [] }
        return output
    }

    /// Hears bytes, in pieces that end at these places.
    mutating func hear(_ bytes: [UInt8], cutAt cuts: [Int] = []) {
        var start = 0
        for end in cuts + [bytes.count] {
            session.receive(bytes[start..<end].span)
            carryOut()
            start = end
        }
    }

    /// Hears lines, each of which LF ends, with CRLF in its place.
    mutating func hear(_ text: String) { hear(wire(text)) }

    /// Makes a decision that waits.
    mutating func decide(_ index: Int = 0) {
        guard pending.indices.contains(index) else { return }
        make(pending.remove(at: index))
        carryOut()
    }

    mutating func connectionClosed() {
        session.connectionClosed()
        carryOut()
    }

    mutating func timedOut() {
        session.timedOut()
        carryOut()
    }

    mutating func finish() {
        session.finish()
        carryOut()
    }

    private mutating func make(_ decision: Decision) {
        switch decision {
        case .sender(let reply): session.senderDecided(reply)
        case .recipient(let number, let reply): session.recipientDecided(number, reply)
        case .message(let refusal): session.messageDecided(refusal)
        case .final(let number, let reply): session.recipientReply(number, reply)
        }
    }

    private mutating func carryOut() {
        while let action = session.nextAction() {
            switch action {
            case .sender(let given):
                envelope = given
                taken = []
                let sender = string(given.sender)
                note("sender <\(sender)>" + describe(given))
                owe(.sender(verdict(senderReplies, sender, "250 2.1.0 ok")))
            case .recipient(let number, let recipient):
                let address = string(recipient.address)
                note("recipient \(number) <\(address)>" + describe(recipient))
                let reply = verdict(recipientReplies, address, "250 2.1.5 ok")
                if reply.severity == .success {
                    taken.append((number, address))
                    envelope.recipients.append(recipient)
                }
                owe(.recipient(number, reply))
            case .beginMessage:
                message = []
                note("begin")
                owe(.message(refusal.map(reply)))
            case .message(let bytes):
                if message.isEmpty { note("message") }
                message += bytes
            case .endMessage:
                note("end \(string(message).debugDescription)")
                messages.append(message)
                envelopes.append(envelope)
                for (number, address) in taken {
                    owe(.final(number, verdict(finalReplies, address, "250 2.1.5 delivered")))
                }
            case .discard: note("discard \(string(message).debugDescription)")
            case .close:
                note("close")
                isClosed = true
            }
        }
    }

    private mutating func note(_ event: String) { events.append(event) }

    private mutating func owe(_ decision: Decision) {
        if isLate { pending.append(decision) } else { make(decision) }
    }

    private func verdict(_ replies: [String: String], _ address: String, _ usual: String) -> Reply {
        reply(replies.first { address.hasPrefix($0.key) }?.value ?? usual)
    }

    private func describe(_ envelope: Envelope) -> String {
        var text = ""
        if case .estimate(let octets) = envelope.length { text += " size=\(octets)" }
        if envelope.bodyType == .sevenBit { text += " 7bit" }
        if envelope.hasInternationalizedHeader { text += " utf8" }
        if let content = envelope.returnedContent { text += " ret=\(content.rawValue)" }
        if let name = envelope.envelopeID { text += " envid=\(name)" }
        return text
    }

    private func describe(_ recipient: EnvelopeRecipient) -> String {
        var text = ""
        if let notify = recipient.notify { text += " notify=\(notify.wire)" }
        if let original = recipient.originalRecipient { text += " orcpt=\(original)" }
        return text
    }
}

/// Text with CRLF in the place of each LF.
func wire(_ text: String) -> [UInt8] { Array(text.replacing("\n", with: "\r\n").utf8) }

/// A reply as a server says it.
func reply(_ text: String) -> Reply {
    var parser = ReplyParser()
    var position = 0
    let read = try? parser.next(in: wire(text + "\n").span, from: &position)
    return read ?? Reply(local: 451, .init(4, 5, 0), "no reply")
}

/// All that the server can do, and a limit that dialogues can reach.
func wholeServer(_ dialect: Dialect = .lmtp, _ change: (inout ServerOptions) -> Void = { _ in }) -> ServerOptions {
    var options = ServerOptions(
        dialect: dialect, host: "h",
        extensions: ServerOptions.commonExtensions.union([.deliveryStatusNotifications, .chunking]))
    options.limits.messageSize = 1000
    change(&options)
    return options
}
