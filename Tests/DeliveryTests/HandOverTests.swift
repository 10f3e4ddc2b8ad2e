// Messages delivered as routing hands them over.

import Delivery
import LMTP
import Spool
import System
import Testing
import ZRouteTestKit

@Suite struct HandOverTests {
    /// Messages for these users, just put in place.
    private static func route(_ users: [String], in spool: DeliverySpool, body: String) throws -> [RoutedMessage] {
        var routed: [RoutedSubmission] = []
        for user in users {
            let head = "from <sender@example.net>\nto <\(user)>\nenv-end\nSubject: \(user)\n\n"
            try spool.place.write(Array((head + body).utf8), to: "post/router/\(user)")
            let name = try #require(MessageName(user))
            guard case .claimed(let claim) = try spool.postOffice.claim(name) else {
                Issue.record("\(user) cannot be claimed")
                continue
            }
            let sender = ControlAddress(
                channel: Array("local".utf8), host: Array("sender@example.net".utf8),
                user: Array("sender@example.net".utf8), privilege: 0)
            let draft = ControlFileDraft(
                bodyOffset: head.utf8.count, logIdentity: nil, errorAddress: nil,
                groups: [
                    .init(
                        errorAddress: Array("sender@example.net".utf8), sender: sender, recipients: [recipient(user)],
                        header: Array("Subject: \(user)\n".utf8))
                ])
            routed.append(RoutedSubmission(claim: claim, control: try draft.file(name: claim.message)))
        }
        var messages: [RoutedMessage] = []
        #expect(spool.postOffice.commit(routed) { messages.append($0) }.allSatisfy { $0 == .committed })
        return messages
    }

    @Test func whatIsTooMuchIsLeftForLater() throws {
        let spool = try DeliverySpool()
        let server = try ScriptedServer(ServerScript(), in: spool.place)
        defer { server.stop() }
        let pool = ConnectionPool()
        let worker = MessageWorker(spool.environment(try plan(to: server.path), pool))
        // No worker is free before the first messages are given.
        let run = DeliveryRun(workers: 1, openLimit: 2)
        var taken: [MessageName] = []
        var names: [MessageName] = []
        do {
            let routed = try Self.route((0..<5).map { "u\($0)" }, in: spool, body: "line\n")
            names = routed.map(\.name)
            taken = run.add(routed, worker)
        }
        #expect(taken.count >= 2)
        run.wait()
        run.add(names.filter { !taken.contains($0) }, worker)
        run.wait()
        run.drain()
        pool.shutDown()
        #expect(server.record.accepted.sorted() == (0..<5).map { "u\($0)" })
        #expect(try spool.postOffice.messages().names.isEmpty)
        #expect(try fileNames(in: spool.postOffice.path + "/queue").isEmpty)
    }

    /// A large body is read while it is sent, from its file.
    @Test(arguments: [10, 100_000]) func theBodyIsSentWhole(lines: Int) throws {
        let spool = try DeliverySpool()
        let server = try ScriptedServer(ServerScript(), in: spool.place)
        defer { server.stop() }
        let pool = ConnectionPool()
        let worker = MessageWorker(spool.environment(try plan(to: server.path), pool))
        let run = DeliveryRun(workers: 1)
        let body = String(repeating: "a line of the body\n", count: lines)
        #expect(run.add(try Self.route(["u"], in: spool, body: body), worker).count == 1)
        run.wait()
        run.drain()
        pool.shutDown()
        #expect(spool.outcomes == ["u": .delivered], "\(spool.events)")
        let message = try #require(server.record.messages.first)
        let sent = Array(("Subject: u\n\n" + body).replacing("\n", with: "\r\n").utf8)
        #expect(message == sent, "\(message.count) octets")
        #expect(try spool.postOffice.messages().names.isEmpty)
    }
}
