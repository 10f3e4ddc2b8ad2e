// Servers that are stopped, killed and stand still under lookups: what they know is found or cannot be told, and never absent.

import Configuration
import Foundation
import Glibc
import Maps
import PostgreSQL
import Testing
import ZRouteTestKit

@Suite(.serialized) struct PostgreSQLFailureTests {
    private let place: PostgreSQLPlace

    init() throws {
        place = try PostgreSQLPlace(PostgreSQLServer())
        try place.makeAliases()
        try place.describe(PostgreSQLPlace.question)
    }

    private var server: PostgreSQLServer { place.server }

    /// What a lookup answers as long as the server is in trouble: the value or a failure.
    private func expectNoAbsence(_ table: any Table) {
        do throws(MapError) {
            #expect(try table.text(of: "b") == "bare")
        } catch {
            #expect(!error.text.isEmpty)
        }
    }

    /// Waits until the table answers for certain again.
    private func expectRecovery(_ table: any Table) throws {
        var last = ""
        let isBack = try holds {
            do throws(MapError) {
                let isFound = try table.text(of: "b") == "bare"
                let isAbsent = try table.text(of: "z") == nil
                return isFound && isAbsent
            } catch {
                last = error.text
                return false
            }
        }
        #expect(isBack, "\(last)")
    }

    @Test func aServerThatIsStoppedAndStarted() throws {
        let table = place.table()
        #expect(try table.text(of: "b") == "bare")
        try server.stop()
        for _ in 0..<3 {
            let error = try #require(table.failure(of: "b"))
            #expect(error.text.contains("connect") || error.text.contains("shutting down"), "\(error.text)")
        }
        try server.start()
        try expectRecovery(table)
    }

    @Test func aServerThatIsKilled() throws {
        let table = place.table()
        #expect(try table.text(of: "b") == "bare")
        try server.kill()
        expectNoAbsence(table)
        try server.start()
        try expectRecovery(table)
    }

    /// All of them are restarted when one dies so.
    @Test func aProcessOfItThatIsKilled() throws {
        let table = place.table()
        #expect(try table.text(of: "b") == "bare")
        for _ in 0..<3 {
            for process in try server.backends(of: place.database) { kill(process, SIGKILL) }
            for _ in 0..<20 { expectNoAbsence(table) }
            try expectRecovery(table)
        }
    }

    @Test func aProcessOfItThatStandsStill() throws {
        let table = place.table(deadline: .seconds(10))
        #expect(try table.text(of: "b") == "bare")
        let stopped = try server.backends(of: place.database)
        #expect(stopped.count == 1)
        for process in stopped { kill(process, SIGSTOP) }
        defer { for process in stopped { kill(process, SIGCONT) } }
        // Within its time the question is asked of another process of the same server.
        expectNoAbsence(table)
        try expectRecovery(table)
    }

    /// Statements that something else in the session has dropped are prepared anew, whatever is asked next.
    @Test(arguments: ["b", "z"]) func statementsThatAreDroppedArePreparedAnew(next: String) throws {
        try place.run(
            """
            CREATE FUNCTION public.dropping(asked text) RETURNS SETOF text LANGUAGE plpgsql AS $$ BEGIN
                IF asked = 'drop' THEN EXECUTE 'DEALLOCATE ALL'; END IF;
                RETURN QUERY SELECT goto FROM public.alias WHERE address = asked;
            END $$
            """)
        try place.describe("query = SELECT * FROM public.dropping('%s')\ncanary = a@x.example")
        let table = place.table()
        #expect(try table.text(of: "b") == "bare")
        let sessions = try server.backends(of: place.database)
        // Its own answer comes from the plan that runs.
        #expect(try table.text(of: "drop") == nil)
        #expect(try table.text(of: next) == (next == "b" ? "bare" : nil))
        // A new connection: the statement was not there any more.
        #expect(try Set(server.backends(of: place.database)).isDisjoint(with: sessions))
    }

