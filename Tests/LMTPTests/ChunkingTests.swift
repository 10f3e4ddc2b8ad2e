// BDAT (RFC 3030) in place of DATA.

import LMTP
import Testing

private let dialects: [Dialect] = [.lmtp, .smtp]

@Suite struct ChunkingTests {
    @Test(arguments: dialects, [true, false])
    func bdatInPlaceOfDATAWithTheExactLengthUndotted(_ dialect: Dialect, _ isPipelined: Bool) throws {
        var peer = ScriptedPeer(dialect: dialect)
        peer.keywords = ["CHUNKING"] + (isPipelined ? ["PIPELINING"] : [])
        var first = envelope("a", "b")
        first.length = .exact(6)
        let result = converse(
            try options(dialect) { $0.prefersChunking = true }, peer, [first, first], body: Array(".\nx\n".utf8))
        #expect(result.outcomes(0) == [.delivered, .delivered])
        #expect(result.outcomes(1) == [.delivered, .delivered])
        #expect(result.peer.messages.map { string($0) } == [".\r\nx\r\n", ".\r\nx\r\n"])
        #expect(result.peer.commands.filter { $0 == "BDAT 6 LAST" }.count == 2)
        #expect(result.writes.count == (isPipelined ? 6 : 10))
        #expect(string(result.reports[0].dialogue(recipient: 0)).contains("\r<<- BDAT 6 LAST\r->> 250 "))
    }

    @Test func aMessageOfAnotherLengthThanBDATAnnouncedIsNeverEnded() throws {
        var peer = ScriptedPeer()
        peer.keywords = ["CHUNKING"]
        var first = envelope("a")
        first.length = .exact(100)
        let result = converse(try options { $0.prefersChunking = true }, peer, [first])
        #expect(result.outcomes() == [.deferred])
        #expect(result.peer.messages.isEmpty)
    }

    @Test func withoutAnExactLengthOrThePeersWordOrTheOptionThereIsNoBDAT() throws {
        for (length, keyword, isWanted) in [
            (Envelope.Length.estimate(6), "CHUNKING", true), (.exact(6), "X", true), (.exact(6), "CHUNKING", false),
        ] {
            var peer = ScriptedPeer()
            peer.keywords = [keyword]
            var first = envelope("a")
            first.length = length
            let result = converse(try options { $0.prefersChunking = isWanted }, peer, [first])
            #expect(result.outcomes() == [.delivered])
            #expect(result.peer.commands.contains("DATA"))
        }
    }
}
