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

    @Test func aServerInTroubleIsNeverWrong() throws {
        let place = try PostgreSQLPlace(PostgreSQLServer())
        try place.run(
            """
            CREATE TABLE alias (address text PRIMARY KEY, goto text);
            CREATE TABLE kept AS SELECT 'k' || i AS address, 'v' || i AS goto FROM generate_series(0, 999) i;
            INSERT INTO alias SELECT * FROM kept;
            """)
        try place.describe("query = SELECT goto FROM public.alias WHERE address = '%s'\ncanary = k500\nconnections = 2")
        let tally = Tally()
        let texts = TextTableLoader(allowing: .all)
        let readers = (0..<3).map { number -> Thread in
            let thread = Thread { Self.read(place, texts, number, tally) }
            thread.start()
            return thread
        }
        var numbers = SeededNumbers(seed: 18)
        var troubles: [String: Int] = [:]
        while tally.lookups.load(ordering: .relaxed) < Self.wanted {
            let trouble = Self.troubles[Int.random(in: 0..<Self.troubles.count, using: &numbers)]
            troubles[trouble.name, default: 0] += 1
            try trouble.make(place)
            // The readers go on for a while before the next one.
            let seen = tally.lookups.load(ordering: .relaxed)
            let isGoingOn = try holds { tally.lookups.load(ordering: .relaxed) >= seen + 200 }
            #expect(isGoingOn, "after \(trouble.name) nobody gets an answer")
        }
        tally.isOver.store(true, ordering: .relaxed)
        let areDone = try holds { readers.allSatisfy(\.isFinished) }
        #expect(areDone)
        let failures = tally.failures.load(ordering: .relaxed), late = tally.late.load(ordering: .relaxed)
        print(
            "pgsql torture: \(tally.lookups.load(ordering: .relaxed)) lookups, \(failures) could not be told, \(late) past the"
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
