// A server in memory that answers each step as its script says, and a driver that lets a session talk to it.

import LMTP

/// What the peer does when a command has come.
enum Answer: Sendable, CustomStringConvertible {
    /// One or more lines; CRLF is added to each.
    case say([String])
    /// Bytes as they are.
    case raw(String)
    /// Nothing to this command; the next one is answered.
    case silence
    /// Nothing any more, after these bytes.
    case stall(String = "")
    /// The connection ends.
    case close

    static func line(_ text: String) -> Answer { .say([text]) }

    var description: String {
        switch self {
        case .say(let lines): lines.joined(separator: "/")
        case .raw(let text): "raw \(text.debugDescription)"
        case .silence: "silence"
        case .stall: "stall"
        case .close: "close"
        }
    }
}

enum Step: String, Sendable, CaseIterable {
    case greeting, hello, helo, startTLS, auth, authData, mail, rcpt, data, final, rset, quit
}

/// A reply that is left out, or said twice, counted from the greeting.
enum CountFault: Sendable {
    case missing(Int)
    case twice(Int)

    func copies(of index: Int) -> Int {
        switch self {
        case .missing(index): 0
        case .twice(index): 2
        default: 1
        }
    }
}

struct ScriptedPeer: Sendable {
    var dialect: Dialect
    var keywords = ["PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES", "SIZE"]
    /// The n-th use of a step takes the n-th answer; the last one repeats.
    var script: [Step: [Answer]] = [:]
    /// The number of final replies, in place of one a recipient (LMTP) or one (SMTP).
    var finalCount: Int?
    /// Whether the number applies to the first message only.
    var finalCountIsForFirstMessage = false
    /// Whether RCPT is answered by the script even after MAIL was refused.
    var acceptsWithoutMail = false
    /// What goes wrong with the count of replies.
    var fault: CountFault?
    /// What the peer really did: the first digit of the reply to each MAIL command, and for each recipient's address of
    /// the reply that refused it or of that to its message.
    private(set) var verdicts: [String: Int] = [:]
    private(set) var replyCount = 0
    private var acceptedAddresses: [String] = []
    private(set) var commands: [String] = []
    private(set) var messages: [[UInt8]] = []
    private(set) var isClosed = false
    private var isStalled = false
    private(set) var outbox: [UInt8] = []
    private var inbox: [UInt8] = []
    private var uses: [Step: Int] = [:]
    private var isReadingMessage = false
    private var chunkLeft: Int?
    private var isAuthenticating = false
    private var accepted = 0
    private var hasMail = false
    private var message: [UInt8] = []

    init(dialect: Dialect = .lmtp) { self.dialect = dialect }

    mutating func greet() { _ = answer(.greeting, "220 peer ready") }

    mutating func takeOutbox() -> [UInt8] {
        defer { outbox = [] }
        return outbox
    }

    mutating func receive(_ bytes: [UInt8]) {
        guard !isClosed else { return }
        inbox += bytes
        while !isClosed, !isStalled {
            if let left = chunkLeft {
                guard inbox.count >= left else { return }
                messages.append(Array(inbox.prefix(left)))
                inbox.removeFirst(left)
                chunkLeft = nil
                endMessage()
                continue
            }
            guard let end = inbox.firstIndex(of: 0x0A) else { return }
            let line = Array(inbox[..<end].dropLast(inbox[..<end].last == 0x0D ? 1 : 0))
            let rawLine = Array(inbox[...end])
            inbox.removeFirst(end + 1)
            if isReadingMessage {
                if line == [0x2E] {
                    isReadingMessage = false
                    messages.append(message)
                    message = []
                    endMessage()
                } else {
                    message += rawLine.first == 0x2E ? Array(rawLine.dropFirst()) : rawLine
                }
            } else {
                command(String(decoding: line, as: UTF8.self))
            }
        }
    }

    private mutating func command(_ text: String) {
        commands.append(text)
        if isAuthenticating {
            isAuthenticating = answer(.authData, "235 2.7.0 ok") == 3
            return
        }
        switch text.prefix(4).uppercased() {
        case "LHLO", "EHLO":
            let lines = ["peer"] + keywords
            let texts = lines.enumerated().map { "250\($0 == lines.count - 1 ? " " : "-")\($1)" }
            _ = answer(.hello, texts)
        case "HELO": _ = answer(.helo, "250 peer")
        case "STAR": _ = answer(.startTLS, "220 2.0.0 go")
        case "AUTH": isAuthenticating = answer(.auth, "235 2.7.0 ok") == 3
        case "MAIL":
            accepted = 0
            acceptedAddresses = []
            let digit = answer(.mail, "250 2.1.0 ok")
            hasMail = digit == 2
            verdicts[text] = digit
        case "RCPT":
            if !hasMail, !acceptsWithoutMail {
                say("503 5.5.1 need MAIL")
            } else {
                let address = String(text.drop { $0 != "<" }.dropFirst().prefix { $0 != ">" })
                let digit = answer(.rcpt, "250 2.1.5 ok")
                verdicts[address] = digit == 2 ? 0 : digit
                if digit == 2 {
                    accepted += 1
                    acceptedAddresses.append(address)
                }
            }
        case "DATA":
            if accepted == 0, script[.data] == nil {
                say("503 5.5.1 no valid recipients")
            } else {
                isReadingMessage = answer(.data, "354 go") == 3
            }
        case "BDAT": chunkLeft = Int(text.split(separator: " ")[1]) ?? 0
        case "RSET":
            hasMail = false
            accepted = 0
            acceptedAddresses = []
            _ = answer(.rset, "250 2.0.0 ok")
        case "QUIT":
            _ = answer(.quit, "221 2.0.0 bye")
            isClosed = true
        default: say("500 5.5.2 what")
        }
    }

