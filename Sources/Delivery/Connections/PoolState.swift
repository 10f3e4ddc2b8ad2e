// What is decided for all destinations together: whether the limits that they share allow another connection, who waits for
// one, who is told once there may be room, and when all work is done. A value that is told events; the pool that has the
// queues and the connections only obeys.

/// What is known of the destinations of a pool: how many connections each has, and which wait for their first.
package struct PoolState<Name: Hashable & Sendable>: Sendable {
    private struct Member {
        let limits: [ConnectionLimit]
        /// How many destinations came before it.
        let number: Int
        var connections = 0
        /// Its place among those that have work and no connection; nil where it is none of them.
        var turn: Int?
    }

    private var members: [Name: Member] = [:]
    /// The connections of each scope that has any.
    private var counts: [String: Int] = [:]
    /// The destinations that have connections: few, where many wait.
    private var connected: Set<Name> = []
    private var waitingCount = 0, lastNumber = 0, lastTurn = 0
    /// How many connections there are.
    package private(set) var connectionCount = 0
    /// Whether connections end once the work is done.
    package private(set) var isShuttingDown = false
    /// Whether nothing is sent any more.
    package private(set) var isStopping = false

    /// A pool without destinations.
    package init() {}

    /// Connections end once the work is done.
    package mutating func shutDown() { isShuttingDown = true }

    /// Nothing is sent any more.
    package mutating func stop() { isStopping = true }

    /// Whether all work is done and everything is closed, once that was asked for.
    package var isEnded: Bool { isShuttingDown && connectionCount == 0 && waitingCount == 0 }

    /// Whether a destination waits for its first connection.
    package var isAnyoneWaiting: Bool { waitingCount > 0 }

    /// Whether nothing is remembered of anybody.
    package var isEmpty: Bool { members.isEmpty && counts.isEmpty && connected.isEmpty && waitingCount == 0 }

    /// How many connections of a scope there are.
    package func connections(of scope: String) -> Int { counts[scope] ?? 0 }

    // MARK: Destinations

    /// There is a destination: when it has work for the first time, or again after it was forgotten.
    package mutating func add(_ name: Name, limits: [ConnectionLimit]) {
        guard members[name] == nil else { return }
        lastNumber += 1
        members[name] = Member(limits: limits, number: lastNumber)
    }

    /// Forgets a destination that has neither connections nor work: there may be as many as hosts.
    ///
    /// - Parameter isLeftAlone: whether its server is being left alone, which has to be known when there is work for it.
    /// - Returns: whether it is forgotten.
    package mutating func forget(_ name: Name, unless isLeftAlone: @autoclosure () -> Bool) -> Bool {
        guard let member = members[name], member.connections == 0, member.turn == nil, !isLeftAlone() else {
            return false
        }
        members[name] = nil
        return true
    }

    // MARK: Connections

    /// Whether the limits allow a destination another connection.
    package func allows(_ name: Name) -> Bool {
        guard let member = members[name] else { return false }
        return member.limits.allSatisfy { connections(of: $0.scope) < $0.maximum }
    }

    /// A destination makes a connection.
    package mutating func connects(_ name: Name) {
        guard let limits = members[name]?.limits else { return }
        members[name]?.connections += 1
        connected.insert(name)
        connectionCount += 1
        for limit in limits { counts[limit.scope, default: 0] += 1 }
        waitsNoMore(name)
    }

    /// A connection of a destination is closed.
    ///
    /// - Parameter hasWork: whether the destination has work that waits.
    /// - Returns: who is to look for connections now, in this order: those that wait for their first, who came first before
    ///   the others, and then the destination itself.
    package mutating func closed(_ name: Name, hasWork: Bool) -> [Name] {
        guard let member = members[name], member.connections > 0 else { return [] }
        members[name]?.connections -= 1
        if member.connections == 1 { connected.remove(name) }
        connectionCount -= 1
        for limit in member.limits {
            let left = connections(of: limit.scope) - 1
            counts[limit.scope] = left > 0 ? left : nil
        }
        let others = inTurn(but: name)
        if hasWork, member.connections == 1 { takeTurn(name) }
        return others + [name]
    }

    // MARK: Waiting

    /// A destination has work, no connection, and may not make one.
    ///
    /// - Parameter hasIdle: whether a destination has a connection that could end at once, and no work for it.
    /// - Returns: the destination that is to end such a connection, so that there is room; nil where there is none: each
    ///   connection that runs out of work asks whether somebody waits.
    package mutating func waits(_ name: Name, hasIdle: (Name) -> Bool) -> Name? {
        takeTurn(name)
        return connected.filter { $0 != name && hasIdle($0) }.min { number($0) < number($1) }
    }

    /// A destination has no work that waits.
    package mutating func waitsNoMore(_ name: Name) {
        guard members[name]?.turn != nil else { return }
        members[name]?.turn = nil
        waitingCount -= 1
    }

    private func number(_ name: Name) -> Int { members[name]?.number ?? Int.max }

    private mutating func takeTurn(_ name: Name) {
        guard let member = members[name], member.turn == nil else { return }
        lastTurn += 1
        members[name]?.turn = lastTurn
        waitingCount += 1
    }

    private func inTurn(but name: Name) -> [Name] {
        guard isAnyoneWaiting else { return [] }
        let waiting = members.compactMap { entry in entry.value.turn.map { (turn: $0, name: entry.key) } }
        return waiting.sorted { $0.turn < $1.turn }.map(\.name).filter { $0 != name }
    }
}
