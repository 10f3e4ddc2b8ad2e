// Servers that take only so many recipients of a message: RFC 5321 4.5.3.1.10.

import LMTP
import Testing

@Suite struct TooManyRecipientsTests {
    /// What the n-th recipient is told.
    private func peer(_ replies: [String], isPipelined: Bool = true) -> ScriptedPeer {
        var peer = ScriptedPeer()
        if !isPipelined { peer.keywords = [] }
        peer.script[.rcpt] = replies.map { .line($0) }
        return peer
    }

    @Test(
        arguments: [true, false],
        [
            "452 4.5.3 too many recipients", "552 5.5.3 limit reached", "550 5.5.3 no more", "451 4.5.3 no more",
            "452 too many", "552 too many",
        ])
    func theRestIsPutOffAndNamedWhateverTheCode(_ isPipelined: Bool, _ reply: String) throws {
        let result = converse(
            try options(), peer(["250 ok", "550 5.1.1 nobody", "250 ok", reply], isPipelined: isPipelined),
            [envelope("a", "b", "c", "d", "e")])
        #expect(result.outcomes() == [.delivered, .failed, .delivered, .deferred, .deferred])
        let report = try #require(result.reports.first)
        #expect(report.recipientsLeft == [3, 4])
        #expect(result.closings == [nil])
        // Where it is certain what is meant, and recipients are asked about one by one, no more are.
        let asked = result.peer.commands.count { $0.hasPrefix("RCPT") }
        #expect(asked == (isPipelined || !reply.contains(".5.3") ? 5 : 4))
    }

    @Test(
        arguments: [
            ("552 5.2.2 over quota", .failed), ("552 5.3.4 too big", .failed), ("452 4.3.1 disk full", .deferred),
            ("452 4.2.2 over quota", .deferred), ("550 too many recipients", .failed), ("450 busy", .deferred),
        ] as [(String, RecipientReport.Outcome)])
    func otherRefusalsAreAboutTheRecipientAlone(_ reply: String, _ outcome: RecipientReport.Outcome) throws {
        let result = converse(try options(), peer(["250 ok", reply]), [envelope("a", "b")])
        #expect(result.outcomes() == [.delivered, outcome])
        #expect(result.reports.first?.recipientsLeft == [])
    }

    @Test(
        arguments: [
            ("452 4.5.3 too many", .deferred), ("552 5.5.3 too many", .deferred), ("452 too many", .deferred),
            ("552 over quota", .failed),
        ] as [(String, RecipientReport.Outcome)], [true, false])
    func whoTakesNobodyIsNotAskedAgainAtOnce(_ row: (String, RecipientReport.Outcome), _ isPipelined: Bool) throws {
        let result = converse(try options(), peer([row.0], isPipelined: isPipelined), [envelope("a", "b", "c")])
        #expect(result.outcomes() == [row.1, row.1, row.1])
        #expect(result.reports.first?.recipientsLeft == [])
    }

    @Test(arguments: ["451 4.3.0 later", "554 5.6.0 no"])
    func norWhoPutsOffTheMessageItself(_ final: String) throws {
        var peer = peer(["250 ok", "452 4.5.3 too many"])
        peer.script[.final] = [.line(final)]
        let result = converse(try options(), peer, [envelope("a", "b")])
        #expect(result.reports.first?.recipientsLeft == (final.hasPrefix("5") ? [1] : []))
    }

    @Test(arguments: [true, false])
    func theNumberIsRememberedForTheConnection(_ isPipelined: Bool) throws {
        let refusals = [String](repeating: "552 5.5.3 enough", count: isPipelined ? 2 : 1)
        let result = converse(
            try options(), peer(["250 ok", "250 ok"] + refusals + ["250 ok"], isPipelined: isPipelined),
            [envelope("a", "b", "c", "d"), envelope("e", "f", "g", "h", "i"), envelope("j")])
        #expect(result.outcomes(0) == [.delivered, .delivered, .deferred, .deferred])
        #expect(result.outcomes(1) == [.delivered, .delivered, .deferred, .deferred, .deferred])
        #expect(result.outcomes(2) == [.delivered])
        #expect(result.reports.map(\.recipientsLeft) == [[2, 3], [2, 3, 4], []])
        let asked = result.peer.commands.filter { $0.hasPrefix("RCPT") }.map { String($0.dropFirst(9).prefix(1)) }
        #expect(asked == (isPipelined ? ["a", "b", "c", "d"] : ["a", "b", "c"]) + ["e", "f", "j"])
    }
}
