// The server's half of LMTP: any bytes from a client, whatever pieces they come in and whenever the driver decides.

import LMTP
import MailSyntax

/// The first byte chooses the settings, the second when decisions are made; the rest is what the client says.
func fuzzServer(_ bytes: [UInt8]) {
    guard bytes.count >= 2 else { return }
    let whole = ServerRun(bytes, piece: bytes.count)
    for piece in [1, 3, 64] {
        let cut = ServerRun(bytes, piece: piece)
        precondition(cut.output == whole.output, "what is said depends on the pieces in which a dialogue comes")
        precondition(cut.events == whole.events, "what is asked depends on the pieces in which a dialogue comes")
    }
}

/// A run of a session over an input, with what must always hold checked at each action.
private struct ServerRun {
    private enum Place {
        case idle, sender, recipients, begun, message, whole, closed
    }

    private(set) var output: [UInt8] = []
    /// What was asked, a byte an action, and the messages between.
    private(set) var events: [UInt8] = []
    private let settings: UInt8
    private var session: ServerSession
    private var place = Place.idle
    private var accepted: [Int] = []
    private var owed: [Owed] = []

    private enum Owed {
        case sender, recipient(Int), message, final(Int)
    }

    init(_ bytes: [UInt8], piece: Int) {
        settings = bytes[0]
        var options = ServerOptions(
            dialect: settings & 1 == 0 ? .lmtp : .smtp, host: "fuzz",
            extensions: settings & 2 == 0
                ? ServerOptions.commonExtensions
                : ServerOptions.commonExtensions.union([.chunking, .deliveryStatusNotifications]))
        options.lineEnd = settings & 4 == 0 ? .strict : .lenient
        options.limits.messageSize = 200
        options.limits.lineLength = 100
        options.limits.recipients = 5
        options.limits.undecidedRecipients = 3
        options.limits.badCommands = 10
        options.limits.idleCommands = 20
        session = ServerSession(options: options)
        session.connected()
        let isReversed = bytes[1] & 1 != 0
        var start = 2
        while start < bytes.count {
            let end = min(bytes.count, start + max(piece, 1))
            session.receive(bytes[start..<end].span)
            start = end
            carryOut()
            // Late, but before more is read, as a driver does that obeys `wantsInput`.
            while !owed.isEmpty {
                make(isReversed ? owed.removeLast() : owed.removeFirst())
                carryOut()
            }
            precondition(session.wantsInput || session.isClosed, "it waits for nobody")
        }
        session.connectionClosed()
        carryOut()
        precondition(place == .closed && session.isClosed, "it is not closed")
        session.takeOutput(into: &output)
    }

    private mutating func carryOut() {
        while let action = session.nextAction() {
            precondition(place != .closed, "an action after the last")
            switch action {
            case .sender:
                precondition(place == .idle || place == .whole && owed.isEmpty, "a sender within a transaction")
                place = .sender
                events.append(1)
                owed.append(.sender)
            case .recipient(let number, let recipient):
                precondition(place == .recipients || place == .begun, "a recipient without a sender")
                events += [2, UInt8(truncatingIfNeeded: number)] + recipient.address
                owed.append(.recipient(number))
            case .beginMessage:
                precondition(!accepted.isEmpty, "a message for nobody")
                place = .begun
                events.append(3)
                owed.append(.message)
            case .message(let bytes):
                precondition(place == .message && !bytes.isEmpty, "a piece of no message")
                events += bytes
            case .endMessage:
                precondition(place == .message, "an end of no message")
                place = .whole
                events.append(4)
                owed += accepted.map(Owed.final)
            case .discard:
                precondition(place != .idle && place != .whole, "nothing is there to discard")
                place = .idle
                events.append(5)
            case .close:
                place = .closed
                events.append(6)
                owed = []
            }
        }
    }

    private mutating func make(_ decision: Owed) {
        let refused = Reply(local: 550, .init(5, 1, 1), "no")
        let done = Reply(local: 250, .init(2, 1, 5), "ok")
        switch decision {
        case .sender:
            let isRefused = settings & 8 != 0 && events.count % 3 == 0
            place = isRefused ? .idle : .recipients
            accepted = []
            session.senderDecided(isRefused ? refused : done)
        case .recipient(let number):
            let isRefused = settings & 16 != 0 && number % 3 == 0
            if !isRefused { accepted.append(number) }
            session.recipientDecided(number, isRefused ? refused : done)
        case .message:
            let isRefused = settings & 32 != 0
            place = isRefused ? .begun : .message
            session.messageDecided(isRefused ? refused : nil)
        case .final(let number): session.recipientReply(number, number % 2 == 0 ? done : refused)
        }
    }
}
