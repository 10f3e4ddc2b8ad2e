// How waiting recipients are shown: a block for each message for people, one object a line for programs.

import Bytes
import QueueRouting
import Spool
import System

/// The form of `queue`'s output.
struct QueueReport {
    /// The present, in seconds since 1970.
    let now: Int64
    /// The name of the message shown last, and whether that is submitted: one name may stand for two messages.
    private var lastMessage = (name: "", isSubmitted: false)
    private var messages = 0
    private var recipients = 0
    private var putAside = 0

    init(now: Int64) {
        self.now = now
    }

    /// Appends a recipient, and its message where that is another than before.
    mutating func appendText(_ recipient: WaitingRecipient, to output: inout [UInt8]) {
        recipients += 1
        let message = recipient.message.description
        let isSubmitted = recipient.state == .submitted
        if lastMessage != (message, isSubmitted) {
            lastMessage = (message, isSubmitted)
            messages += 1
            let age = age(recipient).map(Self.span) ?? "its body is missing"
            let ahead = ahead(recipient).map { "  (dated \(Self.span($0)) ahead of the clock)" } ?? ""
            output.append(contentsOf: "\(message)  \(age)\(ahead)  from <\(printable(recipient.sender))>\n".utf8)
        }
        var line = "    \(Self.name(of: recipient.state)): "
        if !isSubmitted {
            line += "\(printable(recipient.channel))!\(printable(recipient.host))!"
        }
        line += printable(recipient.user)
        if recipient.attempts > 0 { line += "  (attempts: \(recipient.attempts))" }
        output.append(contentsOf: "\(line)\n".utf8)
        if let last = recipient.lastAttempt {
            let status = last.status.isEmpty ? "" : printable(last.status) + " "
            output.append(
                contentsOf: "        \(when(last.time)): \(status)\(printable(last.answer))\n".utf8)
        }
    }

    /// Appends something that lies in `postman`.
    mutating func appendText(_ file: AsideFile, to output: inout [UInt8]) {
        putAside += 1
        output.append(contentsOf: "\(file.name)  \(Self.span(now - file.time))  in postman\n".utf8)
        let what =
            switch file.kind {
            case .rejected(let reason): "rejected: \(reason.isEmpty ? "the reason is missing" : printable(reason))"
            case .report: "report: of a failure that its sender may not be told of"
            }
        output.append(contentsOf: "    \(what)\n".utf8)
    }

    /// Appends the line that ends the text.
    func appendSummary(to output: inout [UInt8]) {
        var summary = recipients == 0 ? "nothing waits" : "messages: \(messages), recipients: \(recipients)"
        if putAside > 0 { summary += "; in postman: \(putAside)" }
        output.append(contentsOf: "\(summary)\n".utf8)
    }

    /// Appends something that lies in `postman` as a line of JSON.
    func appendJSON(_ file: AsideFile, to output: inout [UInt8]) {
        let (state, reason): (String, [UInt8]?) =
            switch file.kind {
            case .rejected(let reason): ("rejected", reason)
            case .report: ("report", nil)
            }
        appendJSON(of: file.name.description, state, to: &output) { json in
            if let reason {
                json.name("reason")
                json.text(reason)
            }
            json.name("age")
            json.number(Int(clamping: max(now - file.time, 0)))
        }
    }

    /// Appends a recipient as a line of JSON.
    func appendJSON(_ recipient: WaitingRecipient, to output: inout [UInt8]) {
        appendJSON(of: recipient.message.description, Self.name(of: recipient.state), to: &output) { json in
            var fields = [("sender", recipient.sender)]
            if recipient.state == .submitted {
                fields.append(("recipient", recipient.user))
            } else {
                fields += [("channel", recipient.channel), ("host", recipient.host), ("user", recipient.user)]
            }
            for (name, value) in fields {
                json.name(name)
                json.text(value)
            }
            if let age = age(recipient) {
                json.name("age")
                json.number(Int(clamping: age))
            } else {
                json.name("fault")
                json.string("its body is missing")
            }
            if let ahead = ahead(recipient) {
                json.name("datedAhead")
                json.number(Int(clamping: ahead))
            }
            json.name("attempts")
            json.number(recipient.attempts)
            if let last = recipient.lastAttempt {
                json.name("lastAttempt")
                last.append(to: &json)
            }
        }
    }

    /// Appends a line of JSON that begins with a message and what state it is in.
    private func appendJSON(
        of message: String, _ state: String, to output: inout [UInt8], _ rest: (inout JSONText) -> Void
    ) {
        var json = JSONText()
        json.object { json in
            json.name("message")
            json.string(message)
            json.name("state")
            json.string(state)
            rest(&json)
        }
        output.append(contentsOf: json.bytes)
        output.append(0x0A)
    }

    private func age(_ recipient: WaitingRecipient) -> Int64? { recipient.arrival.map { max(now - $0, 0) } }

    /// How far ahead of the clock the message is dated, in seconds; nil where it is not.
    private func ahead(_ recipient: WaitingRecipient) -> Int64? {
        recipient.dated > now ? recipient.dated - now : nil
    }

    private func when(_ time: Int64) -> String {
        time > now ? "dated \(Self.span(time - now)) ahead of the clock" : "\(Self.span(now - time)) ago"
    }

    /// A state's name, the same in every form of output.
    static func name(of state: WaitingRecipient.State) -> String {
        switch state {
        case .submitted: "submitted"
        case .held: "held"
        case .routed: "routed"
        case .inDelivery: "in delivery"
        case .onHold: "on hold"
        }
    }

    /// A span of time in its two largest units.
    static func span(_ seconds: Int64) -> String {
        let seconds = max(seconds, 0)
        if seconds >= 86400 { return "\(seconds / 86400)d\(seconds / 3600 % 24)h" }
        if seconds >= 3600 { return "\(seconds / 3600)h\(seconds / 60 % 60)m" }
        return seconds >= 60 ? "\(seconds / 60)m\(seconds % 60)s" : "\(seconds)s"
    }
}
