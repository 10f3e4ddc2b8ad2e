// The decisions about all destinations together: limits, who waits, who is told, when all is done. Sequences of events are
// played against them, without connections.

import Delivery
import Testing
import ZRouteTestKit

/// Destinations with work and connections that are simulated, and obey decisions that are real.
private struct PoolSequence {
    enum Connection { case opening, busy, idle, quitting }

    struct Destination {
        let limits: [ConnectionLimit]
        var isKnown = false
        var isLeftAlone = false
        var work = 0
        var connections: [Connection] = []

        /// As the pool means it.
        var isWaiting: Bool { work > 0 && connections.isEmpty }
    }

    private(set) var state = PoolState<Int>()
    private(set) var destinations: [Destination]
    private var random: SeededNumbers
    private(set) var events = 0, connectionsMade = 0, waits = 0, madeRoom = 0
    /// Breaches of what must hold.
    private(set) var faults: [String] = []

    init(_ limits: [[ConnectionLimit]], seed: UInt64) {
        destinations = limits.map { Destination(limits: $0) }
        random = SeededNumbers(seed: seed)
    }

    /// The connections of a scope, counted anew.
    func count(_ scope: String) -> Int {
        destinations.reduce(0) { sum, destination in
            destination.limits.contains { $0.scope == scope } ? sum + destination.connections.count : sum
        }
    }

    private func allows(_ name: Int) -> Bool {
        destinations[name].limits.allSatisfy { count($0.scope) < $0.maximum }
    }

    // MARK: Events

    mutating func happen() {
        let name = Int.random(in: destinations.indices, using: &random)
        let connected = destinations.indices.filter { !destinations[$0].connections.isEmpty }
        switch (Int.random(in: 0..<10, using: &random), connected.randomElement(using: &random)) {
        case (0..<2, _): submit(name, Int.random(in: 1...3, using: &random))
        case (2, _): destinations[name].isLeftAlone = Int.random(in: 0..<4, using: &random) == 0
        case (_, nil): break
        case (let number, let connected?):
            let connection = Int.random(in: destinations[connected].connections.indices, using: &random)
            if number == 3 { end(connected, connection, isLost: true) } else { getOn(connected, connection) }
        }
        events += 1
        check()
    }

    /// Every connection gets on until no work is left, and nothing moves.
    mutating func drain() {
        for name in destinations.indices { destinations[name].isLeftAlone = false }
        for _ in 0..<1000 {
            for name in destinations.indices {
                for connection in destinations[name].connections.indices.reversed() { getOn(name, connection) }
            }
            check()
            let isMoving = destinations.contains { destination in
                destination.work > 0 || destination.connections.contains { $0 != .idle }
            }
            if !isMoving { return }
        }
        faults.append("work is left for ever: \(destinations)")
    }

    mutating func shutDown() {
        state.shutDown()
        for name in destinations.indices {
            quitIdle(name)
            dispatch(name)
        }
        check()
    }

    /// Forgets those that were left alone until now.
    mutating func forgetAll() {
        for name in destinations.indices where destinations[name].isKnown { _ = state.forget(name, unless: false) }
    }

    private mutating func submit(_ name: Int, _ count: Int) {
        if !destinations[name].isKnown { state.add(name, limits: destinations[name].limits) }
        destinations[name].isKnown = true
        destinations[name].work += count
        dispatch(name)
    }

    private mutating func getOn(_ name: Int, _ connection: Int) {
        switch destinations[name].connections[connection] {
        case .opening: destinations[name].connections[connection] = .busy
        case .quitting: end(name, connection, isLost: false)
        case .idle: break
        case .busy:
            let hasWork = destinations[name].work > 0
            if hasWork { destinations[name].work -= 1 }
            let ends = state.isShuttingDown || state.isAnyoneWaiting
            destinations[name].connections[connection] = hasWork ? .busy : ends ? .quitting : .idle
        }
    }

    private mutating func end(_ name: Int, _ connection: Int, isLost: Bool) {
        let ended = destinations[name].connections.remove(at: connection)
        // Its message goes to another one.
        if isLost, ended == .opening || ended == .busy { destinations[name].work += 1 }
        let told = state.closed(name, hasWork: destinations[name].work > 0)
        if Set(told).count != told.count || told.last != name { faults.append("told at \(events): \(told)") }
        for other in told { dispatch(other) }
        if state.forget(name, unless: destinations[name].isLeftAlone) {
            if destinations[name].work > 0 || !destinations[name].connections.isEmpty {
                faults.append("\(name) was forgotten at \(events)")
            }
            destinations[name].isKnown = false
        }
    }

