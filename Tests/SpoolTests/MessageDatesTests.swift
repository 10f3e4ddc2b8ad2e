// What dates of files are believed: none ahead of the clock, and none so old that the message would be long gone.

import Glibc
import Spool
import System
import Testing

@Suite struct MessageDatesTests {
    private static let now: Int64 = 1_800_000_000, day: Int64 = 86_400

    @Test(
        arguments: [
            // Arrival, change, attempts; the arrival that counts, all as ages; whether a try has to leave a date.
            (100, 10, [], 100, false),
            (100, 10, [90, 50], 100, false),
            (0, 0, [], 0, false),
            (-86400, 10, [], 10, true),
            (-86400, 10, [60, 30], 60, false),
            (-86400, -86400, [], 0, true),
            (-86400, -86400, [-86400, 20], 20, false),
            (-31536000, -31536000, [-31536000], 0, true),
            (-9460800000, 5, [], 5, true),
            (315360000, 315360000, [], 0, true),
            (315360000, 60, [], 60, true),
            (315360000, 60, [315360000, 3600], 3600, false),
            (7689600, 60, [], 7689600, false),
            (7862400, 60, [], 60, true),
        ] as [(Int64, Int64, [Int64], Int64, Bool)])
    func whatCounts(arrival: Int64, changed: Int64, attempts: [Int64], counted: Int64, needsDate: Bool) {
        let dates = MessageDates(
            arrival: Self.now - arrival, changed: Self.now - changed, attempts: attempts.map { Self.now - $0 })
        #expect(dates.arrival(now: Self.now, expiry: 3 * Self.day) == Self.now - counted)
        #expect(dates.needsDate(now: Self.now, expiry: 3 * Self.day) == needsDate)
        #expect(dates.lastChange(now: Self.now) == (changed < 0 ? nil : Self.now - changed))
        #expect(dates.isAhead(now: Self.now) == (arrival < 0 || changed < 0))
    }

    @Test func aLongExpiryIsOneToWaitFor() {
        let dates = MessageDates(arrival: Self.now - 91 * Self.day, changed: Self.now, attempts: [])
        #expect(dates.arrival(now: Self.now, expiry: 60 * Self.day) == Self.now - 91 * Self.day)
    }

    /// Nanoseconds since 1970 end in 2262 and begin in 1677: what lies outside is the nearest, and not long ago.
    @Test(arguments: [9_223_372_036, 9_223_372_037, 16_000_000_000, Int64.max])
    func aDateThatDoesNotFit(seconds: Int64) {
        var status = stat()
        status.st_mtim = timespec(tv_sec: Int(seconds), tv_nsec: 999_999_999)
        #expect(FileIdentity(status).modified / 1_000_000_000 == 9_223_372_036)
        status.st_mtim.tv_sec = Int(-seconds - 1)
        #expect(FileIdentity(status).modified < -9_000_000_000_000_000_000)
    }
}
