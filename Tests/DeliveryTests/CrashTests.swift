// Kills a delivering process at each of its file operations in turn, lets another run finish, and counts copies.

import Foundation
import Service
import Sink
import Spool
import System
import Testing
import ZRouteTestKit

@Suite struct CrashTests {
    @Test func nothingIsLostWhenTheProcessIsKilled() throws {
        var number = 0
        var duplicates = 0
        var messages = 0
        while true {
            let spool = try DeliverySpool()
            var script = ServerScript()
            script.recipientReplies = ["bad": "550 5.1.1 no such user"]
            let server = try ScriptedServer(script, in: spool.place)
            defer { server.stop() }
            for index in 0..<3 {
                try spool.add([recipient("a\(index)"), recipient("bad\(index)"), recipient("b\(index)")])
            }
            messages += 3
            let first = try Self.run(spool, server.path, killAt: number)
            let second = try Self.run(spool, server.path, killAt: nil)
            #expect(second.status == 0, "kill at \(number): \(second.errorText)")
            let accepted = server.record.accepted
            let wanted = Set((0..<3).flatMap { ["a\($0)", "b\($0)"] })
            #expect(Set(accepted) == wanted, "kill at \(number): lost \(wanted.subtracting(accepted))")
            let copies = accepted.count - wanted.count
            // At most the transaction whose reply was read and not written down yet.
            #expect(copies <= 2, "kill at \(number): \(accepted)")
            duplicates += copies
            #expect(try spool.postOffice.messages().names.isEmpty, "kill at \(number)")
            #expect(try spool.reports().count == 3, "kill at \(number)")
            if first.status == 0 { break }
            number += 1
        }
        print("DeliveryTests: killed at \(number) points, \(messages) messages: none lost, \(duplicates) second copies")
        #expect(number > 30)
    }

    /// A thousand deliveries to the sink by several workers, killed again and again until all are done.
    @Test func aThousandDeliveriesSurviveKills() throws {
        let spool = try DeliverySpool(isInMemory: true)
        let store = spool.place.file("store")
        let server = try SinkServer(
            at: .unix(spool.place.file("sink")), store: MaildirStore(path: store, host: "s"), rules: SinkRules(),
            host: "s")
        defer { server.shutDown() }
        let users = (0..<1000).map { "u\($0)" }
        for user in users { try spool.add([recipient(user)]) }
        var kills = 0
        /// Whom a killed process was working on: tried again, perhaps for the second time.
        var interrupted: [String: Int] = [:]
        var generator = SystemRandomNumberGenerator()
        while true {
            // From a run that does next to nothing to one that delivers some dozens; no fixed step that always falls on
            // the same operation.
            let point = kills % 10 == 0 ? kills / 10 : Int.random(in: 20..<400, using: &generator)
            let result = try Self.run(spool, spool.place.file("sink"), killAt: point, workers: 4)
            if result.status == 0 { break }
            #expect(result.status == -SIGKILL, "\(result.text)")
            kills += 1
            for user in try Self.interrupted(in: spool) { interrupted[user, default: 0] += 1 }
        }
        #expect(try spool.postOffice.messages().names.isEmpty)
        #expect(try FileManager.default.contentsOfDirectory(atPath: spool.postOffice.path + "/queue").isEmpty)
        var copies: [String: Int] = [:]
        for user in users {
            copies[user] = (try? FileManager.default.contentsOfDirectory(atPath: "\(store)/\(user)/new").count) ?? 0
        }
        let lost = copies.filter { $0.value == 0 }.keys.sorted()
        #expect(lost.isEmpty, "lost: \(lost)")
        // Each further copy is of a message that a process died with.
        for (user, count) in copies where count > 1 { #expect(count - 1 <= interrupted[user, default: 0], "\(user)") }
        let duplicates = copies.values.reduce(0) { $0 + max($1 - 1, 0) }
        print(
            "DeliveryTests: 1000 deliveries by 4 workers, killed \(kills) times: \(lost.count) lost, \(duplicates) second"
                + " copies, of \(interrupted.values.reduce(0, +)) messages that a process died with")
        #expect(kills >= 30)
    }

    /// The recipients that carry the mark of a process, which is dead now.
    private static func interrupted(in spool: DeliverySpool) throws -> [String] {
        try spool.postOffice.messages().names.flatMap { name in
            // The message may have gone but for its name.
            let control = try? spool.postOffice.controlFile(of: name)
            return control?.recipients.filter { $0.process != nil }.map { text($0.address.user) } ?? []
        }
    }

    private static func run(_ spool: DeliverySpool, _ server: String, killAt number: Int?, workers: Int = 1) throws
        -> CommandResult
    {
        let runner = try Programs.path("DeliveryFaultRunner")
        return try runCommand(runner, [spool.postOffice.path, server, number.map(String.init) ?? "none", "\(workers)"])
    }
}
