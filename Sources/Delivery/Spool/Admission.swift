// How many messages are under way to each destination: those beyond it wait as names, so that a server that does not answer
// holds up a few messages, whatever their number, and nobody else's.

import NIOCore

/// The messages that are under way to each destination, and those that wait for their turn.
struct Admission {
    private struct Window {
        /// Held so that the key stays its own.
        let destination: Destination
        var underWay = 0
        /// How many may be under way: few at first and after a silence, more with each answer.
        var size: Int
        var waiting = CircularBuffer<QueuedMessage>()
        /// Whether it stands among the destinations whose turn comes.
        var isInTurn = false

        var hasTurn: Bool { underWay < size && !waiting.isEmpty }
    }

    /// How many are under way to a destination that has not answered yet.
    static let initialSize = 2
    /// What is known of destinations without work is kept of so many.
    private static let idleLimit = 1000

    private let limit: Int
    private var windows: [ObjectIdentifier: Window] = [:]
    private var turns = CircularBuffer<ObjectIdentifier>()
    /// How many wait, counted once for each destination.
    private(set) var waitingCount = 0

    /// - Parameter limit: the most messages under way to one destination.
    init(limit: Int) {
        self.limit = max(limit, 1)
    }

    /// Whether somebody's turn has come.
    var hasTurn: Bool { !turns.isEmpty }

    /// Admits a message to a destination; one that cannot be waits for its turn.
    mutating func admit(_ message: QueuedMessage, to destination: Destination) -> Bool {
        let key = ObjectIdentifier(destination)
        if windows[key] == nil, windows.count >= Self.idleLimit {
            windows = windows.filter { $0.value.underWay > 0 || !$0.value.waiting.isEmpty }
        }
        var window =
            windows.removeValue(forKey: key) ?? Window(destination: destination, size: min(Self.initialSize, limit))
        defer { windows[key] = window }
        guard window.waiting.isEmpty, window.underWay < window.size else {
            window.waiting.append(message)
            waitingCount += 1
            takeTurn(key, &window)
            return false
        }
        window.underWay += 1
        return true
    }

    /// Notes that a message is not under way to a destination any more.
    ///
    /// - Parameter wasAnswered: whether the server answered; nil where it was not asked.
    mutating func leave(_ destination: Destination, wasAnswered: Bool?) {
        let key = ObjectIdentifier(destination)
        guard var window = windows.removeValue(forKey: key) else { return }
        window.underWay -= 1
        if let wasAnswered { window.size = wasAnswered ? min(window.size + 1, limit) : min(Self.initialSize, limit) }
        takeTurn(key, &window)
        windows[key] = window
    }

    /// The next message whose turn has come, admitted to its destination; each destination has one turn after the other.
    mutating func next() -> (message: QueuedMessage, destination: Destination)? {
        while let key = turns.popFirst() {
            guard var window = windows.removeValue(forKey: key) else { continue }
            defer { windows[key] = window }
            window.isInTurn = false
            guard window.underWay < window.size, let message = window.waiting.popFirst() else { continue }
            waitingCount -= 1
            window.underWay += 1
            takeTurn(key, &window)
            return (message, window.destination)
        }
        return nil
    }

    /// Takes away all that wait.
    mutating func removeAllWaiting() -> [QueuedMessage] {
        var waiting: [QueuedMessage] = []
        for key in windows.keys {
            waiting += windows[key]?.waiting.map { $0 } ?? []
            windows[key]?.waiting.removeAll()
        }
        waitingCount = 0
        return waiting
    }

    private mutating func takeTurn(_ key: ObjectIdentifier, _ window: inout Window) {
        guard window.hasTurn, !window.isInTurn else { return }
        window.isInTurn = true
        turns.append(key)
    }
}
