// The server's side of one LMTP connection (RFC 2033), small but true: pipelining, 8BITMIME, SIZE, SMTPUTF8, enhanced
// codes, one final reply a recipient. A value: bytes in, bytes out.

import Bytes

/// A server session without input or output.
struct SinkSession {
    /// Stores a message for a mailbox; throws why it could not.
    typealias Store = (_ parts: [[UInt8]], _ directory: String) throws -> Void

    private enum State {
        case command
        case message
        case closed
    }

    /// The longest command line and message taken, in bytes.
    static let lineLimit = 8192, messageLimit = 32 << 20
    private static let recipientLimit = 10_000

    private let rules: SinkRules
    private let host: String
    private var state = State.command
    private var input: [UInt8] = []
    private var start = 0
    /// How far the input was searched for a line end.
    private var searched = 0
    private var hasGreeted = false
    private var sender: [UInt8]?
    private var recipients: [MailboxAddress] = []
    private var message: [UInt8] = []
    private var isTooLarge = false
    private var isFinishing = false
    /// What is to be sent.
    private(set) var output: [UInt8] = []

    init(rules: SinkRules, host: String) {
        self.rules = rules
        self.host = host
        say("220 \(host) LMTP sink ready")
    }

    /// Whether the connection is to be closed once the output is sent.
    var isClosed: Bool { state == .closed }

    mutating func takeOutput() -> [UInt8] {
        defer { output.removeAll(keepingCapacity: true) }
        return output
    }

    private mutating func say(_ line: String) {
        output += Array(line.utf8)
        output += [0x0D, 0x0A]
    }

    // MARK: Input

    mutating func receive(_ bytes: Span<UInt8>, store: Store) {
        // The span's bytes are only read, and within the closure.
        unsafe bytes.withUnsafeBufferPointer { buffer in unsafe input.append(contentsOf: buffer) }
        while state != .closed, let end = input[max(start, searched)...].firstIndex(of: 0x0A) {
            var line = input[start..<end]
            if line.last == 0x0D { line = line.dropLast() }
            let text = Array(line)
            start = end + 1
            if state == .message { takeMessageLine(text, store: store) } else { command(text) }
        }
        if start > 0 {
            input.removeFirst(start)
            start = 0
        }
        searched = input.count
        if input.count > (state == .message ? Self.messageLimit : Self.lineLimit) {
            say("500 5.5.2 line too long")
            state = .closed
        }
    }

    private mutating func takeMessageLine(_ line: [UInt8], store: Store) {
        if line == [0x2E] { return endMessage(store: store) }
        let content = line.first == 0x2E ? line.dropFirst() : line[...]
        guard !isTooLarge, message.count + content.count < Self.messageLimit else {
            isTooLarge = true
            message = []
            return
        }
        message += content
        message.append(0x0A)
    }

    private mutating func endMessage(store: Store) {
        state = .command
        let head = Array("Return-Path: <".utf8) + (sender ?? []) + Array(">\n".utf8)
        for recipient in recipients {
            if isTooLarge {
                say("552 5.3.4 message too large")
            } else if let refusal = rules.replyToMessage(recipient) {
                say(refusal)
            } else if let directory = recipient.directory {
                do {
                    let line = Array("Delivered-To: ".utf8) + recipient.bytes + [0x0A]
                    try store([head, line, message], directory)
                    say("250 2.1.5 delivered")
                } catch {
                    say("451 4.3.0 \(String("\(error)".map { $0.isASCII && !$0.isNewline ? $0 : "?" }))")
                }
            } else {
                say("553 5.1.3 mailbox name too long")
            }
        }
        reset()
    }

    /// Ends the session: now, or after the transaction that it is in.
    mutating func finish() {
        isFinishing = true
        guard sender == nil, state == .command else { return }
        closeForService()
    }

    private mutating func closeForService() {
        say("421 4.3.2 the store is ending")
        state = .closed
    }

    private mutating func reset() {
        sender = nil
        recipients = []
        message = []
        isTooLarge = false
        if isFinishing { closeForService() }
    }

    // MARK: Commands

    private mutating func command(_ line: [UInt8]) {
        let verb = line.prefix { $0 != 0x20 }
        let argument = line.dropFirst(verb.count + 1)
        switch String(decoding: verb, as: UTF8.self).uppercased() {
        case "LHLO": hello(argument)
        case "MAIL": mail(argument)
        case "RCPT": recipient(argument)
        case "DATA": data()
        case "RSET":
            say("250 2.0.0 ok")
            reset()
        case "NOOP": say("250 2.0.0 ok")
        case "QUIT":
            say("221 2.0.0 bye")
            state = .closed
        case "HELO", "EHLO": say("500 5.5.1 this is LMTP: say LHLO")
        default: say("500 5.5.2 unknown command")
        }
    }

