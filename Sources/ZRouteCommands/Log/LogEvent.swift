// One event of the log: a name, and members in an order. From it both forms of a line are made, so that what one of them
// says the other says too.

import Bytes
import Glibc

/// Something that happened, as a line of the log says it.
struct LogEvent: Sendable {
    /// A member's value.
    enum Value: Sendable {
        case text([UInt8])
        case number(Int)
        case list([String])
    }

    /// Which kind it is; docs/logs.md has all of them.
    let name: String
    /// The message it is about; nil where it is about none.
    let message: String?
    /// How text shows the members, between the event's name and the words that end the line: `from=<a@b>`.
    private var details = ""
    /// The words that end a line of text.
    private var words = ""
    private var members: [(name: String, value: Value)] = []

    init(_ name: String, message: String? = nil) {
        self.name = name
        self.message = message
    }

    /// Adds a member that text shows as `word=value`.
    mutating func add(_ name: String, _ value: Value, as word: String, _ shown: String) {
        add(name, value)
        details += " \(word)=\(shown)"
    }

    /// Adds the sender and the recipient as the sender wrote it.
    mutating func add(sender: [UInt8], recipient: [UInt8]) {
        add("sender", .text(sender), as: "from", "<\(printable(sender))>")
        add("recipient", .text(recipient), as: "to", "<\(printable(recipient))>")
    }

    /// Adds a route.
    mutating func add(channel: some Sequence<UInt8>, host: some Sequence<UInt8>, user: some Sequence<UInt8>) {
        let fields = [("channel", Array(channel)), ("host", Array(host)), ("user", Array(user))]
        for (name, value) in fields { add(name, .text(value)) }
        details += " route=\(fields.map { printable($0.1) }.joined(separator: "!"))"
    }

    /// Adds the size of the message in bytes.
    mutating func add(size: Int) { add("size", .number(size), as: "size", "\(size)") }

    /// Adds a time taken.
    mutating func add(microseconds: Int) {
        let fraction = String(microseconds % 1_000_000)
        let zeros = String(repeating: "0", count: max(6 - fraction.utf8.count, 0))
        add("microseconds", .number(microseconds), as: "time", "\(microseconds / 1_000_000).\(zeros)\(fraction)s")
    }

    /// Adds the words that end a line of text: a reason, or a server's reply.
    mutating func add(_ name: String, words text: String) {
        add(name, .text(Array(text.utf8)))
        words = words.isEmpty ? text : "\(words): \(text)"
    }

    /// Adds a member that only programs need.
    mutating func add(_ name: String, _ value: Value) {
        members.append((name, value))
    }

    /// Appends the line's text, without time and line end.
    func appendText(to output: inout [UInt8]) {
        output.append(contentsOf: "\(message ?? "zroute"): \(name)\(details)".utf8)
        guard !words.isEmpty else { return }
        output.append(contentsOf: ": ".utf8)
        output.append(contentsOf: printable(Array(words.utf8)).utf8)
    }

    /// Appends the line as an object, without line end.
    func appendJSON(to output: inout [UInt8], time: [UInt8]) {
        var json = JSONText()
        json.object { json in
            json.name("event")
            json.string(name)
            json.name("time")
            json.text(time)
            if let message {
                json.name("message")
                json.string(message)
            }
            for (name, value) in members {
                json.name(name)
                switch value {
                case .text(let bytes): json.text(bytes)
                case .number(let number): json.number(number)
                case .list(let texts): json.array { json in for text in texts { json.string(text) } }
                }
            }
        }
        output.append(contentsOf: json.bytes)
    }
}

// The time as log lines show it (RFC 3339), put together once a millisecond: thousands of lines a second ask for it.

/// The wall clock as text: `2026-11-28T16:22:08.123Z`.
struct LogTime {
    private var shown = Int64.min
    private var text: [UInt8] = []

    /// The present, in UTC.
    mutating func now() -> [UInt8] {
        var time = timespec()
        // Fails only for a clock that does not exist.
        _ = unsafe clock_gettime(CLOCK_REALTIME, &time)
        let milliseconds = Int64(time.tv_sec) &* 1000 &+ Int64(time.tv_nsec) / 1_000_000
        if milliseconds != shown {
            shown = milliseconds
            text = Self.text(seconds: time.tv_sec, milliseconds: time.tv_nsec / 1_000_000)
        }
        return text
    }

    private static func text(seconds: time_t, milliseconds: Int) -> [UInt8] {
        var seconds = seconds
        var parts = unsafe tm()
        // Null only where the year is larger than an Int32 can be.
        guard unsafe gmtime_r(&seconds, &parts) != nil else { return Array("-".utf8) }
        func digits(_ number: some BinaryInteger, _ count: Int) -> String {
            let text = String(number)
            return String(repeating: "0", count: max(count - text.utf8.count, 0)) + text
        }
        let year = unsafe digits(Int(parts.tm_year) + 1900, 4)
        let date = unsafe "\(year)-\(digits(parts.tm_mon + 1, 2))-\(digits(parts.tm_mday, 2))"
        let time = unsafe "\(digits(parts.tm_hour, 2)):\(digits(parts.tm_min, 2)):\(digits(parts.tm_sec, 2))"
        return Array("\(date)T\(time).\(digits(milliseconds, 3))Z".utf8)
    }
}