    private mutating func endMessage() {
        let usual = dialect == .lmtp ? accepted : 1
        var count = finalCount ?? usual
        if finalCountIsForFirstMessage, messages.count > 1 { count = usual }
        for index in 0..<count where !isClosed && !isStalled {
            let digit = answer(.final, "250 2.1.5 delivered")
            for address in dialect == .smtp ? acceptedAddresses[...] : acceptedAddresses.dropFirst(index).prefix(1) {
                verdicts[address] = digit
            }
        }
        hasMail = false
        accepted = 0
        acceptedAddresses = []
    }

    private mutating func say(_ line: String) { outbox += Array((line + "\r\n").utf8) }

    /// Answers, and gives the first digit said.
    private mutating func answer(_ step: Step, _ usual: String...) -> Int { answer(step, usual) }

    private mutating func answer(_ step: Step, _ usual: [String]) -> Int {
        let index = uses[step, default: 0]
        uses[step] = index + 1
        let answers = script[step] ?? []
        let chosen = answers.isEmpty ? .say(usual) : answers[min(index, answers.count - 1)]
        switch chosen {
        case .say(let lines):
            let copies = fault?.copies(of: replyCount) ?? 1
            replyCount += 1
            for _ in 0..<copies { lines.forEach { say($0) } }
            return lines.first?.first.flatMap { Int(String($0)) } ?? 0
        case .raw(let text):
            outbox += Array(text.utf8)
            return text.first.flatMap { Int(String($0)) } ?? 0
        case .silence: return 0
        case .stall(let text):
            outbox += Array(text.utf8)
            isStalled = true
            return 0
        case .close:
            isClosed = true
            return 0
        }
    }
}

/// What came of a conversation.
struct Conversation {
    var peer: ScriptedPeer
    var reports: [TransactionReport] = []
    /// The actions of closing, at most one.
    var closings: [ClientFailure?] = []
    /// Writes of the client, each joining all bytes of one round.
    var writes: [[UInt8]] = []
    var reads = 0
    var transcript: [TranscriptLine] = []
    var tlsHandshakes = 0

    func outcomes(_ transaction: Int = 0) -> [RecipientReport.Outcome] {
        reports.first { $0.id.rawValue == transaction }?.recipients.map(\.outcome) ?? []
    }
}

/// Lets a session deliver envelopes to a peer until it has nothing to do or is closed.
///
/// - Parameter split: the client reads so many bytes at a time; 0 for all there are.
func converse(
    _ options: ClientOptions, _ peer: ScriptedPeer, _ envelopes: [Envelope], body: [UInt8] = Array("x\n".utf8),
    split: Int = 0, quits: Bool = true
) -> Conversation {
    var session = ClientSession(options: options)
    var result = Conversation(peer: peer)
    for envelope in envelopes { _ = session.enqueue(envelope) }
    if quits { session.quit() }
    result.peer.greet()
    session.connected()

    func carryOut() {
        var write: [UInt8] = []
        while let action = session.nextAction() {
            switch action {
            case .send(let bytes): write += bytes
            case .sendBody(_, let transfer):
                let message = transfer.convertsToSevenBit ? ((try? SevenBitConversion.convert(body)) ?? []) : body
                var encoder = MessageEncoder(framing: transfer.framing)
                encoder.encode(message.span, into: &write)
                encoder.finish(into: &write)
                session.bodyWritten(octets: encoder.octetCount)
            case .startTLS:
                result.tlsHandshakes += 1
                session.tlsEstablished()
            case .finished(let report): result.reports.append(report)
            case .relayed, .relayEnded: break
            case .close(let failure): result.closings.append(failure)
            }
        }
        guard !write.isEmpty else { return }
        result.writes.append(write)
        result.peer.receive(write)
    }

    for _ in 0..<100_000 {
        carryOut()
        if session.isClosed { break }
        let inbox = result.peer.takeOutbox()
        if !inbox.isEmpty {
            var start = 0
            while start < inbox.count {
                let end = split == 0 ? inbox.count : min(start + split, inbox.count)
                session.receive(inbox[start..<end].span)
                result.reads += 1
                start = end
                carryOut()
            }
        } else if result.peer.isClosed {
            session.connectionClosed("end of file")
        } else if session.waitingFor != nil {
            session.timedOut()
        } else {
            break
        }
    }
    result.transcript = session.takeTranscript()
    return result
}

func options(_ dialect: Dialect = .lmtp, _ change: (inout ClientOptions) -> Void = { _ in }) throws
    -> ClientOptions
{
    var options = try ClientOptions(dialect: dialect, helloName: Array("client.example".utf8))
    change(&options)
    return options
}

func envelope(_ recipients: String..., sender: String = "s@example.org") -> Envelope {
    Envelope(
        sender: Array(sender.utf8), recipients: recipients.map { EnvelopeRecipient(Array($0.utf8)) },
        bodyType: .sevenBit)
}

func string(_ bytes: some Sequence<UInt8>) -> String { String(decoding: Array(bytes), as: UTF8.self) }

extension ClientSession {
    /// Hears one reply, or several lines of it, and hands out what is to be sent.
    mutating func hear(_ texts: String...) {
        for text in texts {
            receive(Array("\(text)\r\n".utf8).span)
            drainSends()
        }
    }

    /// Takes the actions of sending that are due, and a message to be sent with them.
    mutating func drainSends() {
        while !isClosed, let action = nextAction() {
            if case .sendBody = action { return }
        }
    }
}
