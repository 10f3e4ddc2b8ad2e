// Lookups without pause while servers are killed, stand still and are started again. ZROUTE_TORTURE=N looks up N keys; `make torture` does
// 200,000.

import Configuration
import Foundation
import Glibc
import LDAP
import Maps
import Synchronization
import System
import Testing
import ZRouteTestKit

@Suite(.serialized) struct LDAPTortureTests {
    /// What came of the lookups.
    private final class Tally: Sendable {
        let lookups = Atomic<Int>(0), failures = Atomic<Int>(0), late = Atomic<Int>(0)
        let isOver = Atomic<Bool>(false)
        let wrong = Mutex<[String]>([])
    }

    private static let wanted = ProcessInfo.processInfo.environment["ZROUTE_TORTURE"].flatMap { Int($0) } ?? 6000
    private static let deadline = Duration.seconds(2)
    private static let entries =
        people + LDAPServer.people((0..<500).map { ("k\($0)@x.example", ["v\($0)"]) }, from: 100)

    /// What is done to a server.
    private enum Trouble: CaseIterable {
        case kill, restart, freeze
    }

    @Test func serversInTroubleAreNeverWrong() throws {
        let place = try LDAPPlace()
        let servers = [try LDAPServer(entries: Self.entries), try LDAPServer(entries: Self.entries)]
        try place.describe(LDAPPlace.lines("\(servers[0].uri) \(servers[1].uri)"))
        let (tally, texts) = (Tally(), TextTableLoader(allowing: .all))
        try Self.beside(tally, servers, named: "ldap") { number in
            Self.read(place.tables(["map.ldap"], deadline: Self.deadline, texts: texts)[0], number, tally)
        }
    }

    /// Changes go on, too, and all have come to the copy in the end.
    @Test func aCopyOfProvidersInTroubleIsNeverWrong() throws {
        let place = try LDAPPlace()
        let first = try LDAPServer(entries: Self.entries)
        var setup = LDAPServer.Setup()
        setup.number = 2
        setup.database = LDAPServer.following(first.uri)
        let second = try LDAPServer(setup, isFilled: false)
        let isCopied = try holds {
            (try? second.search(["-s", "base", "-b", LDAPServer.suffix, "contextCSN"]))?.contains("contextCSN") == true
        }
        #expect(isCopied)
        try place.describe(LDAPPlace.lines("\(second.uri) \(first.uri)", "copy kept"))
        let (tally, texts) = (Tally(), TextTableLoader(allowing: .all))
        let tables = place.tables(["map.ldap"], deadline: Self.deadline, texts: texts, type: .ldapsync)
        #expect(try holds { tables[0].outcome(of: "k0@x.example") == .found("v0") })
        var changes = 0
        try Self.beside(tally, [first, second], named: "ldapsync") { number in
            Self.read(
                place.tables(["map.ldap"], deadline: Self.deadline, texts: texts, type: .ldapsync)[0], number, tally)
        } meanwhile: {
            changes += 1
            try first.change(LDAPTests.entry("c\(changes)", mail: "c\(changes)@x.example", route: "change"))
            if changes > 1 { try first.change("dn: uid=c\(changes - 1),\(LDAPServer.suffix)\nchangetype: delete\n") }
        }
        #expect(tally.failures.load(ordering: .relaxed) == 0)
        let areThere = try holds {
            _ = tables[0].refresh()
            return tables[0].outcome(of: "c\(changes)@x.example") == .found("change")
                && (1..<changes).allSatisfy { tables[0].outcome(of: "c\($0)@x.example") == .absent }
        }
        #expect(areThere)
    }

    /// Makes trouble until so many lookups were made as are wanted.
    private static func beside(
        _ tally: Tally, _ servers: [LDAPServer], named name: String, _ body: @escaping @Sendable (Int) -> Void,
        meanwhile: () throws -> Void = {}
    ) throws {
        let readers = (0..<3).map { number in
            let thread = Thread { body(number) }
            thread.start()
            return thread
        }
        defer { tally.isOver.store(true, ordering: .relaxed) }
        var numbers = SeededNumbers(seed: 18)
        var troubles: [Trouble: Int] = [:]
        func goOn(_ count: Int) throws {
            let seen = tally.lookups.load(ordering: .relaxed)
            let isGoingOn = try holds { tally.lookups.load(ordering: .relaxed) >= seen + count }
            #expect(isGoingOn, "nobody gets an answer any more")
        }
        // Lookups in a copy are done before anything has happened.
        while tally.lookups.load(ordering: .relaxed) < wanted || troubles.values.reduce(0, +) < wanted / 4000
            || troubles.count < Trouble.allCases.count
        {
            let trouble = Trouble.allCases[Int.random(in: 0..<Trouble.allCases.count, using: &numbers)]
            let server = servers[Int.random(in: 0..<servers.count, using: &numbers)]
            troubles[trouble, default: 0] += 1
            switch trouble {
            case .kill:
                server.kill()
                try goOn(50)
                try server.start()
            case .restart:
                server.stop()
                try server.start()
            case .freeze:
                server.freeze()
                // The other one answers meanwhile.
                try goOn(200)
                server.thaw()
            }
            try goOn(200)
            try meanwhile()
        }
        tally.isOver.store(true, ordering: .relaxed)
        let areDone = try holds { readers.allSatisfy(\.isFinished) }
        #expect(areDone)
        let (failures, late) = (tally.failures.load(ordering: .relaxed), tally.late.load(ordering: .relaxed))
        print(
            "\(name) torture: \(tally.lookups.load(ordering: .relaxed)) lookups, \(failures) could not be told, \(late) past the"
                + " deadline, \(troubles.values.reduce(0, +)) troubles")
        let wrong = tally.wrong.withLock { $0 }
        #expect(wrong.isEmpty, "\(wrong.prefix(5))")
        // Where nothing else runs beside it.
        if ProcessInfo.processInfo.environment["ZROUTE_TORTURE"] != nil { #expect(late == 0) }
    }

    private static func read(_ table: any Table, _ number: Int, _ tally: Tally) {
        var numbers = SeededNumbers(seed: UInt64(number))
        while !tally.isOver.load(ordering: .relaxed) {
            let index = Int.random(in: 0..<600, using: &numbers)
            let expected: LookupOutcome = index < 500 ? .found("v\(index)") : .absent
            _ = table.refresh()
            let start = monotonicNanoseconds()
            let outcome = table.outcome(of: "k\(index)@x.example")
            if monotonicNanoseconds() - start > UInt64(deadline.components.seconds) * 1_000_000_000 {
                tally.late.add(1, ordering: .relaxed)
            }
            if outcome == expected {
                tally.lookups.add(1, ordering: .relaxed)
            } else if case .failed = outcome {
                tally.failures.add(1, ordering: .relaxed)
                // Nobody is to spin while the servers are away.
                usleep(1000)
            } else {
                tally.wrong.withLock { $0.append("k\(index): \(outcome)") }
            }
        }
    }
}
