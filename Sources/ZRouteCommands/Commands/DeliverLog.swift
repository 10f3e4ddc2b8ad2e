// What deliver says: results, one recipient a line, on standard output; troubles on standard error.

import Delivery
import Files
import Glibc
import LMTP
import Spool
import Synchronization

/// Writes events of a spool's delivery, from any thread.
final class DeliveryLog: Sendable {
    private struct State: ~Copyable {
        var output: OutputStream
        var log = DiagnosticLog()
        var hasTrouble = false
        var nextFlush = MonotonicTime(nanoseconds: 0)
    }

    private let state: Mutex<State>
    private let format: LogFormat

    init(format: LogFormat, turn: OutputTurn? = nil) {
        self.format = format
        state = Mutex(State(output: OutputStream(descriptor: STDOUT_FILENO, turn: turn)))
    }

    /// Whether anything needs a person's look.
    var hasTrouble: Bool { state.withLock { $0.hasTrouble } }

    /// Writes what is still held back.
    func flush() { state.withLock { $0.output.flush() } }

    func say(_ text: String) { state.withLock { $0.log.say(text) } }

    func record(_ event: DeliveryEvent) {
        let line = format == .json ? Self.json(event) : Self.text(event)
        state.withLock { state in
            switch event {
            case .kept(_, let channel, _, let reason):
                let reason = "channel \(printable(channel)): \(reason); its recipients stay queued"
                state.log.sayOnce(reason, reason)
            case .trouble(let message, let text):
                state.hasTrouble = true
                state.log.say((message.map { "\($0): " } ?? "") + text)
            case .putAside(let message, let path):
                state.log.say("\(message): failed, and its sender may not be told: see \(path)")
            case .attempt, .reported, .removed: break
            }
            if let line {
                state.output.write(line)
                // Workers wait for each other here: not for a write each.
                let now = MonotonicTime.coarse()
                guard now >= state.nextFlush else { return }
                state.nextFlush = now.advanced(by: 100_000_000)
                state.output.flush()
            }
        }
    }

    private static func text(_ event: DeliveryEvent) -> String? {
        switch event {
        case .attempt(let attempt):
            let place = attempt.endpoint.map { "\($0)" } ?? "-"
            return
                "\(attempt.message)\t\(route(attempt.address))\t\(name(attempt.outcome))\t\(place)\t\(attempt.reply)\n"
        case .reported(let message, let report, let address):
            return "\(message)\treported to \(printable(address)) as \(report)\n"
        case .kept, .putAside, .removed, .trouble: return nil
        }
    }

    private static func json(_ event: DeliveryEvent) -> String? {
        var json = JSONText()
        json.object { json in
            func member(_ name: String, _ value: String) {
                json.name(name)
                json.string(value)
            }
            switch event {
            case .attempt(let attempt):
                member("message", attempt.message.description)
                json.name("channel")
                json.text(attempt.address.channel)
                json.name("host")
                json.text(attempt.address.host)
                json.name("user")
                json.text(attempt.address.user)
                member("result", name(attempt.outcome))
                if let endpoint = attempt.endpoint { member("endpoint", "\(endpoint)") }
                member("reply", "\(attempt.reply)")
            case .reported(let message, let report, let address):
                member("message", message.description)
                json.name("reportedTo")
                json.text(address)
                member("report", report.description)
            case .removed(let message):
                member("message", message.description)
                member("event", "removed")
            case .kept(let message, let channel, _, let reason):
                member("message", message.description)
                json.name("channel")
                json.text(channel)
                member("kept", reason)
            case .putAside(let message, let path):
                member("message", message.description)
                member("putAside", path)
            case .trouble(let message, let text):
                if let message { member("message", message.description) }
                member("trouble", text)
            }
        }
        return String(decoding: json.bytes, as: UTF8.self) + "\n"
    }

    static func route(_ address: ControlAddress) -> String {
        [address.channel, address.host, address.user].map { printable($0) }.joined(separator: "!")
    }

    static func name(_ outcome: RecipientReport.Outcome) -> String {
        switch outcome {
        case .delivered: "delivered"
        case .failed: "failed"
        case .deferred: "deferred"
        }
    }
}
