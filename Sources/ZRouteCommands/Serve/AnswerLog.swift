// What `serve` says of its answers: each in a line of its own where it is asked to, and in any case that answers fail.

import Bytes
import LookupProtocols
import Serve
import Synchronization
import System

/// The log of answers.
final class AnswerLog: Sendable {
    private struct Failures {
        /// When the last was said.
        var said: MonotonicTime
        /// How many there were since.
        var count = 0
    }

    private let form: LogForm
    private let saysEach: Bool
    private let failures = Mutex<[String: Failures]>([:])

    /// Failures of one map are said no more often than this, in nanoseconds: a map that fails is asked for every message.
    private static let pause: UInt64 = 10_000_000_000

    /// - Parameter saysEach: whether every answer has a line.
    init(_ form: LogForm, saysEach: Bool) {
        self.form = form
        self.saysEach = saysEach
    }

    /// Told of each answer.
    func add(_ request: borrowing LookupRequest, _ reply: borrowing LookupReply, _ protocolName: String) {
        if reply.status == .failed { sayFailure(request, reply) }
        guard saysEach else { return }
        var event = LogEvent("answer")
        event.add("protocol", .text(Array(protocolName.utf8)), as: "protocol", protocolName)
        event.add("map", .text(request.map), as: "map", printable(request.map))
        event.add("key", .text(request.key), as: "key", printable(request.key))
        let status = "\(reply.status.word)"
        event.add("status", .text(Array(status.utf8)), as: "status", status)
        event.add("answer", words: printable(reply.text))
        DiagnosticLog(form).say(event)
    }

    private func sayFailure(_ request: borrowing LookupRequest, _ reply: borrowing LookupReply) {
        let now = MonotonicTime.coarse()
        let map = printable(request.map)
        let count: Int? = failures.withLock { failures in
            guard let known = failures[map], now < known.said.advanced(by: Self.pause) else {
                let count = failures[map]?.count ?? 0
                failures[map] = Failures(said: now)
                return count
            }
            failures[map]?.count += 1
            return nil
        }
        guard let count else { return }
        let others = count == 0 ? "" : " (and \(count) more failures of this map before)"
        let key = printable(request.key.prefix(300))
        DiagnosticLog(form).say(
            "answered that it cannot be told now: map '\(map)', key '\(key)': \(printable(reply.text))\(others)",
            .warning)
    }
}
