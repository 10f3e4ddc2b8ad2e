// Asks servers whether they are there and would take some recipients: the opening of a session, MAIL, RCPT, RSET, QUIT. No
// message is ever sent.

import Bytes
package import LMTP
import NIOCore
import NIOPosix

/// What one server is asked.
package struct ProbeRequest: Sendable {
    /// The server.
    package let destination: Destination
    /// The users of routes that lead there.
    package let users: [[UInt8]]

    /// Describes what to ask.
    package init(_ destination: Destination, users: [[UInt8]]) {
        self.destination = destination
        self.users = users
    }
}

/// What one server has answered.
package struct ProbeAnswer: Sendable {
    /// The reply to RCPT of each user that it was asked for, in their order; nil where it did not come to that.
    package fileprivate(set) var replies: [Reply?]
    /// Why the session ended before it was to.
    package fileprivate(set) var failure: ClientFailure?
    /// Whether the opening was done: the connection, the greeting, TLS and authentication.
    package fileprivate(set) var hasBegun = false
}

/// Asks servers at the same time, and waits for all of them.
package enum RecipientProbe {
    /// Asks.
    ///
    /// - Returns: the answers, in the order of the requests.
    package static func ask(_ requests: [ProbeRequest], limits: RelayLimits = RelayLimits()) -> [ProbeAnswer] {
        guard !requests.isEmpty else { return [] }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        let promise = loop.makePromise(of: [ProbeAnswer].self)
        loop.execute { ProbeRun(requests, loop, limits, promise).start() }
        let answers = try? promise.futureResult.wait()
        try? group.syncShutdownGracefully()
        return answers ?? []
    }
}

/// One run of questions, on its event loop alone.
private final class ProbeRun: RelayListener {
    private let requests: [ProbeRequest]
    private let eventLoop: any EventLoop
    private let pool: RelayPool
    private let promise: EventLoopPromise<[ProbeAnswer]>
    private var answers: [ProbeAnswer]
    private var leases: [RelayLease] = []
    private var running: Int

    init(
        _ requests: [ProbeRequest], _ loop: any EventLoop, _ limits: RelayLimits,
        _ promise: EventLoopPromise<[ProbeAnswer]>
    ) {
        self.requests = requests
        self.promise = promise
        eventLoop = loop
        pool = RelayPool(ChannelLoop(loop), limits: limits)
        answers = requests.map { ProbeAnswer(replies: Array(repeating: nil, count: $0.users.count)) }
        running = requests.count
    }

    /// Begins all of them; what is told later keeps this object.
    func start() {
        for (index, request) in requests.enumerated() {
            // The null sender: nobody is told of anything.
            var transaction = RelayTransaction(Envelope(sender: [], recipients: []))
            for user in request.users {
                _ = transaction.add(EnvelopeRecipient(request.destination.recipientAddress(user)))
            }
            leases.append(pool.begin(transaction, at: request.destination, for: self, number: index))
        }
        for lease in leases { pool.flush(lease) }
    }

    func hear(_ news: RelayNews, of index: Int) {
        switch news {
        case .said(.began):
            answers[index].hasBegun = true
            if requests[index].users.isEmpty { giveUp(index) }
        case .said(.recipient(let recipient, let reply)):
            if answers[index].replies.indices.contains(recipient) { answers[index].replies[recipient] = reply }
            if answers[index].replies.allSatisfy({ $0 != nil }) { giveUp(index) }
        case .said, .heard, .blocked: break
        case .ended(let failure):
            answers[index].failure = failure
            running -= 1
            if running == 0 { finish() }
        }
    }

    /// Ends a transaction by RSET, once what is being told has been told.
    private func giveUp(_ index: Int) {
        let run = NIOLoopBound(self, eventLoop: eventLoop)
        eventLoop.execute {
            guard run.value.leases.indices.contains(index) else { return }
            run.value.leases[index].abandon()
            run.value.pool.flush(run.value.leases[index])
        }
    }

    private func finish() {
        let (answers, promise) = (answers, promise)
        pool.shutDown(within: .seconds(5)) { promise.succeed(answers) }
    }
}