    // MARK: What a queue does

    private mutating func dispatch(_ name: Int) {
        while destinations[name].work > 0 {
            if let idle = destinations[name].connections.firstIndex(of: .idle) {
                destinations[name].connections[idle] = .busy
                destinations[name].work -= 1
            } else if destinations[name].isLeftAlone {
                destinations[name].work = 0
                state.waitsNoMore(name)
            } else if state.allows(name) {
                destinations[name].connections.append(.opening)
                destinations[name].work -= 1
                state.connects(name)
                connectionsMade += 1
                for limit in destinations[name].limits where count(limit.scope) > limit.maximum {
                    faults.append("\(limit.scope) has \(count(limit.scope)) of \(limit.maximum) at \(events)")
                }
            } else {
                if destinations[name].connections.isEmpty { wait(name) }
                break
            }
        }
        if state.isShuttingDown { quitIdle(name) }
    }

    private mutating func wait(_ name: Int) {
        waits += 1
        let destinations = self.destinations
        guard let helper = state.waits(name, hasIdle: { destinations[$0].hasIdle }) else {
            if destinations.contains(where: \.hasIdle) { faults.append("no room was made at \(events)") }
            return
        }
        guard helper != name, let idle = destinations[helper].connections.firstIndex(of: .idle) else {
            return faults.append("\(helper) has nothing idle at \(events)")
        }
        madeRoom += 1
        self.destinations[helper].connections[idle] = .quitting
    }

    private mutating func quitIdle(_ name: Int) {
        for index in destinations[name].connections.indices where destinations[name].connections[index] == .idle {
            destinations[name].connections[index] = .quitting
        }
    }

    // MARK: What must hold

    private mutating func check() {
        for scope in Set(destinations.flatMap(\.limits).map(\.scope))
        where state.connections(of: scope) != count(scope) {
            faults.append("\(scope) has \(count(scope)), thought to be \(state.connections(of: scope)) at \(events)")
        }
        let total = destinations.reduce(0) { $0 + $1.connections.count }
        if state.connectionCount != total {
            faults.append("\(total) connections are thought to be \(state.connectionCount) at \(events)")
        }
        let waiting = destinations.indices.filter { destinations[$0].isWaiting }
        if state.isAnyoneWaiting == waiting.isEmpty { faults.append("\(waiting) wait at \(events)") }
        for name in waiting where allows(name) { faults.append("\(name) waits, and there is room at \(events)") }
        // Somebody is left whose end will be told to those that wait.
        if !waiting.isEmpty, !destinations.contains(where: { $0.connections.contains { $0 != .idle } }) {
            faults.append("\(waiting) wait for nothing at \(events)")
        }
        let isEmpty = destinations.allSatisfy { $0.work == 0 && $0.connections.isEmpty }
        if state.isEnded != (state.isShuttingDown && isEmpty) { faults.append("ended: \(state.isEnded) at \(events)") }
    }
}

extension PoolSequence.Destination {
    /// Whether a connection could be ended for another destination.
    var hasIdle: Bool { work == 0 && connections.contains(.idle) }
}

@Suite struct PoolStateTests {
    /// The limits of some destinations: scopes and numbers, those of a destination between semicolons.
    private static func limits(_ text: String) -> [[ConnectionLimit]] {
        text.split(separator: ";").map { destination in
            destination.split(separator: " ").compactMap { word in
                let parts = word.split(separator: "=")
                return Int(parts[1]).map { ConnectionLimit(scope: String(parts[0]), maximum: $0) }
            }
        }
    }

