// A server that leaves out a reply, or says one twice: whatever the session then believes must be true.

import LMTP
import Testing
import ZRouteTestKit

@Suite struct ReplyCountTests {
    @Test(
        arguments: [Dialect.lmtp, .smtp],
        [true, false])
    func noVerdictIsEverGivenToTheWrongRecipient(_ dialect: Dialect, _ isPipelined: Bool) throws {
        var random = SeededNumbers(seed: 4711)
        var count = 0
        var decided = 0
        for _ in 0..<60 {
            var peer = ScriptedPeer(dialect: dialect)
            if !isPipelined { peer.keywords = [] }
            let codes = ["250 ok", "250 ok", "250 ok", "450 later", "550 no"]
            peer.script[.mail] = (0..<8).map { _ in
                .line(Int.random(in: 0..<6, using: &random) == 0 ? "550 no" : "250 ok")
            }
            peer.script[.rcpt] = (0..<12).map { _ in .line(codes.randomElement(using: &random) ?? "") }
            peer.script[.final] = (0..<12).map { _ in .line(codes.randomElement(using: &random) ?? "") }
            var number = 0
            let envelopes = (1...3).map { message in
                let users = (0..<Int.random(in: 1...3, using: &random)).map { _ in
                    number += 1
                    return EnvelopeRecipient(Array("u\(number)".utf8))
                }
                return Envelope(sender: Array("m\(message)".utf8), recipients: users, bodyType: .sevenBit)
            }
            let total = converse(try options(dialect), peer, envelopes).peer.replyCount
            for index in 0..<total {
                for fault in [CountFault.missing(index), .twice(index)] {
                    peer.fault = fault
                    let result = converse(try options(dialect), peer, envelopes, quits: false)
                    count += 1
                    #expect(result.reports.count == 3)
                    for report in result.reports {
                        // Of several finals in a row nothing can tell which one is missing or twice there.
                        let isAmbiguous =
                            dialect == .lmtp && report.recipients.filter { $0.subject == .message }.count > 1
                        let sender = string(report.envelope.sender)
                        for (recipient, outcome) in zip(report.envelope.recipients, report.recipients)
                        where outcome.outcome != .deferred && !(isAmbiguous && outcome.subject == .message) {
                            decided += 1
                            let address = string(recipient.address)
                            let truth =
                                outcome.subject == .mail
                                ? result.peer.verdicts["MAIL FROM:<\(sender)>"] : result.peer.verdicts[address]
                            #expect(truth == (outcome.outcome == .delivered ? 2 : 5), "\(fault) \(address) \(outcome)")
                        }
                    }
                }
            }
        }
        print("ReplyCountTests: \(dialect), pipelined \(isPipelined): \(count) dialogues, \(decided) verdicts checked")
    }
}
