// One message for two recipients, over a real socket to a scripted server, and the truth about what became of them.

import Delivery
import LMTP
import Spool
import Testing
import ZRouteTestKit

/// A spool with one message for the recipients `one` and `two`, and the server that it is delivered to.
struct TwoRecipients {
    let spool: DeliverySpool
    let server: ScriptedServer
    static let users = ["one", "two"]

    /// - Parameter script: what the server does. Where it speaks before the message has ended, the message is long: what it
    ///   says comes early for certain only if the message is longer than what the system takes of it meanwhile.
    init(_ script: ServerScript) throws {
        spool = try DeliverySpool(isInMemory: true)
        server = try ScriptedServer(script, in: spool.place)
        let line = String(repeating: "x", count: 99) + "\n"
        let body = script.actions[.body] == nil ? line : String(repeating: line, count: 8000)
        try spool.add([recipient("one"), recipient("two", host: "other")], body: body)
    }

    /// What the two came to.
    var outcomes: [RecipientReport.Outcome?] { Self.users.map { spool.outcomes[$0] } }

    /// Checks what they came to, that servers did say so, and that the spool says the same.
    func check(_ expected: [RecipientReport.Outcome], _ what: String) throws {
        #expect(outcomes == expected, "\(what): \(spool.attempts.map { "\($0.reply)" })")
        let accepted = server.record.accepted
        let control = try spool.control()
        for (user, outcome) in zip(Self.users, outcomes) {
            let recipient = control?.recipients.first { text($0.address.user) == user }
            #expect(recipient?.process == nil, "\(what): \(user)")
            switch outcome {
            case .delivered:
                #expect(accepted.contains(user), "\(what): \(user) counts as delivered, and no server said so")
                #expect(recipient?.tag == .done || control == nil, "\(what): \(user)")
            case .failed:
                #expect(recipient?.tag == .failed || control == nil, "\(what): \(user)")
            default:
                #expect(recipient?.tag == .pending, "\(what): \(user)")
                let reasons = control?.diagnostics.filter { $0.diagnostic.recipientOffset == recipient?.offset } ?? []
                #expect(!reasons.isEmpty, "\(what): \(user) stays without a reason")
            }
        }
        #expect(try spool.reports().count == (expected.contains(.failed) ? 1 : 0), "\(what)")
    }
}