    private mutating func hello(_ argument: ArraySlice<UInt8>) {
        guard !argument.isEmpty else { return say("501 5.5.4 LHLO needs a name") }
        hasGreeted = true
        reset()
        say("250-\(host)")
        for keyword in ["PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"] { say("250-\(keyword)") }
        say("250 SIZE \(Self.messageLimit)")
    }

    private mutating func mail(_ argument: ArraySlice<UInt8>) {
        guard hasGreeted else { return say("503 5.5.1 say LHLO first") }
        guard sender == nil else { return say("503 5.5.1 one sender is enough") }
        guard let (path, parameters) = Self.path(argument, keyword: "FROM:") else { return say("501 5.5.4 no path") }
        for parameter in parameters {
            let pair = parameter.split(separator: "=", maxSplits: 1).map(String.init)
            switch pair.first?.uppercased() {
            case "SIZE":
                if let size = pair.last.flatMap({ UInt64($0) }), size > UInt64(Self.messageLimit) {
                    return say("552 5.3.4 message too large")
                }
            case "BODY", "SMTPUTF8": break
            default: return say("555 5.5.4 unknown parameter")
            }
        }
        sender = path
        say("250 2.1.0 ok")
    }

    private mutating func recipient(_ argument: ArraySlice<UInt8>) {
        guard sender != nil else { return say("503 5.5.1 MAIL first") }
        guard let (path, parameters) = Self.path(argument, keyword: "TO:") else { return say("501 5.5.4 no path") }
        guard parameters.isEmpty else { return say("555 5.5.4 unknown parameter") }
        guard recipients.count < Self.recipientLimit else { return say("452 4.5.3 too many recipients") }
        guard let address = MailboxAddress(path) else { return say("550 5.1.3 no user") }
        if let refusal = rules.replyToRecipient(address) { return say(refusal) }
        recipients.append(address)
        say("250 2.1.5 ok")
    }

    private mutating func data() {
        guard !recipients.isEmpty else { return say("503 5.5.1 no valid recipients") }
        state = .message
        say("354 go ahead")
    }

    /// `FROM:<path> PARAMETERS`; a bracket within quotes ends nothing.
    private static func path(_ argument: ArraySlice<UInt8>, keyword: String) -> ([UInt8], [String])? {
        guard String(decoding: argument.prefix(keyword.utf8.count), as: UTF8.self).uppercased() == keyword else {
            return nil
        }
        let rest = argument.dropFirst(keyword.utf8.count).drop { $0 == 0x20 }
        guard rest.first == UInt8(ascii: "<") else { return nil }
        var isQuoted = false
        var isEscaped = false
        for index in rest.indices.dropFirst() {
            let byte = rest[index]
            if isEscaped {
                isEscaped = false
            } else if isQuoted, byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == UInt8(ascii: "\"") {
                isQuoted.toggle()
            } else if !isQuoted, byte == UInt8(ascii: ">") {
                let parameters = rest[(index + 1)...].split(separator: 0x20)
                return (
                    Array(rest[(rest.startIndex + 1)..<index]), parameters.map { String(decoding: $0, as: UTF8.self) }
                )
            }
        }
        return nil
    }
}

// Which recipients the sink refuses, and at which point.

/// Verdicts by user, for trying what a client makes of them.
package struct SinkRules: Sendable {
    /// Refused at RCPT, for good and for now.
    package var rejected: Set<[UInt8]> = [], deferred: Set<[UInt8]> = []
    /// Refused after the message, for good and for now.
    package var rejectedAfterData: Set<[UInt8]> = [], deferredAfterData: Set<[UInt8]> = []

    /// No recipient is refused.
    package init() {}

    /// The reply to RCPT; nil where the recipient is accepted.
    func replyToRecipient(_ address: MailboxAddress) -> String? {
        if matches(rejected, address) { return "550 5.1.1 no such mailbox" }
        if matches(deferred, address) { return "450 4.2.1 mailbox busy" }
        return nil
    }

    /// The reply after the message; nil where it is to be stored.
    func replyToMessage(_ address: MailboxAddress) -> String? {
        if matches(rejectedAfterData, address) { return "552 5.2.2 over quota" }
        if matches(deferredAfterData, address) { return "452 4.2.2 over quota, try later" }
        return nil
    }

    /// A rule names the whole address, its local part, or its local part without folder.
    private func matches(_ users: Set<[UInt8]>, _ address: MailboxAddress) -> Bool {
        guard !users.isEmpty else { return false }
        return users.contains(address.bytes) || users.contains(address.localPart) || users.contains(address.user)
    }
}
