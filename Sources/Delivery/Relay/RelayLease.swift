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

/// Is told what comes of transactions that are passed on.
package protocol RelayListener: AnyObject {
    /// Something has come of the transaction that was begun with this number.
    func hear(_ news: RelayNews, of number: Int)
}

/// A transaction that is passed on to a store; used on its pool's event loop alone.
package final class RelayLease {
    package let destination: Destination
    /// Until when a connection is waited for.
    let patience: NIODeadline
    /// Whether an idle connection was lost with it, so that only a new one will do.
    var needsFreshConnection = false
    /// The queue that it was handed in to.
    var queue: RelayQueue?
    /// The transaction, while it is with no session.
    var transaction: RelayTransaction?
    /// The connection that it has.
    ///
    /// Given up with its end, as all that it holds is: nothing here is weak, because an object that is looked at so is slower to
    /// count ever after.
    var connection: RelayConnection?
    /// One before it, for the same server, that it is to follow: along with the end of its message, or once it has ended.
    private(set) var predecessor: RelayLease?
    private var isEnded = false
    private var listener: (any RelayListener)?
    private let number: Int

    init(
        _ destination: Destination, _ transaction: RelayTransaction, patience: NIODeadline,
        after predecessor: RelayLease?, for listener: any RelayListener, number: Int
    ) {
        self.predecessor = predecessor
        self.destination = destination
        self.transaction = transaction
        self.patience = patience
        self.listener = listener
        self.number = number
    }

    /// Notes wishes; they are sent by `RelayPool.flush`.
    package func change(_ change: (inout RelayTransaction) -> Void) {
        if let connection {
            connection.change(self, change)
        } else if var waiting = transaction.take() {
            change(&waiting)
            transaction = waiting
        }
    }

    /// Gives the transaction up: nothing of it may be delivered that was not sent to its end.
    package func abandon() {
        if let connection {
            connection.change(self) { $0.abandon() }
        } else if let queue {
            queue.drop(self)
        } else {
            transaction = nil
            say(.ended(.stopped))
        }
    }

    /// Sends what was wished for over the connection that it has.
    func flush() { if let connection, connection.needsDriving { connection.drive() } }

    /// Whether it has no connection, and was not handed in for one.
    package var isWaiting: Bool { queue == nil && transaction != nil }

    /// Whether it follows another that has not ended.
    package var isBehindAnother: Bool {
        if predecessor?.isEnded == true { predecessor = nil }
        return predecessor != nil
    }

    /// The connection over which the one before it is answered; nil where there is no other, or none that may be shared.
    var connectionOfPredecessor: RelayConnection? {
        guard let predecessor, let connection = predecessor.connection, connection.lease === predecessor else {
            return nil
        }
        return connection
    }

    /// It has a connection, whatever becomes of the one before it.
    func joined(_ connection: RelayConnection) {
        predecessor = nil
        self.connection = connection
    }

    /// Tells nothing more: whoever listened is gone.
    ///
    /// What was begun goes on.
    package func detach() { listener = nil }

    func say(_ news: RelayNews) {
        if case .ended = news {
            let last = listener
            listener = nil
            isEnded = true
            connection = nil
            queue = nil
            predecessor = nil
            last?.hear(news, of: number)
        } else {
            listener?.hear(news, of: number)
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
