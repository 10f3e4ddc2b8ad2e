// What a server was sent and what it said, each reply given to the command whose turn it is (RFC 5321 4.1.1, RFC 2033): an account of a
// dialogue that knows nothing of the session that leads it.

/// The account of one connection.
struct ReplyLedger {
    private enum Command {
        case mail(sender: [UInt8]), recipient([UInt8]), data, reset, final([[UInt8]])
        /// The greeting, and what changes no transaction.
        case other
    }

    private let isLMTP: Bool
    private var due: [Command] = [.other]
    private var isMailAccepted = false
    /// The local part of the sender whose replies are read, and of the one whose message was sent last.
    private var sender: [UInt8] = [], messageSender: [UInt8] = []
    /// Those accepted in the transaction that is under way, in their order.
    private var accepted: [[UInt8]] = []
    private var isInMessage = false
    private var sentLine: [UInt8] = [], saidLine: [UInt8] = []
    private var code = 0

    /// The addresses that RCPT was answered 2yz for, and those whose message was answered 2yz and 5yz, ever.
    private(set) var everAccepted: Set<[UInt8]> = [], delivered: Set<[UInt8]> = [], failed: Set<[UInt8]> = []
    /// The same of one sender each: a pair of the sender's local part and the address.
    private(set) var acceptedOf: Set<[[UInt8]]> = [], deliveredOf: Set<[[UInt8]]> = [], failedOf: Set<[[UInt8]]> = []
    /// How many messages were sent to their end, and the octets of the last one.
    private(set) var messageCount = 0, messageOctets = 0
    /// Whether more was said than was asked, or what is no reply: nothing that follows can be believed.
    private(set) var isBroken = false

    init(isLMTP: Bool) { self.isLMTP = isLMTP }

    // MARK: What the server was sent

    mutating func sent(_ bytes: [UInt8]) {
        for byte in bytes {
            sentLine.append(byte)
            guard byte == 0x0A else { continue }
            if isInMessage { takeMessageLine() } else { takeCommand() }
            sentLine.removeAll(keepingCapacity: true)
        }
    }

    private mutating func takeMessageLine() {
        guard sentLine == Array(".\r\n".utf8) else {
            messageOctets += sentLine.count
            return
        }
        isInMessage = false
        isMailAccepted = false
        messageSender = sender
        messageCount += 1
        due += isLMTP ? accepted.map { .final([$0]) } : [.final(accepted)]
        accepted = []
    }

    private mutating func takeCommand() {
        switch String(decoding: sentLine.prefix(4), as: UTF8.self) {
        case "MAIL": due.append(.mail(sender: Array(path.prefix { $0 != UInt8(ascii: "@") })))
        case "RCPT": due.append(.recipient(Array(path)))
        case "DATA": due.append(.data)
        case "RSET": due.append(.reset)
        default: due.append(.other)
        }
    }

    private var path: ArraySlice<UInt8> {
        sentLine.drop { $0 != UInt8(ascii: "<") }.dropFirst().prefix { $0 != UInt8(ascii: ">") }
    }

    // MARK: What the server said

    mutating func said(_ bytes: [UInt8]) {
        for byte in bytes where !isBroken {
            guard byte == 0x0A else {
                saidLine.append(byte)
                continue
            }
            takeReplyLine()
            saidLine.removeAll(keepingCapacity: true)
        }
    }

    /// A line as `ReplyParser` takes it: LF alone ends one, a code may stand alone.
    private mutating func takeReplyLine() {
        if saidLine.last == 0x0D { saidLine.removeLast() }
        let digits = saidLine.prefix(3)
        guard digits.count == 3, digits.allSatisfy({ (0x30...0x39).contains($0) }), (0x31...0x35).contains(digits[0]),
            !saidLine.contains(0x0D)
        else { return isBroken = true }
        let number = digits.reduce(0) { $0 * 10 + Int($1) - 0x30 }
        let separator = saidLine.count > 3 ? saidLine[3] : 0x20
        guard separator == 0x20 || separator == 0x2D, code == 0 || code == number else { return isBroken = true }
        code = number
        guard separator == 0x20 else { return }
        code = 0
        takeReply(number)
    }

    private mutating func takeReply(_ number: Int) {
        guard !due.isEmpty else { return isBroken = true }
        let isPositive = number / 100 == 2
        switch due.removeFirst() {
        case .other: break
        case .mail(let sender):
            isMailAccepted = isPositive
            self.sender = sender
        case .recipient(let address):
            guard isPositive, isMailAccepted else { return }
            accepted.append(address)
            everAccepted.insert(address)
            acceptedOf.insert([sender, address])
        case .data:
            if number == 354 {
                isInMessage = true
                messageOctets = 0
            } else if number / 100 == 5 {
                failed.formUnion(accepted)
                failedOf.formUnion(accepted.map { [sender, $0] })
            }
        case .reset:
            accepted = []
            isMailAccepted = false
        case .final(let addresses):
            let pairs = addresses.map { [messageSender, $0] }
            if isPositive {
                delivered.formUnion(addresses)
                deliveredOf.formUnion(pairs)
            }
            if number / 100 == 5 {
                failed.formUnion(addresses)
                failedOf.formUnion(pairs)
            }
        }
    }
}

/// What servers say, a byte each: so that a dialogue gets further than its first lines.
enum ServerWords {
    static let first: UInt8 = 0x10
    private static let words = [
        "220 store\r\n", "250-store\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-DSN\r\n250 SIZE\r\n",
        "250 store\r\n", "250 2.1.0 ok\r\n", "250 2.1.5 ok\r\n", "354 go\r\n", "250 2.6.0 taken\r\n",
        "550 5.1.1 no\r\n", "451 4.2.0 later\r\n", "452 too many\r\n", "503 5.5.1 sequence\r\n", "421 bye\r\n",
        "250-x\r\n", "552 5.2.2 full\r\n", "250 2.0.0 reset\r\n", "250 ok",
    ].map { Array($0.utf8) }

    /// The words of a byte; nil where it is no such byte.
    static func text(_ byte: UInt8) -> [UInt8]? {
        byte >= first && Int(byte - first) < words.count ? words[Int(byte - first)] : nil
    }

    /// Replies without end: a line, and lines.
    static let endlessLine = Array("250-".utf8) + [UInt8](repeating: 0x78, count: 70_000)
    static let endlessReply = [[UInt8]](repeating: Array("250-x\r\n".utf8), count: 5_000).flatMap(\.self)
}
