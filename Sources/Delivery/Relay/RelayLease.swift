// One transaction on its way to a store: before it has a connection, and while it has one.

package import LMTP
import NIOCore

/// What comes of a transaction that is passed on to a store.
package enum RelayNews: Sendable {
    /// The server has said something about it; perhaps more at the same time, so that `heard` or `ended` follows.
    case said(RelayTransaction.Event)
    /// All that the server has said so far was told.
    case heard
    /// The connection takes no more of the message for a while, or takes more again.
    case blocked(Bool)
    /// It is over: nothing more is told. The reason where it did not come to its end.
    case ended(ClientFailure?)
}

/// A transaction that is passed on to a store; used on its pool's event loop alone.
package final class RelayLease {
    package let destination: Destination
    /// Until when a connection is waited for.
    let patience: NIODeadline
    /// Whether an idle connection was lost with it, so that only a new one will do.
    var needsFreshConnection = false
    weak var queue: RelayQueue?
    /// The transaction, while it is with no session.
    var transaction: RelayTransaction?
    /// The connection that it has.
    weak var connection: RelayConnection?
    private var tell: ((RelayNews) -> Void)?

    init(
        _ destination: Destination, _ transaction: RelayTransaction, patience: NIODeadline,
        tell: @escaping (RelayNews) -> Void
    ) {
        self.destination = destination
        self.transaction = transaction
        self.patience = patience
        self.tell = tell
    }

    /// Notes wishes; they are sent by `RelayPool.flush`.
    package func change(_ change: (inout RelayTransaction) -> Void) {
        if let connection {
            connection.change(change)
        } else if var waiting = transaction.take() {
            change(&waiting)
            transaction = waiting
        }
    }

    /// Gives the transaction up: nothing of it may be delivered that was not sent to its end.
    package func abandon() {
        if let connection {
            connection.change { $0.abandon() }
        } else if let queue {
            queue.drop(self)
        } else {
            transaction = nil
            say(.ended(.stopped))
        }
    }

    /// Sends what was wished for over the connection that it has.
    func flush() { connection?.drive() }

    /// Tells nothing more: whoever listened is gone.
    ///
    /// What was begun goes on.
    package func detach() { tell = nil }

    func say(_ news: RelayNews) {
        if case .ended = news {
            let last = tell
            tell = nil
            connection = nil
            last?(news)
        } else {
            tell?(news)
        }
    }

    /// Ends it without a session that could answer.
    func fail(_ transaction: RelayTransaction, _ failure: ClientFailure) {
        var transaction = transaction
        transaction.interrupt(by: failure)
        while let event = transaction.nextEvent() { say(.said(event)) }
        say(.ended(failure))
    }
}
