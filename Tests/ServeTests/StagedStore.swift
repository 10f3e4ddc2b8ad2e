// A store in memory behind the front, which does what a test wants at each place of the dialogue.

/// A place in the dialogue of a store.
enum StagedPlace: String, CaseIterable, Sendable {
    case greeting, hello, mail, recipient, data, body, final, reset
}

/// What a store does there.
enum StagedFault: Sendable, Hashable, CustomStringConvertible {
    case say(String)
    case stall
    case close

    var description: String {
        switch self {
        case .say(let text): text.debugDescription
        case .stall: "stall"
        case .close: "close"
        }
    }
}

/// One connection to a store in memory.
struct StagedStore {
    var place: StagedPlace?
    var fault = StagedFault.close
    /// How many times it does there what is usual before that.
    var usualTimes = 0
    var keywords = ["PIPELINING", "8BITMIME", "SIZE", "SMTPUTF8", "DSN"]
    var isLMTP = true
    private(set) var isClosed = false
    private(set) var isStalled = false
    /// What was taken: an address and the message, once for each 2yz that was said after it.
    private(set) var taken: [(address: String, message: String)] = []
    /// The messages that came to their end.
    private(set) var messages: [String] = []
    private(set) var commands: [String] = []
    private(set) var output: [UInt8] = []
    private var input: [UInt8] = []
    private var recipients: [String] = []
    private var message: [UInt8]?
    private var hasMail = false

    init(place: StagedPlace? = nil, fault: StagedFault = .close, after usualTimes: Int = 0) {
        self.place = place
        self.usualTimes = usualTimes
        self.fault = fault
    }

    mutating func connected() { _ = act(.greeting, "220 store") }

    mutating func takeOutput() -> [UInt8] {
        defer { output = [] }
        return output
    }

    mutating func receive(_ bytes: [UInt8]) {
        guard !isClosed, !isStalled else { return }
        input += bytes
        if message != nil, place == .body, fault != .say("") {
            _ = act(.body, "")
            if isClosed || isStalled { return }
        }
        while !isClosed, !isStalled, let end = input.firstIndex(of: 0x0A) {
            let line = Array(input[...end])
            input.removeFirst(end + 1)
            if message != nil { bodyLine(line) } else { command(String(decoding: line.dropLast(2), as: UTF8.self)) }
        }
    }

    private mutating func bodyLine(_ line: [UInt8]) {
        guard line != Array(".\r\n".utf8) else {
            let text = String(decoding: message ?? [], as: UTF8.self)
            message = nil
            messages.append(text)
            for address in isLMTP ? recipients : [recipients.joined(separator: ",")] where !isClosed && !isStalled {
                if act(.final, "250 2.6.0 \(address) taken").hasPrefix("2") {
                    for one in address.split(separator: ",") { taken.append((String(one), text)) }
                }
            }
            recipients = []
            hasMail = false
            return
        }
        message?.append(contentsOf: line.first == 0x2E ? line.dropFirst() : line[...])
    }

    private mutating func command(_ text: String) {
        commands.append(text)
        switch text.prefix(4) {
        case "LHLO", "EHLO":
            let lines = ["store"] + keywords
            let reply = lines.enumerated().map { "250\($0.offset == lines.count - 1 ? " " : "-")\($0.element)" }
            _ = act(.hello, reply.joined(separator: "\r\n"))
        case "MAIL": hasMail = act(.mail, "250 2.1.0 sender").hasPrefix("2")
        case "RCPT":
            guard hasMail else { return say("503 5.5.1 no sender") }
            let address = String(text.drop { $0 != "<" }.dropFirst().prefix { $0 != ">" })
            if act(.recipient, "250 2.1.5 \(address)").hasPrefix("2") { recipients.append(address) }
        case "DATA":
            if recipients.isEmpty { return say("503 5.5.1 nobody") }
            if act(.data, "354 go").hasPrefix("354") { message = [] }
        case "RSET":
            hasMail = false
            recipients = []
            _ = act(.reset, "250 2.0.0 reset")
        case "QUIT":
            say("221 2.0.0 bye")
            isClosed = true
        default: say("500 5.5.2 what")
        }
    }

    private mutating func say(_ text: String) { if !text.isEmpty { output += Array("\(text)\r\n".utf8) } }

    private mutating func act(_ place: StagedPlace, _ usual: String) -> String {
        if place == self.place { usualTimes -= 1 }
        guard place == self.place, usualTimes < 0 else {
            say(usual)
            return usual
        }
        self.place = nil
        switch fault {
        case .say(let text):
            say(text)
            return text
        case .stall: isStalled = true
        case .close: isClosed = true
        }
        return ""
    }
}
