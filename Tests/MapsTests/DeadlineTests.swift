import Foundation
import Glibc
import Maps
import Testing
import ZRouteTestKit

/// A table that never answers for one key, until somebody lets it.
final class HangingTable: Table, @unchecked Sendable {
    let name = TableName(relation: "fqdnroutes", backEnd: "test", file: "/m")
    let privilege: UInt32 = 0
    private let gate = DispatchSemaphore(value: 0)

    func release() { gate.signal() }

    func lookUp(_ key: Span<UInt8>, into value: inout [UInt8]) throws(MapError) -> Bool {
        if key.count == 4 { gate.wait() }
        value = Array("v".utf8)
        return true
    }

    func refresh() -> Bool { false }
}

@Suite struct DeadlineTests {
    /// A lookup that hangs in a thread of its own, and how it ended.
    final class Lookup: @unchecked Sendable {
        private let ended = DispatchSemaphore(value: 0)
        private var error: MapError?

        init(_ key: String, in table: HangingTable, _ resource: MapResource, _ watch: CallWatch) {
            let thread = Thread { [self] in
                let watched = WatchedTable(wrapping: table, resource: WatchedResource(resource, watch: watch))
                do throws(MapError) { _ = try find(key, in: watched) } catch { self.error = error }
                ended.signal()
            }
            thread.start()
        }

        func end() -> MapError? {
            ended.wait()
            return error
        }
    }

    /// Looks at a worker until its call counts as one that hangs.
    func hangingCall(_ watch: CallWatch) -> UInt64 {
        var supervisor = CallSupervisor(watch)
        while true {
            if let call = supervisor.look(after: supervisor.interval) { return call }
            sched_yield()
        }
    }

    @Test func abandonedLookupIsAnErrorAndTheResourceIsNotEnteredAgain() throws {
        let health = ResourceHealth(deadline: .milliseconds(1500))
        let table = HangingTable()
        let watch = CallWatch(health: health)
        let lookup = Lookup("hang", in: table, .nameService, watch)
        let call = hangingCall(watch)
        #expect(!health.isBroken(.nameService))
        let error = try #require(watch.abandon(call) { $0 })
        #expect(
            error.description
                == "map fqdnroutes (test:/m) key 'hang': no answer within 1.5 s: a server of the name service does not "
                + "answer; restart or repair it, or set LOCALUSERS")
        #expect(watch.isAbandoned)
        #expect(watch.abandon(call) { _ in } == nil, "nobody is abandoned twice")

        // Another worker is told at once, for keys that would not hang too; other resources are none of it.
        let other = CallWatch(health: health)
        let same = WatchedTable(wrapping: table, resource: WatchedResource(.nameService, watch: other))
        #expect(failure(of: "key", in: same)?.text.hasPrefix("not asked") == true)
        let elsewhere = WatchedTable(wrapping: table, resource: WatchedResource(.file("/m"), watch: other))
        #expect(try find("key", in: elsewhere) == "v")

        // The call comes back: its worker stays given up, the resource is well.
        table.release()
        #expect(lookup.end() != nil)
        #expect(!health.isBroken(.nameService))
        #expect(try find("key", in: same) == "v")
    }

    @Test func callsThatEndAreNotTakenForOneThatHangs() throws {
        let watch = CallWatch(health: ResourceHealth(deadline: .seconds(1)))
        let table = WatchedTable(wrapping: HangingTable(), resource: WatchedResource(.file("/m"), watch: watch))
        #expect(watch.presentCall == nil)
        for _ in 0..<100_000 { #expect(try find("key", in: table) == "v") }
        #expect(watch.presentCall == nil)
        #expect(!watch.isAbandoned)
    }

    @Test func timeInWhichNobodyLookedDoesNotCount() throws {
        let health = ResourceHealth(deadline: .seconds(5))
        let table = HangingTable()
        let watch = CallWatch(health: health)
        let lookup = Lookup("hang", in: table, .file("/m"), watch)
        var supervisor = CallSupervisor(watch)
        while watch.presentCall == nil { sched_yield() }
        // As if the whole process had been stopped for an hour: twice an interval is all that counts.
        for _ in 0..<5 { #expect(supervisor.look(after: .seconds(3600)) == nil) }
        table.release()
        #expect(lookup.end() == nil)
    }

    @Test func environmentIsWellWhenItsRegionWasReplaced() throws {
        let place = try TemporaryDirectory()
        try place.write("old", to: "__db.001")
        try place.write("new", to: "next")
        let health = ResourceHealth(deadline: .milliseconds(100))
        let resource = MapResource.environment(home: place.path)
        let table = HangingTable()
        let watch = CallWatch(health: health)
        let lookup = Lookup("hang", in: table, resource, watch)
        let error = try #require(watch.abandon(hangingCall(watch)) { $0 })
        #expect(error.text.contains("left locked by a killed process; run `zroute db recover`"))
        let other = CallWatch(health: health)
        let watched = WatchedTable(wrapping: table, resource: WatchedResource(resource, watch: other))
        let start = ContinuousClock.now
        while ContinuousClock.now - start < .seconds(1) {
            #expect(failure(of: "key", in: watched) != nil)
        }
        #expect(rename(place.file("next"), place.file("__db.001")) == 0)
        while health.isBroken(resource), ContinuousClock.now - start < .seconds(60) {
            _ = try? find("key", in: watched)
        }
        #expect(try find("key", in: watched) == "v")
        table.release()
        #expect(lookup.end() != nil)
    }

    @Test func manyLostThreadsKeepAnEnvironmentBroken() throws {
        let place = try TemporaryDirectory()
        let health = ResourceHealth(deadline: .milliseconds(10))
        let resource = MapResource.environment(home: place.path)
        let table = HangingTable()
        var lookups: [Lookup] = []
        // Somebody recovers it again and again, to no avail.
        for number in 0..<200 {
            try place.write("\(number)", to: "next")
            #expect(rename(place.file("next"), place.file("__db.001")) == 0)
            let watch = CallWatch(health: health)
            lookups.append(Lookup("hang", in: table, .file("/\(number)"), watch))
            _ = watch.abandon(hangingCall(watch)) { _ in }
            if lookups.count == 64 { break }
        }
        let watch = CallWatch(health: health)
        let last = Lookup("hang", in: table, resource, watch)
        _ = watch.abandon(hangingCall(watch)) { _ in }
        try place.write("new", to: "next")
        #expect(rename(place.file("next"), place.file("__db.001")) == 0)
        let other = CallWatch(health: health)
        let watched = WatchedTable(wrapping: table, resource: WatchedResource(resource, watch: other))
        let start = ContinuousClock.now
        while ContinuousClock.now - start < .seconds(1) { #expect(failure(of: "key", in: watched) != nil) }
        for _ in 0...lookups.count { table.release() }
        for lookup in lookups { _ = lookup.end() }
        _ = last.end()
        #expect(try find("key", in: watched) == "v")
    }
}
