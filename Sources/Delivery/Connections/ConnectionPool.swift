// All connections of a process, on one event loop: two cores do not make a dialogue faster, and one loop needs no locks.

import LMTP
import NIOCore
import NIOPosix

/// Delivers messages over connections that it makes, shares and ends.
public final class ConnectionPool: Sendable {
    private let group: MultiThreadedEventLoopGroup
    private let core: NIOLoopBoundBox<Core>
    private let eventLoop: any EventLoop

    /// Starts the connections' thread.
    public init() {
        prepareDispatch()
        group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let eventLoop = group.next()
        self.eventLoop = eventLoop
        core = NIOLoopBoundBox.makeBoxSendingValue(Core(eventLoop: eventLoop), eventLoop: eventLoop)
    }

    /// Delivers a message; its completion is called, whatever happens, with an outcome for each recipient.
    public func submit(_ message: OutgoingMessage, to destination: Destination) {
        let core = self.core
        eventLoop.execute { core.value.submit(CollectionOfOne(message), to: destination) }
    }

    /// Delivers messages in their order, as `submit` does each: the connections' thread is told once of all of them.
    public func submit(_ messages: [OutgoingMessage], to destination: Destination) {
        let core = self.core
        eventLoop.execute { core.value.submit(messages, to: destination) }
    }

    /// Sends nothing more: what was not sent to its last byte is given up at once (`TransactionReport.isGivenUp`), and
    /// final replies are waited for, but not longer than a time.
    public func stop(waitingForReplies limit: TimeSpan) {
        let core = self.core
        eventLoop.execute { core.value.stop(waiting: .seconds(Int64(limit.seconds))) }
    }

    /// Does something after a time, on the connections' thread: it must not block.
    func schedule(in pause: TimeAmount, _ work: @escaping @Sendable () -> Void) {
        eventLoop.scheduleTask(in: pause, work)
    }

    /// Ends all connections politely, after the work that is left, and the thread.
    public func shutDown() {
        let core = self.core
        let promise = eventLoop.makePromise(of: Void.self)
        eventLoop.execute { core.value.shutDown(promise) }
        try? promise.futureResult.wait()
        try? group.syncShutdownGracefully()
    }
}