    @Test func aServerThatStandsStillCostsOneDeadline() throws {
        // The workers of a process with one connection.
        try place.describe(PostgreSQLPlace.question)
        let texts = TextTableLoader(allowing: .all)
        let tables = (0..<4).map { _ in place.table(deadline: .seconds(6), texts: texts) }
        for table in tables { #expect(try table.text(of: "b") == "bare") }
        let backends = try server.backends(of: place.database)
        #expect(backends.count == 1)
        try server.send(SIGSTOP)
        for process in backends { kill(process, SIGSTOP) }
        for table in tables {
            let error = try #require(table.failure(of: "b"))
            #expect(error.text.contains("in time"), "\(error.text)")
        }
        for process in backends { kill(process, SIGCONT) }
        try server.send(SIGCONT)
        for table in tables { try expectRecovery(table) }
    }

    @Test func aStandbyAnswersWhereThePrimaryDoesNot() throws {
        let standby = try server.makeStandby()
        try server.waitForStandby(standby)
        let hosts = "host=\(server.main.socket),\(standby.socket) dbname=\(place.database) user=postgres"
        try place.describe(PostgreSQLPlace.question, conninfo: hosts)
        try place.describe(
            PostgreSQLPlace.question, conninfo: "\(hosts) target_session_attrs=read-write", as: "primary.cf")
        try place.describe(
            "\(PostgreSQLPlace.question)\nmax_lag = 1",
            conninfo: "host=\(standby.socket) dbname=\(place.database) user=postgres", as: "young.cf")
        let table = place.table(deadline: .seconds(12))
        let primary = place.table("primary.cf", deadline: .seconds(12))
        #expect(try table.text(of: "b") == "bare")
        #expect(try primary.text(of: "b") == "bare")
        #expect(try server.backends(of: place.database, at: standby) == [])

        // One that stands still is passed by.
        try server.send(SIGSTOP)
        let stopped = try server.backends(of: place.database, at: standby)
        #expect(stopped == [])
        let other = place.table(deadline: .seconds(12))
        try expectRecovery(other)
        #expect(try !server.backends(of: place.database, at: standby).isEmpty)
        try server.send(SIGCONT)

        try server.stop()
        try expectRecovery(table)
        // It has no primary any more, and its data grow old.
        let young = place.table("young.cf", deadline: .seconds(12))
        let isOld = try holds { young.failure(of: "b")?.text.contains("max_lag") == true }
        #expect(isOld)
        let error = try #require(primary.failure(of: "b"))
        #expect(error.text.contains("connect"), "\(error.text)")
        try server.promote(standby)
        try expectRecovery(primary)
        // A primary has no lag.
        try expectRecovery(young)
    }

    /// What workers ask at once over one connection comes back to the one who asked.
    @Test func workersThatShareAConnectionGetTheirOwnAnswers() async throws {
        try place.run("INSERT INTO alias (address, goto) SELECT 'k' || i, 'v' || i FROM generate_series(0, 499) i")
        try place.describe("\(PostgreSQLPlace.question)\nconnections = 2")
        let texts = TextTableLoader(allowing: .all)
        let place = place
        let wrong = await withTaskGroup(of: [String].self) { group in
            for worker in 0..<6 {
                group.addTask {
                    let table = place.table(texts: texts)
                    var wrong: [String] = []
                    for number in 0..<400 {
                        let index = (number * 7 + worker * 61) % 600
                        let expected = index < 500 ? "v\(index)" : nil
                        do throws(MapError) {
                            let found = try table.text(of: "k\(index)")
                            if found != expected { wrong.append("k\(index): \(found ?? "absent")") }
                        } catch {
                            wrong.append("k\(index): \(error.text)")
                        }
                    }
                    return wrong
                }
            }
            var all: [String] = []
            for await part in group { all += part }
            return all
        }
        #expect(wrong.isEmpty, "\(wrong.prefix(3))")
        #expect(try server.backends(of: place.database).count <= 2)
    }
}