    /// Whatever happens, no limit is passed, nobody who waits is forgotten where there is room, all work gets done, and in
    /// the end nothing is counted, and nobody is remembered.
    @Test(arguments: [
        "total=1;total=1;total=1;total=1", "a=1;b=2;c=3;a=1",
        "a=2 total=3;b=2 total=3;c=2 total=3;d=2 total=3;e=2 total=3",
        "a=1;a=3;a=2;a=5", "a=2 channel=2 total=4;b=2 channel=2 total=4;c=2 other=3 total=4;c=1 other=1 total=4",
        "a=2 first=1;b=2 first=1 second=1;c=2 second=1;a=1 second=1", " ;a=1; ;a=1",
        "a=1 t=2;b=1 t=2;c=1 t=2;d=1 t=2;e=1 t=2;f=1 t=2;g=1 t=2;h=1 t=2;i=1 t=2;j=1 t=2;k=1 t=2",
    ])
    func sequences(limits: String) {
        var events = 0, connections = 0, waits = 0, madeRoom = 0
        for seed in 0..<50 as Range<UInt64> {
            var sequence = PoolSequence(Self.limits(limits), seed: seed)
            for _ in 0..<200 { sequence.happen() }
            sequence.drain()
            #expect(!sequence.state.isAnyoneWaiting && !sequence.state.isEnded)
            sequence.shutDown()
            sequence.drain()
            sequence.forgetAll()
            #expect(sequence.state.isEnded && sequence.state.isEmpty)
            #expect(sequence.faults.isEmpty, "seed \(seed): \(sequence.faults.prefix(3))")
            events += sequence.events
            connections += sequence.connectionsMade
            waits += sequence.waits
            madeRoom += sequence.madeRoom
        }
        print(
            "PoolStateTests: '\(limits)': 50 sequences, \(events) events, \(connections) connections, \(waits) waits, "
                + "\(madeRoom) connections ended for another destination")
        #expect(events == 10_000 && connections > 1000 && waits > 100 && madeRoom > 0)
    }

    /// Those that wait are told in the order in which they came, and one that is told in vain keeps its place.
    @Test func whoCameFirstIsToldFirst() {
        var state = PoolState<String>()
        for name in ["z", "m", "a", "b"] { state.add(name, limits: [ConnectionLimit(scope: "total", maximum: 1)]) }
        state.connects("b")
        for name in ["z", "m", "a", "z"] { #expect(state.waits(name, hasIdle: { _ in false }) == nil) }
        #expect(state.closed("b", hasWork: true) == ["z", "m", "a", "b"])
        state.connects("z")
        #expect(state.waits("m", hasIdle: { _ in false }) == nil)
        state.waitsNoMore("a")
        #expect(state.closed("z", hasWork: false) == ["m", "b", "z"])
    }

    /// Room is made by another destination, and by one that has a connection that could end.
    @Test(arguments: [("", nil), ("a", nil), ("b", "b"), ("c b", "b"), ("c", "c"), ("d", nil)] as [(String, String?)])
    func roomIsMade(idle: String, helper: String?) {
        var state = PoolState<String>()
        for name in ["a", "b", "c", "d"] { state.add(name, limits: [ConnectionLimit(scope: "total", maximum: 2)]) }
        state.connects("b")
        state.connects("c")
        #expect(state.waits("a", hasIdle: { idle.split(separator: " ").contains(Substring($0)) }) == helper)
    }

    /// What is in use, waits, or is left alone is not forgotten; what was is added again, and counted from nothing.
    @Test func whatIsInUseIsRemembered() {
        var state = PoolState<String>()
        let limits = [ConnectionLimit(scope: "a", maximum: 1)]
        state.add("a", limits: limits)
        state.add("b", limits: limits)
        state.connects("a")
        #expect(state.waits("b", hasIdle: { _ in false }) == nil)
        // Added once more, it keeps what it has.
        state.add("a", limits: limits)
        #expect(!state.forget("a", unless: false) && !state.forget("b", unless: false) && !state.allows("b"))
        #expect(state.closed("a", hasWork: false) == ["b", "a"] && state.allows("b"))
        #expect(!state.forget("a", unless: true) && state.forget("a", unless: false) && !state.allows("a"))
        // Of one that is not known nothing is counted.
        state.connects("a")
        #expect(state.closed("a", hasWork: true).isEmpty && state.connections(of: "a") == 0)
        state.waitsNoMore("b")
        #expect(state.forget("b", unless: false) && state.isEmpty)
        state.add("a", limits: limits)
        #expect(state.allows("a") && !state.isEmpty)
    }

    /// All is done once nothing is connected and nobody waits, and not before that was asked for.
    @Test func theEnd() {
        var state = PoolState<String>()
        #expect(!state.isEnded && !state.isStopping)
        state.add("a", limits: [ConnectionLimit(scope: "a", maximum: 1)])
        state.connects("a")
        state.stop()
        state.shutDown()
        #expect(state.isStopping && !state.isEnded)
        #expect(state.closed("a", hasWork: true) == ["a"] && !state.isEnded)
        state.connects("a")
        #expect(state.closed("a", hasWork: false) == ["a"] && state.isEnded)
    }
}
