// Maps behind real servers: `zroute serve`, and Cyrus's smmapd by its words; killed, stopped and started again under lookups.

import Configuration
import Foundation
import Glibc
import Maps
import Socketmap
import Testing
import ZRouteTestKit

@Suite(.serialized) struct SocketmapServeTests {
    private let site: TestSite
    private let place: SocketmapPlace

    init() throws {
        place = try SocketmapPlace()
        let routes = (0..<500).map { "user\($0)@x.example smtp-lmtp!node!u\($0)\n" }.joined()
        site = try TestSite([
            "zmailer.conf": "MAILVAR=@SITE@\nhostname=here.example\n",
            "dbases.conf": """
            fqdnroutes text - -l @SITE@/routes -lm
            aliases NONE - - - -
            fqdnaliases NONE - - - -
            routesdb NONE - - - -
            thishost NONE - - - -

            """,
            "routes": routes,
        ])
    }

    private func serve() throws -> RunningProgram {
        try? FileManager.default.removeItem(atPath: place.socket)
        let program = try site.start(["serve", "--listen", "socketmap=unix:\(place.socket)"])
        let isThere = try holds { (try? LocalStream(path: place.socket)) != nil || !program.isRunning }
        try #require(isThere && program.isRunning, "\(program.errors)")
        return program
    }

    @Test func aRelationOfServeIsAMap() throws {
        let program = try serve()
        let table = place.table("?canary=user0@x.example", map: "relation/fqdnroutes")
        #expect(try table.text(of: "user7@x.example") == "smtp-lmtp!node!u7")
        #expect(try table.text(of: "nobody@x.example") == nil)
        #expect(place.table(map: "relation/nonsense").failure(of: "a")?.text.contains("PERM") == true)
        program.send(SIGTERM)
        #expect(program.wait() == 0)
        #expect(table.failure(of: "nobody@x.example") != nil)
    }

    @Test func aSiteAnswersFromAMapOfServe() throws {
        let program = try serve()
        let asking = try TestSite([
            "zmailer.conf": "MAILVAR=@SITE@\nhostname=here.example\n",
            "dbases.conf": """
            fqdnroutes socketmap - - unix:\(place.socket):relation/fqdnroutes?canary=user0@x.example -lm
            aliases NONE - - - -
            fqdnaliases NONE - - - -
            routesdb NONE - - - -
            thishost NONE - - - -

            """,
        ])
        let answer = try asking.run(["route-test", "--format", "tsv", "User7@x.example", "nobody@x.example"])
        #expect(answer.text.contains("smtp-lmtp!node!u7\n"), "\(answer.text)\(answer.errorText)")
        #expect(answer.text.contains("smtp!x.example!nobody@x.example"), "\(answer.text)\(answer.errorText)")
        let check = try asking.run(["check"])
        #expect(check.status == 0, "\(check.text)\(check.errorText)")
        program.send(SIGKILL)
        _ = program.wait()
        let held = try asking.run(["route-test", "--format", "tsv", "user7@x.example"])
        #expect(held.text.contains("hold!IO:error!user7@x.example"), "\(held.text)")
        let checkAfter = try asking.run(["check"])
        #expect((checkAfter.text + checkAfter.errorText).contains("does not answer"), "\(checkAfter.text)")
    }

    /// What Cyrus's smmapd was seen to say.
    @Test func theWordsOfCyrusAreUnderstood() throws {
        let server = try ScriptedLookupServer(at: place.socket) { _, _, payload in
            switch payload {
            case "0 fg56778": .say(Array("10:OK fg56778,".utf8))
            case "0 nobody": .say(Array("31:NOTFOUND Mailbox does not exist,".utf8))
            default: .say(Array("31:PERM Bad protocol (missing key),".utf8))
            }
        }
        let table = place.table(map: "0")
        #expect(try table.text(of: "fg56778") == "fg56778")
        #expect(try table.text(of: "nobody") == nil)
        #expect(table.failure(of: "x") != nil)
        withExtendedLifetime(server) {}
    }

    @Test func nothingIsMissedWhateverBecomesOfTheServer() throws {
        let wanted = ProcessInfo.processInfo.environment["ZROUTE_TORTURE"].flatMap { Int($0) } ?? 12_000
        let deadline = Duration.seconds(1)
        let table = place.table("?canary=user0@x.example", map: "relation/fqdnroutes", deadline: deadline)
        var program = try serve()
        var (found, absent, failed, kills, stops, slowest) = (0, 0, 0, 0, 0, Duration.zero)
        var (wrong, falseAbsences, round): ([String], Int, Int) = ([], 0, 0)
        while found + absent + failed < wanted {
            round += 1
            let chaos = Thread { [pid = program.identifier, round] in
                usleep(UInt32.random(in: 0...30_000))
                if round % 8 == 0 {
                    kill(pid, SIGSTOP)
                    usleep(round % 16 == 0 ? 1_300_000 : 200_000)
                    kill(pid, SIGCONT)
                } else {
                    kill(pid, round % 2 == 0 ? SIGKILL : SIGTERM)
                }
            }
            chaos.start()
            if round % 8 == 0 { stops += 1 } else { kills += 1 }
            for _ in 0..<600 {
                let number = Int.random(in: 0..<700)
                let start = ContinuousClock.now
                do throws(MapError) {
                    let value = try table.text(of: "user\(number)@x.example")
                    if value == nil { absent += 1 } else { found += 1 }
                    if number < 500, value == nil { falseAbsences += 1 }
                    if let value, number >= 500 || value != "smtp-lmtp!node!u\(number)" {
                        wrong.append("\(number): \(value)")
                    }
                } catch {
                    failed += 1
                    // A server that is gone fails at once.
                    usleep(2000)
                }
                slowest = max(slowest, ContinuousClock.now - start)
            }
            while !chaos.isFinished { usleep(1000) }
            if round % 8 != 0 {
                program.send(SIGKILL)
                _ = program.wait()
                program = try serve()
            }
        }
        print(
            "socketmap: \(found + absent + failed) lookups, \(found) found, \(absent) absent, \(failed) failed, \(kills) kills,"
                + " \(stops) stops, \(wrong.count) wrong, \(falseAbsences) false absences, slowest \(slowest)")
        #expect(wrong.isEmpty, "\(wrong.prefix(5))")
        #expect(falseAbsences == 0)
        #expect(slowest < deadline)
        #expect(found > 0 && absent > 0 && failed > 0)
    }
}
