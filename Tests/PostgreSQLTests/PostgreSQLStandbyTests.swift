// Standbys that have not yet, or never got, what the copy has from their primary.

import Configuration
import Foundation
import Glibc
import Maps
import PostgreSQL
import Testing
import ZRouteTestKit

@Suite struct PostgreSQLStandbyTests {
    private let place: PostgreSQLPlace
    private let server: PostgreSQLServer
    private let standby: PostgreSQLServer.Node

    init() throws {
        server = try PostgreSQLServer()
        place = try PostgreSQLPlace(server)
        try place.makeAliases()
        try place.run(try CopiedTable.triggers.get())
        standby = try server.makeStandby()
        try server.waitForStandby(standby)
    }

    private func runAtStandby(_ sql: String) throws { try server.run(sql, in: place.database, at: standby) }

    @Test func aCopyDoesNotGoBackWithAStandby() throws {
        let hosts = "host=\(server.main.socket),\(standby.socket) dbname=\(place.database) user=postgres"
        try place.describe(CopiedTable.changes + "\ncopy = kept", conninfo: hosts)
        try place.describe(
            PostgreSQLPlace.question, conninfo: place.conninfo.replacing(server.main.socket, with: standby.socket),
            as: "asked.cf")
        do {
            let texts = TextTableLoader(allowing: .all)
            let (table, asked) = (place.table(texts: texts), place.table("asked.cf"))
            try CopiedTable.expect("bare", of: "b", in: table)
            try runAtStandby("SELECT pg_wal_replay_pause()")
            try place.run("INSERT INTO alias (address, goto) VALUES ('new', 'new')")
            try CopiedTable.expect("new", of: "new", in: table)
            // Whoever asks a standby believes it, unless max_lag says how old it may be.
            #expect(try asked.text(of: "new") == nil)

            func look() throws { #expect(try table.text(of: "new") == "new") }
            // A session that stands still keeps nobody from an answer.
            let sessions = try server.backends(of: place.database)
            for session in sessions { kill(session, SIGSTOP) }
            try look()
            #expect(try table.text(of: "z") == nil)
            for session in sessions { kill(session, SIGCONT) }

            try server.stop()
            let isPassedOver = try holds {
                _ = table.refresh()
                try look()
                return texts.copyFailure?.contains("this standby has not yet all") == true
            }
            #expect(isPassedOver, "\(texts.copyFailure ?? "followed")")
            #expect(try table.text(of: "z") == nil)
            try runAtStandby("SELECT pg_wal_replay_resume()")
            let isFollowed = try holds {
                _ = table.refresh()
                try look()
                return texts.copyFailure == nil
            }
            #expect(isFollowed, "\(texts.copyFailure ?? "")")
            #expect(try asked.text(of: "new") == "new")
        }

        // What the primary does from now on the standby never gets, and gives the same numbers to its own transactions.
        try runAtStandby("ALTER SYSTEM SET primary_conninfo = ''")
        try runAtStandby("SELECT pg_reload_conf()")
        try server.start()
        do {
            let table = place.table()
            try CopiedTable.expect("new", of: "new", in: table)
            for number in 0..<3 {
                try place.run("INSERT INTO alias (address, goto) VALUES ('lost\(number)', 'lost')")
                try CopiedTable.expect("lost", of: "lost\(number)", in: table)
            }
        }
        try server.kill()
        try server.promote(standby)
        try runAtStandby("DELETE FROM alias WHERE address = 'b'")
        for number in 0..<6 { try runAtStandby("INSERT INTO alias (address, goto) VALUES ('own\(number)', 'own')") }
        let table = place.table()
        try CopiedTable.expect("own", of: "own5", in: table)
        #expect(try table.text(of: "own0") == "own")
        #expect(try table.text(of: "b") == nil)
        #expect(try table.text(of: "lost0") == nil)
        #expect(try table.text(of: "new") == "new")
        try server.stop(standby)
    }
}
