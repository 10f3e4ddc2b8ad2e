// The client's half and the server's half talk to each other in memory: what one believes delivered is what the other took.

import LMTP
import MailSyntax
import Testing

/// How a client and a server meet.
struct Meeting: Sendable, CustomStringConvertible {
    let dialect: Dialect
    let isPipelined: Bool
    let isChunked: Bool
    /// Bytes that each hears at a time; 0 for all there are.
    let split: Int
    /// Whether the server's driver decides only when nothing else can happen.
    let isLate: Bool

    var description: String {
        "\(dialect)\(isPipelined ? " pipelined" : "")\(isChunked ? " chunked" : "")\(isLate ? " late" : "") by \(split)"
    }

    static let all: [Meeting] = [Dialect.lmtp, .smtp].flatMap { dialect in
        [false, true].flatMap { isPipelined in
            [false, true].flatMap { isChunked in
                [0, 1, 7].flatMap { split in
                    [false, true].map {
                        Meeting(
                            dialect: dialect, isPipelined: isPipelined, isChunked: isChunked, split: split, isLate: $0)
                    }
                }
            }
        }
    }
}

/// Lets a client deliver envelopes to a server until it is done.
func converse(
    _ meeting: Meeting, _ server: inout ServerDriver, _ envelopes: [Envelope], body: [UInt8]
) throws -> (reports: [TransactionReport], failures: [ClientFailure]) {
    var session = ClientSession(
        options: try options(meeting.dialect) {
            $0.usesPipelining = meeting.isPipelined
            $0.prefersChunking = meeting.isChunked
        })
    for envelope in envelopes { _ = session.enqueue(envelope) }
    session.quit()
    session.connected()
    server.isLate = meeting.isLate
    var reports: [TransactionReport] = []
    var failures: [ClientFailure] = []
    for _ in 0..<1_000_000 where !session.isClosed {
        var write: [UInt8] = []
        while let action = session.nextAction() {
            switch action {
            case .send(let bytes): write += bytes
            case .sendBody(_, let transfer):
                var encoder = MessageEncoder(framing: transfer.framing)
                encoder.encode(body.span, into: &write)
                encoder.finish(into: &write)
                session.bodyWritten(octets: encoder.octetCount)
            case .relayed, .relayEnded: Issue.record("nothing was to be passed on")
            case .startTLS: Issue.record("STARTTLS was never offered")
            case .finished(let report): reports.append(report)
            case .close(let failure): failures += failure.map { [$0] } ?? []
            }
        }
        server.hear(
            write,
            cutAt: meeting.split == 0 ? [] : Array(stride(from: meeting.split, to: write.count, by: meeting.split)))
        var replies = server.takeOutput()[...]
        if replies.isEmpty, write.isEmpty {
            if !server.pending.isEmpty {
                server.decide(server.pending.count - 1)
            } else if server.isClosed {
                session.connectionClosed("end of file")
            } else {
                session.timedOut()
            }
        }
        while !replies.isEmpty {
            let piece = Array(replies.prefix(meeting.split == 0 ? replies.count : meeting.split))
            session.receive(piece.span)
            replies = replies.dropFirst(piece.count)
        }
    }
    return (reports, failures)
}

@Suite struct ClientAgainstServerTests {
    private let body = Array("Subject: x\n\n.\n..\nend".utf8)
    private let wireBody = Array("Subject: x\r\n\r\n.\r\n..\r\nend\r\n".utf8)

    private func envelope(_ sender: String, _ recipients: [String]) -> Envelope {
        Envelope(
            sender: Array(sender.utf8), recipients: recipients.map { EnvelopeRecipient(Array($0.utf8)) },
            length: .exact(UInt64(wireBody.count)))
    }

    @Test(arguments: Meeting.all)
    func theyAgreeAboutEveryRecipient(_ meeting: Meeting) throws {
        var server = ServerDriver(wholeServer(meeting.dialect) { $0.limits.recipients = 4 })
        server.senderReplies = ["bad": "550 5.7.1 not from there"]
        server.recipientReplies = ["no": "550 5.1.1 nobody", "busy": "450 4.2.1 busy"]
        server.finalReplies = meeting.dialect == .lmtp ? ["full": "452 4.2.2 full", "never": "554 5.6.0 no"] : [:]
        let addresses = [
            ["a@b"], ["a@b", "no@b", "full@b", "busy@b", "never@b", "j\u{F6}rg@b"], ["no@b", "busy@b"], ["full@b"], [],
            ["x@b", "y@b", "\"q > r\"@b"], ["1", "2", "3", "4", "5", "6"],
        ]
        let senders = ["s@c", "", "s@c", "bad@c", "s@c", "s+1@c", "s@c"]
        let result = try converse(
            meeting, &server, zip(senders, addresses).map { envelope($0, $1) }, body: body)
        #expect(result.failures.isEmpty && server.isClosed)
        #expect(result.reports.count == addresses.count)
        for (transaction, recipients) in addresses.enumerated() {
            let report = try #require(result.reports.first { $0.id.rawValue == transaction })
            let isBad = senders[transaction].hasPrefix("bad")
            for (recipient, address) in zip(report.recipients, recipients) {
                let expected: RecipientReport.Outcome =
                    switch address.split(separator: "@").first {
                    case _ where isBad: .failed
                    case "no": .failed
                    case "never" where meeting.dialect == .lmtp: .failed
                    case "busy", "5", "6": .deferred
                    case "full" where meeting.dialect == .lmtp: .deferred
                    default: .delivered
                    }
                #expect(recipient.outcome == expected, "\(transaction) \(address)")
            }
        }
        #expect(server.messages.allSatisfy { $0 == wireBody } && server.messages.count == 4)
        let taken = server.envelopes.map { $0.recipients.map { string($0.address) } }
        #expect(taken[0] == ["a@b"] && taken[3] == ["1", "2", "3", "4"])
        #expect(server.envelopes[0].recipients[0].notify == .failure)
    }

    /// A message over the server's limit is refused at MAIL, or where its length was not known at its end.
    @Test(arguments: Meeting.all, [true, false])
    func aMessageIsTooLarge(_ meeting: Meeting, _ isKnown: Bool) throws {
        var server = ServerDriver(wholeServer(meeting.dialect) { $0.limits.messageSize = 20 })
        var envelope = envelope("s", ["a", "b"])
        if !isKnown { envelope.length = .unknown }
        let result = try converse(meeting, &server, [envelope, envelope], body: body)
        #expect(result.failures.isEmpty && result.reports.count == 2)
        for report in result.reports {
            #expect(report.recipients.map(\.outcome) == [.failed, .failed])
            #expect(report.recipients.allSatisfy { $0.reply.bytes == Array("552 5.3.4 message too large".utf8) })
        }
        #expect(server.messages.isEmpty && server.events.contains { $0.hasPrefix("discard") } == !isKnown)
    }
}
