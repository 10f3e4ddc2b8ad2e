// One transaction as the server's side sees it: whose RCPT waits for its reply, who was accepted, and the replies to the
// message, given out in the order of the recipients whatever order they are decided in.

import Bytes
import MailSyntax

/// A transaction from the reply to MAIL to the last reply to its message.
struct ServerTransaction: Sendable {
    /// A reply to RCPT that is not said yet, because it or one before it is not decided.
    private struct RecipientSlot: Sendable {
        let number: Int
        var reply: Reply?
    }

    /// Whether MAIL had SMTPUTF8.
    let allowsUTF8: Bool
    private var slots: [RecipientSlot] = []
    private let firstNumber: Int
    /// The number of the next recipient.
    private(set) var nextNumber: Int
    /// The numbers of the accepted recipients, ascending, and the replies to the message as far as they are decided.
    private var accepted: [(number: Int, final: Reply?)] = []
    private var undecidedFinals = 0
    private var saidFinals = 0
    /// The octets of the message so far.
    var octetCount: UInt64 = 0
    /// Whether a message was begun by BDAT.
    var isChunked = false
    /// Whether the rest of the message is passed over instead of being handed to the driver.
    private(set) var isPassedOver = false
    /// What is said of the message, of which nothing may be delivered; nil where it is the driver's.
    private(set) var refusal: Reply?

    /// - Parameter firstNumber: of its recipients, which no other transaction's have that is not over.
    init(allowsUTF8: Bool, firstNumber: Int) {
        self.allowsUTF8 = allowsUTF8
        self.firstNumber = firstNumber
        nextNumber = firstNumber
    }

    // MARK: RCPT

    /// How many replies to RCPT are not said yet.
    var undecidedCount: Int { slots.count }

    /// How many recipients were named so far, whatever became of them.
    var askedCount: Int { nextNumber - firstNumber }

    /// Whether a recipient's number is of a later transaction.
    func isBefore(_ number: Int) -> Bool { number >= nextNumber }

    /// How many recipients there may be, once all are decided.
    var possibleCount: Int { accepted.count + slots.count }

    var hasRecipients: Bool { !accepted.isEmpty }

    /// Notes a recipient that the driver is to decide on, and gives its number.
    mutating func addRecipient() -> Int {
        slots.append(RecipientSlot(number: nextNumber, reply: nil))
        nextNumber += 1
        return nextNumber - 1
    }

    /// Notes a recipient that is refused here.
    mutating func addRefused(_ reply: Reply) {
        slots.append(RecipientSlot(number: nextNumber, reply: reply))
        nextNumber += 1
    }

    /// Notes the decision on a recipient; nothing where it is decided already.
    mutating func decide(_ number: Int, _ reply: Reply) {
        guard let place = slots.firstIndex(where: { $0.number == number && $0.reply == nil }) else { return }
        slots[place].reply = reply
    }

    /// The next reply to RCPT that can be said.
    mutating func nextRecipientReply() -> Reply? {
        guard let first = slots.first, let reply = first.reply else { return nil }
        slots.removeFirst()
        if reply.severity == .success {
            accepted.append((first.number, nil))
            undecidedFinals += 1
        }
        return reply
    }

    // MARK: The message

    /// Whether every accepted recipient has its reply to the message.
    var isDecided: Bool { undecidedFinals == 0 }

    /// Notes what became of the message for a recipient; nothing where that is known already, or it was not accepted.
    mutating func decideFinal(_ number: Int, _ reply: Reply) {
        guard let place = place(of: number), accepted[place].final == nil else { return }
        accepted[place].final = reply
        undecidedFinals -= 1
        if isDecided { isPassedOver = true }
    }

    /// Refuses the message: nothing of it may be delivered, so that no earlier decision counts.
    mutating func refuseMessage(_ reply: Reply) {
        refusal = reply
        for place in accepted.indices { accepted[place].final = reply }
        undecidedFinals = 0
        isPassedOver = true
    }

    private func place(of number: Int) -> Int? {
        var low = 0
        var high = accepted.count
        while low < high {
            let middle = (low + high) / 2
            if accepted[middle].number < number { low = middle + 1 } else { high = middle }
        }
        return low < accepted.count && accepted[low].number == number ? low : nil
    }

    /// The next reply to the message that can be said.
    mutating func nextFinal(_ dialect: Dialect) -> Reply? {
        switch dialect {
        case .lmtp:
            guard saidFinals < accepted.count, let reply = accepted[saidFinals].final else { return nil }
            saidFinals += 1
            return reply
        case .smtp:
            guard isDecided, saidFinals < accepted.count else { return nil }
            saidFinals = accepted.count
            return worstFinal
        }
    }

    /// Whether every reply to the message was said.
    var isAnswered: Bool { saidFinals == accepted.count }

    /// What is said for all of them where one reply is all there is: what loses no recipient's mail.
    private var worstFinal: Reply? {
        let finals = accepted.compactMap(\.final)
        return finals.first { $0.severity == .transientFailure } ?? finals.first { $0.severity != .success }
            ?? finals.first
    }
}

extension Reply {
    /// The same as an answer to RCPT or a message; a reply that would mean something else there becomes a deferral.
    ///
    /// 421 says that the connection ends, which is true of the one that it came from.
    var asVerdict: Reply {
        switch severity {
        case .success where code != 221: return self
        case .transientFailure where code != 421: return self
        case .permanentFailure: return self
        default:
            let code = enhancedCode.flatMap { $0.statusClass == 4 ? $0 : nil } ?? EnhancedStatusCode(4, 3, 0)
            return Reply(local: 451, code, "the store says: \(self)")
        }
    }
}

extension [UInt8] {
    /// Appends a reply as it stands on the wire: CRLF line ends, no control characters.
    mutating func append(_ reply: Reply) {
        for byte in reply.bytes {
            switch byte {
            case ASCII.lineFeed: append("\r\n")
            case 0x09, 0x20..<0x7F, 0x80...: append(byte)
            default: append(UInt8(ascii: "?"))
            }
        }
        append("\r\n")
    }
}
