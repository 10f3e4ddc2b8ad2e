// Keeps messages on their way until all are sent: when half of those given out are done, as many are given out anew.

import Delivery
import LMTP
import NIOConcurrencyHelpers
import Synchronization

/// Sends copies of one message.
final class Sender: Sendable {
    private struct Progress {
        var left: Int
        var underWay = 0
        var delivered = 0
    }

    private let pool = ConnectionPool()
    private let destination: Destination
    private let envelope: Envelope
    private let content: MessageContent
    private let progress: Mutex<Progress>
    private let isDone = ConditionLock(value: false)

    /// 2 kB as it is on the wire: lines of 64 octets and a line end each.
    private static let lines = 31, line = [UInt8](repeating: UInt8(ascii: "x"), count: 64) + [0x0A]
    private static let givenOut = 512

    init(_ destination: Destination, messages: Int) {
        self.destination = destination
        progress = Mutex(Progress(left: messages))
        content = MessageContent([[UInt8]](repeating: Self.line, count: Self.lines).flatMap { $0 })
        var envelope = Envelope(
            sender: Array("sender@example.org".utf8),
            recipients: [EnvelopeRecipient(Array("recipient@example.net".utf8))])
        envelope.length = .estimate(content.estimatedLength)
        self.envelope = envelope
    }

    /// How many were accepted.
    var delivered: Int { progress.withLock { $0.delivered } }

    /// Sends all messages, and ends the connections.
    func send() {
        giveOut()
        isDone.lock(whenValue: true)
        isDone.unlock()
        pool.shutDown()
    }

    private func giveOut() {
        let count = progress.withLock { progress in
            let count = min(progress.left, Self.givenOut - progress.underWay)
            progress.left -= count
            progress.underWay += count
            return count
        }
        let messages = (0..<count).map { _ in
            OutgoingMessage(envelope: envelope, content: content) { [self] in finish($0) }
        }
        pool.submit(messages, to: destination)
    }

    private func finish(_ outcome: DeliveryOutcome) {
        let isDelivered = outcome.report.recipients.allSatisfy { $0.outcome == .delivered }
        let (needsMore, isEnd) = progress.withLock { progress in
            progress.underWay -= 1
            if isDelivered { progress.delivered += 1 }
            return (
                progress.left > 0 && progress.underWay <= Self.givenOut / 2,
                progress.left == 0 && progress.underWay == 0
            )
        }
        if needsMore { giveOut() }
        if isEnd {
            isDone.lock()
            isDone.unlock(withValue: true)
        }
    }
}
