// Other programs that change a database while it is read: in both modes of the journal, killed, stopped, out of room.

import Foundation
import Glibc
import Maps
import SQLite
import Testing
import ZRouteTestKit

@Suite struct SQLiteWriterTests {
    @Test func aWriterWithALockIsWaitedForNoLongerThanALookupHas() throws {
        let place = try SQLitePlace()
        try place.makeOthers(journal: "delete")
        try place.describe("query = SELECT goto FROM alias WHERE address = '%s'")
        let table = place.table("map.cf", deadline: .milliseconds(500))
        #expect(try table.text(of: "a@x.example") == "one")
        var writer = try place.hold("others.db", "c.execute('BEGIN EXCLUSIVE')")
        let start = ContinuousClock.now
        let error = try #require(table.failure(of: "a@x.example"))
        #expect(error.text.contains("locked by a program"), "\(error.text)")
        // Nobody waits once more for what has just been waited for in vain.
        let second = ContinuousClock.now
        #expect(table.failure(of: "nobody@x.example")?.text.contains("not asked") == true)
        print("a locked database: \(second - start), then \(ContinuousClock.now - second)")
        #expect(second - start >= .milliseconds(400))
        writer.send(SIGKILL)
        _ = writer.wait()
        #expect(try holds { table.failure(of: "a@x.example") == nil })
        #expect(try table.text(of: "a@x.example") == "one")
        #expect(try table.text(of: "nobody@x.example") == nil)
        // A writer that lets go in time is waited for.
        let patient = place.table("map.cf", deadline: .seconds(20))
        writer = try place.hold("others.db", "c.execute('BEGIN EXCLUSIVE')")
        let killer = Thread { [pid = writer.identifier] in
            usleep(300_000)
            kill(pid, SIGKILL)
        }
        killer.start()
        #expect(try patient.text(of: "a@x.example") == "one")
        _ = writer.wait()
    }

    @Test(arguments: [SIGSTOP, SIGKILL])
    func inModeWALNobodyWaits(signal: Int32) throws {
        let place = try SQLitePlace()
        try place.makeOthers()
        try place.describe("query = SELECT goto FROM alias WHERE address = '%s'")
        let table = place.table("map.cf", deadline: .milliseconds(500))
        #expect(try table.text(of: "a@x.example") == "one")
        let writer = try place.hold(
            "others.db", "c.execute('BEGIN EXCLUSIVE'); c.execute(\"UPDATE alias SET goto = 'new'\")")
        writer.send(signal)
        for reader in [table, place.table("map.cf")] {
            #expect(try reader.text(of: "a@x.example") == "one")
            #expect(try reader.text(of: "nobody@x.example") == nil)
        }
        writer.send(SIGKILL)
        _ = writer.wait()
        #expect(try table.text(of: "a@x.example") == "one")
    }

    @Test func aHotJournalIsAFailureUntilSomebodyRollsItBack() throws {
        let place = try SQLitePlace()
        try place.makeOthers(journal: "delete")
        try place.describe("query = SELECT goto FROM alias WHERE address = '%s'")
        try place.run(
            "INSERT INTO alias (address, goto) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)"
                + " SELECT 'user' || i, 'old' FROM n", in: "others.db")
        // Pages that do not fit the cache go into the file before the transaction ends.
        let writer = try place.hold(
            "others.db",
            "c.execute('PRAGMA cache_size = 5'); c.execute('BEGIN'); c.execute(\"UPDATE alias SET goto = 'half'\")")
        writer.send(SIGKILL)
        _ = writer.wait()
        #expect(FileManager.default.fileExists(atPath: place.directory.file("others.db-journal")))
        let table = place.table("map.cf", deadline: .milliseconds(500))
        for key in ["user1", "nobody"] {
            let error = try #require(table.failure(of: key))
            #expect(error.text.contains("rolled back"), "\(error.text)")
        }
        try place.run("SELECT count(*) FROM alias", in: "others.db")
        #expect(try table.text(of: "user1") == "old")
        #expect(try table.text(of: "nobody") == nil)
    }

    @Test func aDirectoryThatNobodyMayWriteIsAFailureInModeWAL() throws {
        let place = try SQLitePlace()
        try place.directory.makeDirectory("disk")
        let disk = place.directory.file("disk")
        guard let mounted = try SmallDisk(at: disk, kibibytes: 4096, for: "sqlite on a read-only file system") else {
            return
        }
        defer { withExtendedLifetime(mounted) {} }
        try place.compile([("k", "v")], to: "disk/compiled")
        try place.compile([("k", "v")], to: "disk/live")
        try place.run("PRAGMA journal_mode = wal", in: "disk/live.sqlite")
        try runCommandSuccessfully("/bin/mount", ["-o", "remount,ro", disk])
        #expect(try place.table("disk/compiled", isLive: false).text(of: "k") == "v")
        let error = try #require(place.table("disk/live").failure(of: "k"))
        #expect(error.text.contains("WAL mode"), "\(error.text)")
        try runCommandSuccessfully("/bin/mount", ["-o", "remount,rw", disk])
        #expect(try place.table("disk/live").text(of: "k") == "v")
    }

