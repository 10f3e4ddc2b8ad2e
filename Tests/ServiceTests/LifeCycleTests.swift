// The life of a service as a value: whatever happens, in whatever order.

import Service
import Testing

@Suite struct LifeCycleTests {
    typealias Event = LifeCycle.Event
    typealias Action = LifeCycle.Action

    /// Events, what each of them has done, and where that leads.
    struct Life: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let steps: [(event: Event, actions: [Action])]
        let state: LifeCycle.State

        init(_ description: String, _ steps: [(Event, [Action])], _ state: LifeCycle.State) {
            testDescription = description
            self.steps = steps
            self.state = state
        }
    }

    private static let ready = Action.tellReady(isFirst: true), readyAgain = Action.tellReady(isFirst: false)
    private static let ended = Event.endAsked(signal: 15)

    static let lives: [Life] = [
        Life("starts", [(.started, [ready])], .ready),
        Life(
            "reads its configuration anew",
            [(.started, [ready]), (.reloadAsked, [.tellReloading, .reload]), (.reloaded, [readyAgain])], .ready),
        Life(
            "is asked to read it before it has started",
            [(.reloadAsked, []), (.started, [ready, .tellReloading, .reload]), (.reloaded, [readyAgain])], .ready),
        Life(
            "is asked to read it while it does",
            [
                (.started, [ready]), (.reloadAsked, [.tellReloading, .reload]), (.reloadAsked, []), (.reloadAsked, []),
                (.reloaded, [readyAgain, .tellReloading, .reload]), (.reloaded, [readyAgain]), (.reloaded, []),
            ], .ready),
        Life(
            "ends when nothing is under way any more",
            [(.started, [ready]), (ended, [.tellStopping, .drain]), (.drained, []), (ended, []), (.started, [])], .ended
        ),
        Life(
            "ends at once when asked again",
            [
                (.started, [ready]), (ended, [.tellStopping, .drain]),
                (.endAsked(signal: 2), [.endAtOnce(signal: 2, reason: .askedAgain)]), (ended, []), (.drained, []),
            ], .ended),
        Life(
            "ends by the first signal when it takes too long",
            [
                (.started, [ready]), (.endAsked(signal: 2), [.tellStopping, .drain]),
                (.drainLimitPassed, [.endAtOnce(signal: 2, reason: .limitPassed)]), (.drained, []),
            ], .ended),
        Life(
            "is not hurried when it has ended in time",
            [(.started, [ready]), (ended, [.tellStopping, .drain]), (.drained, []), (.drainLimitPassed, [])], .ended),
        Life("is asked to end before it has started", [(ended, [.tellStopping, .drain]), (.started, [])], .draining),
        Life(
            "is asked to end while it reads its configuration",
            [
                (.started, [ready]), (.reloadAsked, [.tellReloading, .reload]), (ended, [.tellStopping, .drain]),
                (.reloaded, []), (.reloadAsked, []), (.drained, []),
            ], .ended),
        Life(
            "does nothing for what cannot be meant",
            [(.reloaded, []), (.drained, []), (.drainLimitPassed, []), (.started, [ready]), (.started, [])], .ready),
    ]

    @Test(arguments: lives)
    func itGoesAsToldTo(life: Life) {
        var cycle = LifeCycle()
        for (event, actions) in life.steps { #expect(cycle.take(event) == actions, "\(event)") }
        #expect(cycle.state == life.state)
    }

    /// Of every sequence of six events: what holds in each life.
    @Test func whateverHappensItLivesOnce() {
        let events: [Event] = [.started, .reloadAsked, .reloaded, Self.ended, .drained, .drainLimitPassed]
        var count = 0
        func goOn(_ cycle: LifeCycle, _ happened: [Event], _ actions: [Action]) {
            guard happened.count < 6 else {
                count += 1
                let faults = Self.faults(actions, cycle.state)
                if !faults.isEmpty { Issue.record("\(happened): \(actions): \(faults)") }
                return
            }
            for event in events {
                var next = cycle
                let done = next.take(event)
                goOn(next, happened + [event], actions + done)
            }
        }
        goOn(LifeCycle(), [], [])
        #expect(count == 46_656)
        print("LifeCycleTests: \(count) lives of six events")
    }

    /// What is wrong with what was done in a life.
    private static func faults(_ actions: [Action], _ state: LifeCycle.State) -> [String] {
        func isHaste(_ action: Action) -> Bool { if case .endAtOnce = action { true } else { false } }
        var faults: [String] = []
        func expect(_ holds: Bool, _ text: String) { if !holds { faults.append(text) } }
        let drains = actions.indices.filter { actions[$0] == .drain }
        let hastes = actions.filter(isHaste)
        expect(actions.count { $0 == ready } <= 1, "it is ready for the first time once")
        expect(drains.count <= 1 && hastes.count <= 1, "it ends once")
        if let drain = drains.first {
            expect(drain > 0 && actions[drain - 1] == .tellStopping, "the manager is told before it drains")
            expect(actions[(drain + 1)...].allSatisfy(isHaste), "what ends does nothing but end")
        }
        for (index, action) in actions.enumerated() where action == .reload {
            expect(index > 0 && actions[index - 1] == .tellReloading, "the manager is told before it reads")
        }
        let turns = actions.filter { [ready, readyAgain, .tellReloading].contains($0) }
        for (index, turn) in turns.enumerated() {
            expect((turn == .tellReloading) == (index % 2 == 1), "ready and reloading take turns")
        }
        expect((state == .draining || state == .ended) == !drains.isEmpty, "who is ending was told to drain")
        expect(hastes.isEmpty || state == .ended, "haste is the end")
        return faults
    }
}
