// The time that a client of the front has: events with a time in, whether it is due out.

import LMTP
import NIOCore
import Serve
import Testing

@Suite struct FrontClockTests {
    private static func at(_ seconds: Int64) -> NIODeadline { .uptimeNanoseconds(1) + .seconds(seconds) }

    private func clock() -> FrontClock {
        var settings = FrontSettings(host: "h")
        settings.commandSeconds = 300
        settings.messageSeconds = 180
        return FrontClock(settings, at: Self.at(0))
    }

    @Test func aCommandHasItsTimeAsAWhole() {
        var clock = clock()
        clock.note(.command, commandCount: 0, at: Self.at(0))
        // A byte now and then changes nothing.
        for second in stride(from: Int64(10), to: 300, by: 10) {
            clock.received(1, at: Self.at(second))
            clock.note(.command, commandCount: 0, at: Self.at(second))
            #expect(!clock.isDue(at: Self.at(second)))
        }
        #expect(clock.isDue(at: Self.at(300)))
        clock.note(.command, commandCount: 1, at: Self.at(299))
        #expect(!clock.isDue(at: Self.at(598)) && clock.isDue(at: Self.at(599)))
    }

    @Test func aMessageHasTimeForEachPieceAndEachMiB() {
        var clock = clock()
        clock.note(.message, commandCount: 3, at: Self.at(0))
        #expect(!clock.isDue(at: Self.at(179)) && clock.isDue(at: Self.at(180)))
        // A byte a second is not enough: a MiB is to come in that time.
        for second in Int64(1)..<180 {
            clock.received(1, at: Self.at(second))
            clock.note(.message, commandCount: 3, at: Self.at(second))
        }
        #expect(clock.isDue(at: Self.at(180)))
        clock.received(3 << 20, at: Self.at(180))
        #expect(!clock.isDue(at: Self.at(359)))
    }

    @Test func whoWaitsForUsIsNotLate() {
        var clock = clock()
        clock.note(nil, commandCount: 1, at: Self.at(0))
        #expect(!clock.isDue(at: Self.at(10_000)))
        // A message that waited for a store goes on with all its time.
        clock.note(.message, commandCount: 1, at: Self.at(10_000))
        #expect(!clock.isDue(at: Self.at(10_179)) && clock.isDue(at: Self.at(10_180)))
    }
}
