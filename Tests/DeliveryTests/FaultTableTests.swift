// The table of faults, each line over a real socket and from the spool, and then a second run with the server in good
// health: every recipient is delivered once, or failed and reported; nothing that was decided is tried again.

import Delivery
import Foundation
import LMTP
import Spool
import System
import Testing
import ZRouteTestKit

@Suite struct FaultTableTests {
    /// The time-outs of what stalls are of a second, those of all else a minute: a client that hangs does not get through.
    @Test(.timeLimit(.minutes(5)), arguments: FaultPlace.allCases)
    func everyRecipientEndsAsTheLastByteSays(place: FaultPlace) throws {
        let cases = FaultCase.all(at: place)
        for item in cases { try check(item) }
        print("FaultTableTests: \(cases.count) dialogues with a fault at \(place)")
        #expect(cases.count > 100)
    }

    private func check(_ item: FaultCase) throws {
        let two = try TwoRecipients(item.script)
        let (spool, server) = (two.spool, two.server)
        defer { server.stop() }
        var options =
            item.fault.isStall ? "-T conn=1,tcpw=1,cmd=1,data=1,dot=1" : "-T conn=60,tcpw=60,cmd=60,data=60,dot=60"
        let isDemanded = item.place == .demandedTLS
        if isDemanded || item.place == .startTLS {
            options += " -S \(try spool.place.write(isDemanded ? "demand-tls-mode\n" : "# where offered\n", to: "tls"))"
        }
        if item.place == .authentication {
            let path = try spool.place.write("* * dXNlcg== c2VjcmV0\n", to: "secrets")
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
            options += " -A \(path)"
        }
        let plan = try plan(to: server.path, options: options, connections: 1)
        try spool.deliver(plan)
        try two.check(item.outcomes, "\(item)")
        let reached = spool.outcomes
        let first = server.record.commands.count
        guard !isDemanded else { return }
        // In good health, and what was decided stays so.
        try spool.deliver(plan)
        let later = server.record.commands.dropFirst(first)
        for user in TwoRecipients.users {
            let isTriedAgain = later.contains { $0.hasPrefix("RCPT TO:<\(user)>") }
            #expect(isTriedAgain == (reached[user] == .deferred), "\(item): \(user)")
            #expect(spool.outcomes[user] == (reached[user] == .failed ? .failed : .delivered), "\(item): \(user)")
        }
        #expect(try spool.postOffice.messages().names.isEmpty, "\(item)")
    }
}
