// A client of the fuzzed front that says what it says in the right place, and knows which reply is to what: it can tell whether each
// recipient has exactly one, and one that is true.

/// A client's account of its own dialogue.
struct FrontClient {
    private enum Expected {
        case other, sender, recipient(FuzzedRecipient, Int), data, reset, final(FuzzedRecipient, Int)

        var isFinal: Bool { if case .final = self { true } else { false } }
    }

    /// What is judged: a reply of this code to RCPT, or to the message, for a recipient of the transaction of this number.
    enum Verdict {
        case recipient(FuzzedRecipient, Int, code: Int)
        case final(FuzzedRecipient, Int, code: Int)
    }

    private var due: [Expected] = [.other]
    private var line: [UInt8] = []
    private var accepted: [FuzzedRecipient] = []
    private var hasSender = false
    private var isAwaitingInvitation = false
    /// How often MAIL was said: the number of the last transaction.
    private(set) var transactionCount = 0
    /// Whether the front waits for the message.
    private(set) var isInMessage = false
    /// The transactions whose message was said to its end.
    private(set) var whole: Set<Int> = []
    /// Whether the front has ended the dialogue, or the client has.
    private(set) var isOver = false

    /// Whether every command, and every recipient of a message, has its reply.
    var isAnswered: Bool { due.isEmpty }

    /// What it says for a byte of the input; nil where that is out of place.
    mutating func words(_ byte: UInt8) -> String? {
        guard !isOver, !isAwaitingInvitation else { return nil }
        let number = Int(byte) - Int(ServerWords.first)
        if isInMessage {
            switch number {
            case 10: return "Subject: x\r\n\r\nhello\r\n"
            case 11:
                isInMessage = false
                hasSender = false
                whole.insert(transactionCount)
                due += accepted.map { .final($0, transactionCount) }
                accepted = []
                return ".\r\n"
            default: return nil
            }
        }
        switch number {
        case 0:
            due.append(.reset)
            return "LHLO c\r\n"
        case 1:
            // A second MAIL is refused, and its recipients are the first one's. Behind the end of a message it is not.
            if due.allSatisfy(\.isFinal), !hasSender { transactionCount += 1 } else { return nil }
            due.append(.sender)
            return "MAIL FROM:<s\(transactionCount)@y.example>\r\n"
        case 2..<10 where number - 2 < FuzzedRecipient.allCases.count:
            guard let recipient = FuzzedRecipient(rawValue: number - 2) else { return nil }
            due.append(.recipient(recipient, transactionCount))
            return "RCPT TO:<\(recipient.address)>\r\n"
        case 12:
            isAwaitingInvitation = true
            due.append(.data)
            return "DATA\r\n"
        case 13:
            due.append(.reset)
            return "RSET\r\n"
        case 14:
            due.append(.other)
            return "NOOP\r\n"
        case 15:
            due.append(.other)
            isOver = true
            return "QUIT\r\n"
        default: return nil
        }
    }

    /// It is gone, or was told to go: replies that are missing are nobody's fault.
    mutating func end() { isOver = true }

    /// What the front said, by its recipients.
    mutating func hear(_ bytes: [UInt8]) -> [Verdict] {
        var verdicts: [Verdict] = []
        for byte in bytes {
            line.append(byte)
            guard byte == 0x0A else { continue }
            // A code alone is a reply, too (RFC 5321 4.2).
            precondition(line.count >= 5 && line.suffix(2) == [0x0D, 0x0A], "a reply has no end")
            let code = line.prefix(3).reduce(0) { $0 * 10 + Int($1) - 0x30 }
            precondition((200..<600).contains(code), "a reply has no code")
            if line[3] == 0x20 || line[3] == 0x0D, let verdict = take(code) { verdicts.append(verdict) }
            line.removeAll(keepingCapacity: true)
        }
        return verdicts
    }

    private mutating func take(_ code: Int) -> Verdict? {
        if code == 421 {
            // It comes in nobody's place.
            isOver = true
            due = []
            return nil
        }
        precondition(!due.isEmpty, "a reply to nothing")
        switch due.removeFirst() {
        case .other: break
        case .sender: hasSender = code == 250
        case .recipient(let recipient, let number):
            if code / 100 == 2 { accepted.append(recipient) }
            return .recipient(recipient, number, code: code)
        case .data:
            isAwaitingInvitation = false
            isInMessage = code == 354
        case .reset:
            accepted = []
            hasSender = false
        case .final(let recipient, let number): return .final(recipient, number, code: code)
        }
        return nil
    }
}
