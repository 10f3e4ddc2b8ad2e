// A message as `queue show` shows it: what was read of it, as text and as an object.

import Bytes
import Delivery
import MailSyntax
import QueueRouting
import Spool

/// What there is to know of a message.
struct MessageDetail {
    let name: MessageName
    let place: MessagePlace
    /// The present, in seconds since 1970.
    let now: Int64
    let path: String
    /// The sender; empty for the null sender, nil where it is not known.
    var sender: [UInt8]?
    /// The identifier that logs know it by.
    var identity: [UInt8]?
    /// The envelope identifier (ENVID), and what of it is returned (RET); nil where they were not given.
    var envelopeIdentifier: [UInt8]?, returnMode: [UInt8]?
    /// The message that its recipients were taken over from.
    var origin: MessageName?
    /// When it arrived, in seconds since 1970; nil where its body is missing.
    var arrival: Int64?
    /// The size of the submitted file in bytes; nil where it is missing.
    var size: Int?
    /// Why it was put aside.
    var reason: [UInt8]?
    var recipients: [RecipientDetail] = []
    /// The header as it is sent; of what is not routed, envelope and header.
    var header: [UInt8]?
    var body: [UInt8]?

    private var state: String {
        switch place {
        case .routed: "routed"
        case .onHold: "on hold"
        case .submitted: "submitted"
        case .aside: reason == nil ? "report" : "rejected"
        }
    }

    /// The message in words, without its body.
    func text() -> String {
        let age = arrival.map { QueueReport.span(now - $0) } ?? "its body is missing"
        var text = "\(name)  \(state)  \(age)"
        if let size { text += "  \(size) bytes" }
        if let sender { text += "  from <\(printable(sender))>" }
        text += "\n    file: \(path)\n"
        for (word, value) in [
            ("identifier", identity), ("envelope identifier", envelopeIdentifier), ("returned", returnMode),
        ] {
            if let value { text += "    \(word): \(printable(value))\n" }
        }
        if let origin { text += "    split off: \(origin)\n" }
        if let reason { text += "    rejected: \(reason.isEmpty ? "the reason is missing" : printable(reason))\n" }
        if !recipients.isEmpty { text += "recipients:\n" }
        for recipient in recipients { text += recipient.text(now: now) }
        if let header {
            text += place == .routed || place == .onHold ? "header:\n" : "envelope and header:\n"
            for line in header.split(separator: 0x0A, omittingEmptySubsequences: false).dropLast(
                header.last == 0x0A ? 1 : 0)
            {
                text += "    \(printable(line.last == 0x0D ? line.dropLast() : line))\n"
            }
        }
        return text
    }

    /// The message as an object.
    func json() -> [UInt8] {
        var json = JSONText()
        json.object { json in
            json.name("message")
            json.string(name.description)
            json.name("state")
            json.string(state)
            json.name("file")
            json.string(path)
            for (name, value) in [
                ("sender", sender), ("identifier", identity), ("envelopeIdentifier", envelopeIdentifier),
                ("returned", returnMode), ("reason", reason),
            ] {
                guard let value else { continue }
                json.name(name)
                json.text(value)
            }
            if let origin {
                json.name("splitOff")
                json.string(origin.description)
            }
            if let arrival {
                json.name("age")
                json.number(Int(clamping: max(now - arrival, 0)))
            } else {
                json.name("fault")
                json.string("its body is missing")
            }
            if let size {
                json.name("size")
                json.number(size)
            }
            json.name("recipients")
            json.array { json in for recipient in recipients { recipient.append(to: &json) } }
            for (name, value) in [("header", header), ("body", body)] {
                guard let value else { continue }
                json.name(name)
                json.text(value)
            }
        }
        return json.bytes
    }
}

/// What there is to know of a recipient.
struct RecipientDetail {
    /// When the next attempt is made.
    enum NextAttempt {
        /// At a time, in seconds since 1970; it may have passed.
        case at(Int64)
        /// As soon as anybody looks.
        case atOnce
    }

    let state: String
    /// The route; nil where there is none yet.
    var route: ControlAddress?
    /// The recipient as the sender knows it.
    let address: [UInt8]
    /// What the sender wants to be told of it, such as `NOTIFY=NEVER`; nil where nothing was said.
    var notification: [UInt8]?
    var attempts = 0
    /// nil where there is none, or nothing tells when.
    var next: NextAttempt?
    /// The last answers, in order.
    var answers: [WaitingRecipient.Attempt] = []

