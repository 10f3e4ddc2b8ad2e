// Lookups without pause while the server is killed, stopped, restarted, and its table emptied and filled again. ZROUTE_TORTURE=N looks
// up N keys; `make torture` does 200,000.

import Configuration
import Foundation
import Glibc
import Maps
import PostgreSQL
import Synchronization
import System
import Testing
import ZRouteTestKit

@Suite(.serialized) struct PostgreSQLTortureTests {
    /// What came of the lookups.
    private final class Tally: Sendable {
        let lookups = Atomic<Int>(0), failures = Atomic<Int>(0), late = Atomic<Int>(0)
        let isOver = Atomic<Bool>(false)
        let wrong = Mutex<[String]>([])
    }

    private static let wanted = ProcessInfo.processInfo.environment["ZROUTE_TORTURE"].flatMap { Int($0) } ?? 6000
    private static let deadline = Duration.seconds(5)

    /// A table and what it is filled from again.
    private static let tables = """
        CREATE TABLE alias (address text PRIMARY KEY, goto text, active boolean DEFAULT true);
        CREATE TABLE kept AS SELECT 'k' || i AS address, 'v' || i AS goto FROM generate_series(0, 999) i;
        INSERT INTO alias SELECT * FROM kept;
        """

    @Test func aServerInTroubleIsNeverWrong() throws {
        let place = try PostgreSQLPlace(PostgreSQLServer())
        try place.run(Self.tables)
        try place.describe("query = SELECT goto FROM public.alias WHERE address = '%s'\ncanary = k500\nconnections = 2")
        try Self.beside(Tally(), place, named: "pgsql", texts: TextTableLoader(allowing: .all))
    }

    /// Changes go on, too, and all have come to the copy in the end.
    @Test func aCopyOfAServerInTroubleIsNeverWrong() throws {
        let place = try PostgreSQLPlace(PostgreSQLServer())
        try place.run(Self.tables)
        try place.run(try CopiedTable.triggers.get())
        try place.describe(
            """
            entries = SELECT address, goto FROM public.alias WHERE active
            canary = k500
            sync = notify
            interval = 1
            changes = public.zroute_changes
            copy = kept
            """)
        let (tally, texts) = (Tally(), TextTableLoader(allowing: .all))
        let table = place.table(deadline: Self.deadline, texts: texts)
        #expect(try holds { (try? table.text(of: "k0")) == "v0" })
        var changes = 0
        try Self.beside(tally, place, named: "pgsql sync", texts: texts) {
            changes += 1
            try place.run("DELETE FROM alias WHERE address LIKE 'c%'")
            try place.run("INSERT INTO alias VALUES ('c\(changes)', 'change')")
        }
        #expect(tally.failures.load(ordering: .relaxed) == 0)
        let areThere = try holds {
            _ = table.refresh()
            return try table.text(of: "c\(changes)") == "change"
                && (1..<changes).allSatisfy { try table.text(of: "c\($0)") == nil }
        }
        #expect(areThere)
    }

    /// Makes trouble until so many lookups were made as are wanted.
    private static func beside(
        _ tally: Tally, _ place: PostgreSQLPlace, named name: String, texts: TextTableLoader,
        meanwhile: () throws -> Void = {}
    ) throws {
        let readers = (0..<3).map { number -> Thread in
            let thread = Thread { read(place, texts, number, tally) }
            thread.start()
            return thread
        }
        defer { tally.isOver.store(true, ordering: .relaxed) }
        var numbers = SeededNumbers(seed: 18)
        var troubles: [String: Int] = [:]
        // Lookups in a copy are done before anything has happened.
        while tally.lookups.load(ordering: .relaxed) < wanted || troubles.values.reduce(0, +) < wanted / 4000 {
            let trouble = Self.troubles[Int.random(in: 0..<Self.troubles.count, using: &numbers)]
            troubles[trouble.name, default: 0] += 1
            try trouble.make(place)
            // The readers go on for a while before the next one.
            let seen = tally.lookups.load(ordering: .relaxed)
            let isGoingOn = try holds { tally.lookups.load(ordering: .relaxed) >= seen + 200 }
            #expect(isGoingOn, "after \(trouble.name) nobody gets an answer")
            try meanwhile()
        }
        tally.isOver.store(true, ordering: .relaxed)
        let areDone = try holds { readers.allSatisfy(\.isFinished) }
        #expect(areDone)
        let failures = tally.failures.load(ordering: .relaxed), late = tally.late.load(ordering: .relaxed)
        print(
            "\(name) torture: \(tally.lookups.load(ordering: .relaxed)) lookups, \(failures) could not be told, \(late) past the"
                + " deadline, \(troubles.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", "))"
        )
        let wrong = tally.wrong.withLock { $0 }
        #expect(wrong.isEmpty, "\(wrong.prefix(5))")
        // Where nothing else runs beside it.
        if ProcessInfo.processInfo.environment["ZROUTE_TORTURE"] != nil { #expect(late == 0) }
    }

    private static func read(_ place: PostgreSQLPlace, _ texts: TextTableLoader, _ number: Int, _ tally: Tally) {
        let table = place.table(deadline: deadline, texts: texts)
        var numbers = SeededNumbers(seed: UInt64(number))
        while !tally.isOver.load(ordering: .relaxed) {
            let index = Int.random(in: 0..<1200, using: &numbers)
            let expected = index < 1000 ? "v\(index)" : nil
            _ = table.refresh()
            let start = monotonicNanoseconds()
            do throws(MapError) {
                let found = try table.text(of: "k\(index)")
                if found != expected { tally.wrong.withLock { $0.append("k\(index): \(found ?? "absent")") } }
                tally.lookups.add(1, ordering: .relaxed)
            } catch {
                tally.failures.add(1, ordering: .relaxed)
                // Nobody is to spin while the server is away.
                usleep(1000)
            }
            if monotonicNanoseconds() - start > UInt64(deadline.components.seconds) * 1_000_000_000 {
                tally.late.add(1, ordering: .relaxed)
            }
        }
    }

    private struct Trouble: Sendable {
        let name: String
        let make: @Sendable (PostgreSQLPlace) throws -> Void
    }

    private static let troubles = [
        Trouble(name: "TRUNCATE and reload apart") { place in
            try place.run("TRUNCATE alias")
            try place.run("INSERT INTO alias SELECT * FROM kept")
        },
        Trouble(name: "TRUNCATE and reload together") { place in
            try place.run("BEGIN; TRUNCATE alias; INSERT INTO alias SELECT * FROM kept; COMMIT")
        },
        Trouble(name: "DELETE and reload apart") { place in
            try place.run("DELETE FROM alias")
            try place.run("INSERT INTO alias SELECT * FROM kept")
        },
        Trouble(name: "kill -9 of a process") { place in
            for process in try place.server.backends(of: place.database).prefix(1) { kill(process, SIGKILL) }
            let isBack = try holds { (try? place.run("SELECT 1")) == "1" }
            #expect(isBack)
        },
        Trouble(name: "a process that stands still") { place in
            for process in try place.server.backends(of: place.database).prefix(1) {
                kill(process, SIGSTOP)
                usleep(300_000)
                kill(process, SIGCONT)
            }
        },
        Trouble(name: "pg_terminate_backend") { place in
            try place.run(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'zroute' AND datname ="
                    + " current_database()")
        },
        Trouble(name: "restart") { place in
            try place.server.stop()
            try place.server.start()
        },
        Trouble(name: "kill -9 of the server") { place in
            try place.server.kill()
            try place.server.start()
        },
    ]
}
