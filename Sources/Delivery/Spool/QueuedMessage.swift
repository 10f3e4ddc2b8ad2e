// A message that a run has to do with: a name while it waits, an open file while it is worked on.

import LMTP
import Spool
import Synchronization

/// A message in a run.
///
/// A class because queues, connections and threads refer to the same one; what changes of it is behind two locks. `content`
/// is held while the message is worked on, by one thread; `inbox` for a moment, by whoever has news of it.
final class QueuedMessage: Sendable {
    /// What the thread that works on it has.
    struct Content: ~Copyable {
        /// The message as routing handed it over, until it is opened.
        var routed: RoutedMessage?
        /// nil while it waits as a name.
        var work: MessageWork?
        var past = MessagePast()
        /// Whether the run has done with it: its turn at some destination may still come.
        var isOver = false
        /// The destinations that it is counted at.
        var admitted: [ObjectIdentifier: Destination] = [:]
    }

    /// News that the next step takes up.
    struct News {
        var outcomes: [(draft: Int, outcome: DeliveryOutcome)] = []
        /// The destinations that it has been admitted to.
        var admitted: [Destination] = []

        /// Whether what cannot be written now is given up.
        var givesUp = false

        /// Whether it is to look again, though there is nothing else: without it a step that is just ending would not see
        /// that somebody called, and nobody would call again.
        var isCalled = false

        var isEmpty: Bool { outcomes.isEmpty && admitted.isEmpty && !givesUp && !isCalled }
    }

    private struct Inbox {
        var news = News()
        /// Whether a step is to come or is being taken.
        var isScheduled = true
        var isOpen = false
        /// The size in memory of what routing handed over, in bytes, until it is closed.
        var routedSize = 0
    }

    let name: MessageName
    let worker: MessageWorker
    let content: Mutex<Content>
    private let inbox: Mutex<Inbox>

    /// A message whose first step is to come.
    init(_ name: MessageName, _ worker: MessageWorker, routed: RoutedMessage? = nil) {
        self.name = name
        self.worker = worker
        inbox = Mutex(Inbox(isOpen: routed != nil, routedSize: routed?.size ?? 0))
        content = Mutex(Content(routed: routed))
    }

    /// Adds news; true where a step has to be scheduled for them.
    func add(_ change: (inout News) -> Void) -> Bool {
        inbox.withLock { inbox in
            change(&inbox.news)
            defer { inbox.isScheduled = true }
            return !inbox.isScheduled
        }
    }

    func takeNews() -> News {
        inbox.withLock { inbox in
            defer { inbox.news = News() }
            return inbox.news
        }
    }

    /// Ends a step; true where another has to be scheduled, for news that came meanwhile.
    func endStep() -> Bool {
        inbox.withLock { inbox in
            inbox.isScheduled = !inbox.news.isEmpty
            return inbox.isScheduled
        }
    }

    /// Whether its files are open.
    var isOpen: Bool { inbox.withLock { $0.isOpen } }

    /// The size in memory of what routing handed over, in bytes, for the first who asks.
    func takeRoutedSize() -> Int {
        inbox.withLock { inbox in
            defer { inbox.routedSize = 0 }
            return inbox.routedSize
        }
    }

    /// Notes whether it is open, and says whether that is a change.
    func setOpen(_ isOpen: Bool) -> Bool {
        inbox.withLock { inbox in
            defer { inbox.isOpen = isOpen }
            return inbox.isOpen != isOpen
        }
    }
}

/// What a run remembers of a message from one opening to the next.
struct MessagePast {
    /// When an attempt or anything else had last changed the file before this run did; nil before it was opened.
    var touched: Int?
    /// The recipients that have had their attempt, by the places of their lines.
    var tried: Set<Int> = []
    /// The earliest next attempt of what stays queued.
    var nextAttempt: Int?
    /// Recipients whose senders are to be told of the delay, and until when they are tried, by the places of their lines.
    var delays: [Int: Int] = [:]
    /// The destinations whose turn it waits for.
    var waitingFor: Set<ObjectIdentifier> = []
}