    @Test(arguments: ["wal", "delete"])
    func aFullDiskBreaksNoLookup(journal: String) throws {
        let place = try SQLitePlace()
        try place.directory.makeDirectory("disk")
        let disk = place.directory.file("disk")
        guard let mounted = try SmallDisk(at: disk, kibibytes: 2048, for: "sqlite on a full disk") else { return }
        try place.compile((0..<2000).map { ("key\($0)", "value\($0)") }, to: "disk/m")
        try place.run("PRAGMA journal_mode = \(journal)", in: "disk/m.sqlite")
        let table = place.table("disk/m")
        #expect(try table.text(of: "key1") == "value1")
        try mounted.fill()
        let writing = try runCommand(
            "/usr/bin/sqlite3",
            [
                place.directory.file("disk/m.sqlite"),
                "INSERT INTO entries WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000)"
                    + " SELECT 'new' || i, 'x' FROM n",
            ])
        #expect(writing.status != 0)
        var failures = 0
        for number in 0..<2000 {
            do throws(MapError) {
                #expect(try table.text(of: "key\(number)") == "value\(number)")
                #expect(try table.text(of: "new\(number + 1)") == nil)
            } catch { failures += 1 }
        }
        print("sqlite in mode \(journal), disk full: 4000 lookups, \(failures) failed")
        try mounted.empty()
        #expect(try place.table("disk/m").text(of: "key1") == "value1")
    }

    /// Readers beside a writer that replaces rows and is killed all the time.
    @Test(arguments: ["wal", "delete"])
    func nothingIsMissedBesideAWriterThatIsKilled(journal: String) throws {
        let place = try SQLitePlace()
        try place.makeOthers(journal: journal)
        try place.run(
            "INSERT INTO alias (address, goto) WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 499)"
                + " SELECT 'user' || i, 'v' || i || '.0' FROM n; CREATE INDEX byAddress ON alias (address)",
            in: "others.db")
        try place.describe("query = SELECT goto FROM alias WHERE address = '%s'\ncanary = a@x.example")
        let wanted = ProcessInfo.processInfo.environment["ZROUTE_TORTURE"].flatMap { Int($0) } ?? 12_000
        let deadline = Duration.seconds(2)
        let table = place.table("map.cf", deadline: deadline)
        var numbers = SeededNumbers(seed: 3)
        var (found, absent, failed, kills, stops, slowest) = (0, 0, 0, 0, 0, Duration.zero)
        var (wrong, falseAbsences, reasons): ([String], Int, Set<String>) = ([], 0, [])
        while found + absent + failed < wanted {
            let writer = try place.hold(
                "others.db",
                """
                c.execute('PRAGMA busy_timeout = 5000')
                import os, random, threading
                def work():
                    w = sqlite3.connect('\(place.directory.file("others.db"))', isolation_level=None)
                    w.execute('PRAGMA busy_timeout = 5000')
                    while True:
                        n = random.randrange(450)
                        w.execute('BEGIN IMMEDIATE')
                        for i in range(n, n + 50):
                            w.execute('DELETE FROM alias WHERE address = ?', ('user%d' % i,))
                            w.execute('INSERT INTO alias (address, goto) VALUES (?, ?)', ('user%d' % i, 'v%d.%d' % (i, random.randrange(9))))
                        w.execute('COMMIT')
                threading.Thread(target=work, daemon=True).start()
                """)
            let lookups = 500 + Int.random(in: 0..<1500, using: &numbers)
            for count in 0..<lookups {
                if count == lookups / 2, Int.random(in: 0..<6, using: &numbers) == 0 {
                    writer.send(SIGSTOP)
                    stops += 1
                }
                if count % 16 == 0 { _ = table.refresh() }
                let number = Int.random(in: 0..<600, using: &numbers)
                let start = ContinuousClock.now
                do throws(MapError) {
                    let value = try table.text(of: "user\(number)")
                    if value == nil { absent += 1 } else { found += 1 }
                    if number >= 500, value != nil { wrong.append("user\(number): \(value ?? "")") }
                    if number < 500 {
                        if value == nil { falseAbsences += 1 }
                        if let value, !value.hasPrefix("v\(number).") { wrong.append("user\(number): \(value)") }
                    }
                } catch {
                    failed += 1
                    reasons.insert(error.text)
                }
                slowest = max(slowest, ContinuousClock.now - start)
            }
            writer.send(SIGKILL)
            _ = writer.wait()
            kills += 1
            // A reader may not roll back what a killed writer has left.
            if journal == "delete" { try place.run("SELECT 1 FROM alias LIMIT 1", in: "others.db") }
        }
        print(
            "sqlite in mode \(journal): \(found + absent + failed) lookups, \(found) found, \(absent) absent, \(failed) failed,"
                + " \(kills) kills, \(stops) stops, \(wrong.count) wrong, \(falseAbsences) false absences, slowest \(slowest)"
        )
        for reason in reasons.sorted().prefix(4) { print("  \(reason)") }
        #expect(wrong.isEmpty, "\(wrong.prefix(5))")
        #expect(falseAbsences == 0)
        #expect(slowest < deadline)
        #expect(found > 0 && absent > 0)
        if journal == "wal" { #expect(failed == 0) }
        #expect(try place.run("PRAGMA integrity_check", in: "others.db") == "ok\n")
    }
}
