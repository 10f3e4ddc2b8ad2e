// Many messages over few connections to a server that fails at random: missing replies, replies twice, cut connections in
// the midst of all that is sent together. What the client then believes must be true, and nothing may be lost.

import Delivery
import Foundation
import LMTP
import Spool
import Testing
import ZRouteTestKit

@Suite struct TurmoilTests {
    private static func script(_ seed: UInt64, connection: Int) -> ServerScript {
        var random = SeededNumbers(seed: seed &* 1000 &+ UInt64(connection))
        for _ in 0..<8 { _ = random.next() }
        var script = ServerScript()
        script.writing = Writing.allCases[Int(seed) % 3]
        if seed % 4 == 0 { script.keywords.removeAll { $0 == "PIPELINING" } }
        let cuts: [ScriptedAction] = [
            .close, .reset, .halfClose, .bytesThen("25", .close), .bytesThen("250 ok\r\n", .close),
            .bytesThen("550 5.1.1 n", .reset), .reply("421 4.3.2 closing"), .bytes("what\r\n"),
        ]
        // One connection is cut, on another one reply is missing, on the third one comes twice. A server that does more
        // than one of these, or refuses DATA beside, can say, byte for byte, what one in good health says, and nobody can tell.
        let isCut = connection % 3 == 0
        func actions(_ refusals: [ScriptedAction]) -> [ScriptedAction] {
            (0..<60).map { _ in
                switch Int.random(in: 0..<40, using: &random) {
                case 0 where isCut: cuts.randomElement(using: &random) ?? .close
                case 1...3: refusals.randomElement(using: &random) ?? .usual
                default: .usual
                }
            } + [.usual]
        }
        script.actions = [
            .mail: actions([.reply("451 4.3.0 later")]),
            .recipient: actions([.reply("450 4.2.1 busy"), .reply("550 5.1.1 no")]),
            .data: isCut ? actions([.reply("451 4.3.0 later")]) : [],
            .final: actions([.reply("452 4.2.2 full"), .reply("554 5.6.0 no")]),
        ]
        if !isCut, let step = [ScriptedStep.mail, .recipient, .final].randomElement(using: &random) {
            let isMissing = connection % 3 == 1
            script.actions[step]?[Int.random(in: 0..<20, using: &random)] =
                isMissing ? .silence : .reply("250 ok\n250 ok")
        }
        return script
    }

    @Test(.timeLimit(.minutes(4)), arguments: UInt64(1)...24)
    func whatIsBelievedIsTrue(seed: UInt64) throws {
        let spool = try DeliverySpool(isInMemory: true)
        let server = try ScriptedServer(in: spool.place) { Self.script(seed, connection: $0) }
        defer { server.stop() }
        let users = (0..<150).map { "u\($0)" }
        for user in users { try spool.add([recipient(user)]) }
        let plan = try plan(to: server.path, options: "-T conn=1,tcpw=1,cmd=1,data=1,dot=1", connections: 2)
        var runs = 0
        while try !spool.postOffice.messages().names.isEmpty, runs < 60 {
            runs += 1
            let pool = ConnectionPool()
            let run = DeliveryRun(workers: 8)
            run.add(
                try spool.postOffice.messages().names,
                MessageWorker(spool.environment(plan, pool), ignoresSchedule: true))
            run.wait()
            run.drain()
            pool.shutDown()
        }
        #expect(try spool.postOffice.messages().names.isEmpty, "after \(runs) runs")
        let record = server.record
        var decided: [String: RecipientReport.Outcome] = [:]
        for attempt in spool.attempts {
            let user = text(attempt.address.user)
            #expect(decided[user] == nil, "\(user) was \(decided[user].map { "\($0)" } ?? "") and is tried again")
            if attempt.outcome != .deferred { decided[user] = attempt.outcome }
        }
        #expect(decided.count == users.count)
        for (user, outcome) in decided {
            if outcome == .delivered {
                let isTrue = record.accepted.contains(user)
                #expect(isTrue, "\(user) counts as delivered, and no server said so")
            } else {
                let isTrue = record.refused.contains(user)
                #expect(isTrue, "\(user) counts as failed, and no server said so")
            }
        }
        let delivered = decided.values.count { $0 == .delivered }
        #expect(try spool.reports().count == users.count - delivered)
        print(
            "TurmoilTests: seed \(seed): \(delivered) delivered, \(users.count - delivered) failed in \(runs) runs over"
                + " \(record.connections) connections, \(record.accepted.count - delivered) further copies accepted")
    }
}