    private var fields: [(name: String, value: [UInt8])] {
        guard let route else { return [] }
        return [
            ("channel", ControlField.unquoted(route.channel)), ("host", ControlField.unquoted(route.host)),
            ("user", route.user),
        ]
    }

    fileprivate func text(now: Int64) -> String {
        let route = fields.isEmpty ? "" : fields.map { printable($0.value) }.joined(separator: "!") + "  for "
        var text = "    \(state): \(route)<\(printable(address))>"
        if attempts > 0 { text += "  (attempts: \(attempts))" }
        text += "\n"
        if let notification { text += "        \(printable(notification))\n" }
        switch next {
        case nil: break
        case .at(let time) where time > now: text += "        next attempt: in \(QueueReport.span(time - now))\n"
        case .at, .atOnce: text += "        next attempt: due now\n"
        }
        for answer in answers {
            let time = answer.time > now ? "dated ahead of the clock" : "\(QueueReport.span(now - answer.time)) ago"
            text +=
                "        \(time): \(answer.status.isEmpty ? "" : printable(answer.status) + " ")\(printable(answer.answer))\n"
        }
        return text
    }

    fileprivate func append(to json: inout JSONText) {
        json.object { json in
            json.name("state")
            json.string(state)
            for (name, value) in fields + [("address", address)] {
                json.name(name)
                json.text(value)
            }
            if let notification {
                json.name("notification")
                json.text(notification)
            }
            json.name("attempts")
            json.number(attempts)
            switch next {
            case nil: break
            case .at(let time):
                json.name("nextAttempt")
                json.number(Int(clamping: time))
            case .atOnce:
                json.name("nextAttempt")
                json.number(0)
            }
            json.name("answers")
            json.array { json in for answer in answers { answer.append(to: &json) } }
        }
    }
}

extension WaitingRecipient.Attempt {
    /// Appends the attempt as an object.
    func append(to json: inout JSONText) {
        json.object { json in
            json.name("time")
            json.number(Int(clamping: time))
            json.name("status")
            json.text(status)
            json.name("answer")
            json.text(answer)
        }
    }
}

// When attempts at the recipients of a message are made, as the programs that make them reckon it.

/// The schedules of a message's recipients.
struct RecipientSchedules {
    /// nil where there is none that can be read.
    let conf: SchedulerConf?
    /// nil where the body is missing.
    let dates: MessageDates?
    /// Whether somebody has asked for an attempt before its time.
    let isAskedFor: Bool
    /// The present, in seconds since 1970.
    let now: Int64

    /// When a pending recipient is tried next; nil where nothing tells.
    func next(_ recipient: ControlRecipient, attempts: [Int64]) -> RecipientDetail.NextAttempt? {
        guard let dates else { return nil }
        guard !recipient.address.isChannel(OpenControlFile.holdChannel) else {
            let own = MessageDates(arrival: dates.arrival, changed: dates.changed, attempts: attempts)
            return .at(RetryRule().nextAttempt(recipient, own, now: now))
        }
        guard !isAskedFor, !attempts.isEmpty, let last = dates.lastChange(now: now) else { return .atOnce }
        guard let conf else { return nil }
        let parameters = conf.match(channel: recipient.address.channel, host: recipient.address.host).parameters
        guard !parameters.isQueueOnly else { return nil }
        let schedule = parameters.schedule
        let arrival = dates.arrival(now: now, expiry: Int64(schedule.expiry.seconds))
        return .at(Int64(schedule.next(arrival: Int(arrival), last: Int(last))))
    }
}

extension ControlFile {
    /// How many of a recipient's last answers are shown.
    private static let shownAnswers = 3

    /// The recipients in the order given.
    func recipientDetails(onHold isOnHold: Bool, _ schedules: RecipientSchedules) -> [RecipientDetail] {
        let attempts = Dictionary(grouping: diagnostics.map(\.diagnostic), by: \.recipientOffset)
        return recipients.map { recipient in
            let own = attempts[recipient.offset] ?? []
            let state: String
            var next: RecipientDetail.NextAttempt?
            switch recipient.tag {
            case .done: state = "done"
            case .failed: state = "failed"
            case .locked: state = "in delivery"
            case .pending, nil:
                state = recipient.address.isChannel(OpenControlFile.holdChannel) ? "held" : "routed"
                if !isOnHold { next = schedules.next(recipient, attempts: own.map { Int64($0.time) }) }
            }
            return RecipientDetail(
                state: state, route: recipient.address, address: recipient.addressKnownToSender.address,
                notification: recipient.notification, attempts: own.count, next: next,
                answers: own.suffix(Self.shownAnswers).map(WaitingRecipient.Attempt.init))
        }
    }
}
