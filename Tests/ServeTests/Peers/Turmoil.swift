// Senders that do not give up, whatever becomes of the servers behind the mailer that they send to.

import Foundation
import Glibc
import Synchronization
import ZRouteTestKit

/// Sends numbered messages, many at a time, each until it is accepted.
final class Turmoil: Sendable {
    struct Result: Sendable {
        /// The messages that were accepted, with the names that the mailer's queue gave them.
        var accepted: [Int: String] = [:]
        /// How often a message was not taken for now, whatever the reason.
        var putOff = 0
        /// Replies that would have bounced a message.
        var refused: [String] = []
    }

    private let endpoint: String
    private let messages: Int
    private let senders: Int
    /// How long a sender waits after each message, in microseconds.
    private let pause: UInt32
    private let recipients: @Sendable (Int) -> [String]
    private let state: Mutex<(next: Int, running: Int, isEnding: Bool, result: Result)>

    init(
        endpoint: String, messages: Int = .max, senders: Int, pause: UInt32 = 0,
        recipients: @escaping @Sendable (Int) -> [String]
    ) {
        (self.endpoint, self.messages, self.senders, self.pause) = (endpoint, messages, senders, pause)
        self.recipients = recipients
        state = Mutex((0, senders, false, Result()))
    }

    var isOver: Bool { state.withLock { $0.running == 0 } }
    var result: Result { state.withLock { $0.result } }

    static func subject(_ number: Int) -> String { "turmoil-\(number)" }

    func start() {
        for _ in 0..<senders {
            Thread.detachNewThread { [self] in
                while let number = take() {
                    send(number)
                    usleep(pause)
                }
                state.withLock { $0.running -= 1 }
            }
        }
    }

    /// Begins no more messages, and waits until those that were begun are accepted.
    func end() throws {
        state.withLock { $0.isEnding = true }
        guard try holds(within: 120, { isOver }) else { throw CommandFailure("senders do not come to an end") }
    }

    private func take() -> Int? {
        state.withLock { state in
            guard state.next < messages, !state.isEnding else { return nil }
            state.next += 1
            return state.next - 1
        }
    }

    private func send(_ number: Int) {
        let recipients = recipients(number)
        while true {
            let reply = try? SMTPClient(endpoint).send(to: recipients, subject: Self.subject(number))
            switch reply?.kind {
            case "2":
                // 250 2.0.0 Ok: queued as NAME
                let name = reply?.description.split(separator: " ").last.map(String.init) ?? ""
                return state.withLock { $0.result.accepted[number] = name }
            case "5":
                return state.withLock {
                    $0.result.refused.append("\(recipients): \(reply?.description ?? "")")
                }
            default:
                state.withLock { $0.result.putOff += 1 }
                // As a sender that waits for a better time.
                usleep(50_000)
            }
        }
    }
}
