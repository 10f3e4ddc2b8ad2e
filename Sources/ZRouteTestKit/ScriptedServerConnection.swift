// One connection of a scripted server, on a thread of its own.

import Glibc
import LMTP

/// The dialogue of one connection.
struct ScriptedConnection {
    private let descriptor: Int32
    private let script: ServerScript
    private let note: ((inout ScriptedServer.Record) -> Void) -> Void
    private var input: [UInt8] = []
    private var uses: [ScriptedStep: Int] = [:]
    private var recipients: [String] = []
    private var isOver = false
    private var hasSender = false
    private var held: [UInt8] = []
    private var isCounted = true

    init(
        descriptor: Int32, script: ServerScript, note: @escaping ((inout ScriptedServer.Record) -> Void) -> Void
    ) {
        self.descriptor = descriptor
        self.script = script
        self.note = note
    }

    mutating func serve() {
        act(.greeting, "220 scripted server ready")
        while !isOver, let line = readLine() {
            let text = String(decoding: line, as: UTF8.self)
            note { $0.commands.append(text) }
            command(text)
        }
        flush()
        noteEnd()
    }

    private mutating func noteEnd() {
        guard isCounted else { return }
        isCounted = false
        note { $0.openConnections -= 1 }
    }

    private mutating func command(_ text: String) {
        let verb = text.prefix { $0 != " " }.uppercased()
        switch verb {
        case "LHLO", "EHLO":
            let lines = ["scripted"] + script.keywords
            let reply = lines.enumerated().map { "250\($0.offset == lines.count - 1 ? " " : "-")\($0.element)" }
            act(.hello, reply.joined(separator: "\n"))
        case "STARTTLS": act(.startTLS, "454 4.7.0 no TLS here")
        case "AUTH": act(.authentication, "235 2.7.0 ok")
        case "MAIL":
            recipients = []
            hasSender = act(.mail, "250 2.1.0 ok").hasPrefix("2")
        case "RCPT": recipient(text)
        case "DATA": data()
        case "RSET": act(.reset, "250 2.0.0 ok")
        case "QUIT":
            // Before the reply: with that the client is free to connect again.
            noteEnd()
            act(.quit, "221 2.0.0 bye")
            isOver = true
        default: act(.authentication, "235 2.7.0 ok")
        }
    }

    private mutating func recipient(_ text: String) {
        // What every server says to a recipient without a sender.
        guard hasSender else { return perform(.reply("503 5.5.1 no sender")) }
        let address = String(text.drop { $0 != "<" }.dropFirst().prefix { $0 != ">" })
        var usual = script.recipientReplies.first { address.hasPrefix($0.key) }?.value ?? "250 2.1.5 ok"
        if let limit = script.recipientLimit, recipients.count >= limit.count { usual = limit.reply }
        let reply = act(.recipient, usual)
        if reply.hasPrefix("2") { recipients.append(address) }
        if reply.hasPrefix("5") { note { $0.refused.insert(address) } }
    }

    private mutating func data() {
        let isInvited = !recipients.isEmpty
        let reply = act(.data, isInvited ? "354 go on" : "503 5.5.1 no valid recipients")
        guard reply.hasPrefix("354"), !isOver else { return }
        if let action = next(.body), action != .usual {
            perform(action)
            if isOver { return }
        }
        guard let message = readMessage() else { return }
        note { $0.messages.append(message) }
        for address in recipients where !isOver {
            let usual =
                script.finalReplies.first { address.hasPrefix($0.key) }?.value ?? "250 2.1.5 delivered <\(address)>"
            let reply = act(.final, usual) { $0.accepted.append(address) }
            if reply.hasPrefix("5") { note { $0.refused.insert(address) } }
        }
        recipients = []
    }

    // MARK: Actions

    private mutating func next(_ step: ScriptedStep) -> ScriptedAction? {
        let actions = script.actions[step] ?? []
        let use = uses[step, default: 0]
        uses[step] = use + 1
        return actions.isEmpty ? nil : actions[min(use, actions.count - 1)]
    }

