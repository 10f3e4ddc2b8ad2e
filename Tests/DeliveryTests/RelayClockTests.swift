// The time that a store has to which messages are passed on: events with a time in, what is due out.

import Delivery
import LMTP
import NIOCore
import Testing

@Suite struct RelayClockTests {
    private static func at(_ seconds: Int64) -> NIODeadline { .uptimeNanoseconds(1) + .seconds(seconds) }

    private func clock(_ change: (inout RelayLimits) -> Void = { _ in }) -> RelayClock {
        var limits = RelayLimits()
        change(&limits)
        let terms = ConnectionTerms(
            messagesPerConnection: 2, maximumAge: TimeSpan(seconds: 600), idleLimit: TimeSpan(seconds: 10),
            limits: TimeLimits())
        return RelayClock(terms, limits, at: Self.at(0))
    }

    static let times: [(ClientPhase, Int64)] = [
        (.connect, 30), (.greeting, 40), (.mail, 40), (.recipient, 40), (.data, 60), (.final, 240), (.reset, 40),
        (.quit, 5),
    ]

    @Test(arguments: times)
    func eachReplyHasItsTime(_ phase: ClientPhase, _ seconds: Int64) {
        var clock = clock()
        clock.note(phase, replyCount: 1, at: Self.at(5))
        // The same look again begins nothing anew; a reply that was read does.
        clock.note(phase, replyCount: 1, at: Self.at(6))
        #expect(clock.outcome(isIdle: false, at: Self.at(5 + seconds - 1)) == .nothing)
        #expect(clock.outcome(isIdle: false, at: Self.at(5 + seconds)) == .timeOut)
        clock.note(phase, replyCount: 2, at: Self.at(5 + seconds))
        #expect(clock.outcome(isIdle: false, at: Self.at(5 + seconds)) == .nothing)
    }

    @Test func theShorterLimitHolds() {
        var clock = clock { $0.final = 5000 }
        clock.note(.final, replyCount: 0, at: Self.at(0))
        // The dot=20m of the plan.
        #expect(clock.outcome(isIdle: false, at: Self.at(1199)) == .nothing)
        #expect(clock.outcome(isIdle: false, at: Self.at(1200)) == .timeOut)
    }

    @Test func aStoreThatTakesNothingIsGivenUpAndAClientThatGivesNothingIsNot() {
        var clock = clock()
        clock.took()
        clock.note(.body, replyCount: 0, at: Self.at(0))
        #expect(clock.outcome(isIdle: false, at: Self.at(100_000)) == .nothing)
        clock.setBlocked(true, at: Self.at(0))
        #expect(clock.outcome(isIdle: false, at: Self.at(59)) == .nothing)
        #expect(clock.outcome(isIdle: false, at: Self.at(60)) == .timeOut)
        // One that takes a little now and then has as long for each MiB.
        for second in stride(from: Int64(0), to: 60, by: 10) {
            clock.setBlocked(false, at: Self.at(second + 9))
            clock.setBlocked(true, at: Self.at(second + 9))
        }
        #expect(clock.outcome(isIdle: false, at: Self.at(60)) == .timeOut)
        clock.wrote(5 << 20)
        #expect(clock.outcome(isIdle: false, at: Self.at(60)) == .nothing)
    }

    @Test func aConnectionEndsWithItsWork() {
        var clock = clock()
        clock.note(nil, replyCount: 3, at: Self.at(100))
        // One that is lent waits for its client.
        #expect(clock.outcome(isIdle: false, at: Self.at(10_000)) == .nothing)
        #expect(clock.outcome(isIdle: true, at: Self.at(109)) == .nothing)
        #expect(clock.outcome(isIdle: true, at: Self.at(110)) == .quit)
        #expect(clock.mayTake(at: Self.at(599)) && !clock.mayTake(at: Self.at(600)))
        clock.took()
        clock.took()
        #expect(!clock.mayTake(at: Self.at(1)))
    }
}