    /// Does what the script says at a step, or replies as usual.
    ///
    /// - Parameter onSuccess: noted before a whole 2yz is written, so that no client can act on it earlier.
    /// - Returns: the reply that was written, empty where none was.
    @discardableResult
    private mutating func act(
        _ step: ScriptedStep, _ usual: String, onSuccess: ((inout ScriptedServer.Record) -> Void)? = nil
    ) -> String {
        var action = next(step) ?? .usual
        if action == .usual { action = .reply(usual) }
        let text =
            switch action {
            case .reply(let text), .split(let text), .bytes(let text), .replyOnceFileExists(let text, _): text
            case .bytesThen(let text, _): text.hasSuffix("\r\n") ? text : ""
            case .usual, .silence, .stall, .trickle, .close, .reset, .halfClose: ""
            }
        if text.hasPrefix("2"), let onSuccess { note(onSuccess) }
        perform(action)
        return text
    }

    private mutating func perform(_ action: ScriptedAction) {
        switch action {
        case .stall, .reset, .halfClose: flush()
        default: break
        }
        switch action {
        case .usual: break
        case .reply(let text): write(Self.wire(text))
        case .replyOnceFileExists(let text, let file):
            while unsafe access(file, F_OK) != 0 { usleep(1000) }
            write(Self.wire(text))
        case .split(let text):
            for byte in Self.wire(text) { write([byte]) }
        case .bytes(let text): write(Array(text.utf8))
        case .bytesThen(let text, let next):
            write(Array(text.utf8))
            perform(next)
        case .silence: break
        case .stall:
            // Nothing is read: a client that writes much is stalled too. Its end shows as a hang-up.
            var event = pollfd(fd: descriptor, events: 0, revents: 0)
            while unsafe poll(&event, 1, -1) < 0 && errno == EINTR {}
            isOver = true
        case .trickle:
            flush()
            write(Array("250-".utf8))
            while !isOver {
                usleep(100_000)
                put(Array("x".utf8))
            }
        case .close: isOver = true
        case .halfClose:
            shutdown(descriptor, Int32(SHUT_WR))
            while fill() {}
            isOver = true
        case .reset:
            var linger = linger(l_onoff: 1, l_linger: 0)
            _ = unsafe setsockopt(
                descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout.size(ofValue: linger)))
            isOver = true
        }
    }

    private static func wire(_ text: String) -> [UInt8] {
        text.split(separator: "\n", omittingEmptySubsequences: false).flatMap { Array($0.utf8) + [0x0D, 0x0A] }
    }

    // MARK: Bytes

    private mutating func write(_ bytes: [UInt8]) {
        switch script.writing {
        case .plain: put(bytes)
        case .bytewise: for byte in bytes { put([byte]) }
        case .joined: held += bytes
        }
    }

    private mutating func flush() {
        let bytes = held
        held = []
        if !bytes.isEmpty { put(bytes) }
    }

    private mutating func put(_ bytes: [UInt8]) {
        var done = 0
        while done < bytes.count {
            let wrote = unsafe bytes.withUnsafeBytes { buffer in
                // In bounds: done is smaller than the count.
                unsafe send(
                    descriptor, buffer.baseAddress.map { unsafe $0 + done }, bytes.count - done,
                    Int32(MSG_NOSIGNAL))
            }
            if wrote > 0 {
                done += wrote
            } else if errno != EINTR {
                isOver = true
                return
            }
        }
    }

    private mutating func readLine() -> [UInt8]? {
        while true {
            if let end = input.firstIndex(of: 0x0A) {
                let line = Array(input[..<end].dropLast(input[..<end].last == 0x0D ? 1 : 0))
                input.removeFirst(end + 1)
                return line
            }
            guard fill() else { return nil }
        }
    }

    private mutating func readMessage() -> [UInt8]? {
        var decoder = MessageDecoder()
        var message: [UInt8] = []
        while true {
            var position = 0
            let isWhole = decoder.decode(input.span, from: &position, into: &message)
            input.removeFirst(position)
            if isWhole { return message }
            guard fill() else { return nil }
        }
    }

    private mutating func fill() -> Bool {
        flush()
        while true {
            var count = 0
            let block = unsafe [UInt8](unsafeUninitializedCapacity: 16 << 10) { buffer, initialized in
                count = unsafe read(descriptor, buffer.baseAddress, buffer.count)
                initialized = max(count, 0)
            }
            if count > 0 {
                input += block
                return true
            }
            if count == 0 || errno != EINTR { return false }
        }
    }
}
