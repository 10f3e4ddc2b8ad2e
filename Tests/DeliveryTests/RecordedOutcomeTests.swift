// The control files that ZMailer's agent was given, delivered here: the outcomes it recorded, and the same file after.

import Delivery
import LMTP
import Spool
import System
import Testing
import ZRouteTestKit

@Suite struct RecordedOutcomeTests {
    /// A message as large as the recorded one's: name, body and control file.
    private func place(_ name: String, in spool: DeliverySpool) throws -> MessageName {
        let bytes = try Fixture.bytes("lmtp-control/\(name)/control.before")
        let control = try ControlFile(parsing: bytes)
        let message = try #require(MessageName(bytes: control.name ?? []))
        var body = [UInt8](repeating: UInt8(ascii: "x"), count: control.bodyOffset ?? 0)
        body += Array("body line 1\n.dot line\nlast\n".utf8)
        try spool.place.write(body, to: "post/queue/\(message)")
        try spool.place.write(bytes, to: "post/transport/\(message)")
        return message
    }

    @Test(arguments: ["01-two-ok", "02-mixed", "03-dsn", "04-nocaps", "05-null-sender", "07-local-channel"])
    func outcomesAreThoseRecorded(name: String) throws {
        let spool = try DeliverySpool()
        var script = ServerScript()
        if name == "04-nocaps" { script.keywords = [] }
        script.recipientReplies = ["bad@": "550 5.1.1 no such mailbox", "tmp@": "450 4.2.1 mailbox busy"]
        script.finalReplies = ["dbad@": "552 5.2.2 over quota", "dtmp@": "452 4.2.2 try later"]
        let server = try ScriptedServer(script, in: spool.place)
        defer { server.stop() }
        let message = try place(name, in: spool)
        try spool.deliver(try plan(to: server.path))
        let recorded = try Fixture.bytes("lmtp/outcomes.tsv")
        for line in text(recorded).split(separator: "\n") {
            let fields = line.split(separator: "\t", omittingEmptySubsequences: false)
            guard fields.count >= 4, fields[0] == name else { continue }
            let outcome: RecipientReport.Outcome =
                fields[2] == "+" ? .delivered : fields[2] == "-" ? .failed : .deferred
            #expect(spool.outcomes[String(fields[1])] == outcome, "\(fields[1])")
            let code = spool.attempts.last { text($0.address.user) == fields[1] }?.reply.code
            #expect(code.map { "\($0)" } == String(fields[3]))
        }
        if name == "02-mixed" {
            // A diagnostic in ZMailer's form for each that failed or waits, its offsets pointing at the very lines.
            let control = try #require(try spool.postOffice.controlFile(of: message))
            let bad = try #require(
                control.diagnostics.first { text($0.diagnostic.notary.address ?? []) == "bad@virt.example" })
            #expect(bad.diagnostic.recipientOffset == 207 && bad.diagnostic.headerOffset == 467)
            #expect(text(bad.diagnostic.notary.diagnostic ?? []) == "smtp; 550 (no such mailbox)")
            #expect(text(bad.diagnostic.message).hasPrefix("\r<<- MAIL FROM:<sender@remote.example> BODY=8BITMIME"))
            #expect(text(bad.diagnostic.message).hasSuffix("\r->> 550 5.1.1 no such mailbox"))
        } else {
            #expect(try spool.postOffice.messages().names.isEmpty)
            #expect(try !FilesExist.exists("\(spool.postOffice.path)/queue/\(message)"))
        }
        if name == "03-dsn" {
            #expect(server.record.commands.contains { $0.hasSuffix("ENVID=E1 RET=HDRS") })
            #expect(server.record.commands.contains { $0.hasSuffix("NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;x@y") })
        }
    }

    @Test func withoutServerAllIsAsBefore() throws {
        let spool = try DeliverySpool()
        let message = try place("06-no-server", in: spool)
        let before = try Fixture.bytes("lmtp-control/06-no-server/control.before")
        try spool.deliver(try plan(to: spool.place.file("nobody")))
        let after = try readFile("\(spool.postOffice.path)/transport/\(message)", limit: 1 << 20).bytes
        // As in the recorded file but for the reasons appended.
        #expect(after.starts(with: before))
        #expect(text(after.dropFirst(before.count)).hasPrefix("d "))
    }
}

enum FilesExist {
    static func exists(_ path: String) throws -> Bool {
        do throws(FileError) {
            _ = try FileIdentity(path: path)
            return true
        } catch {
            guard error.isMissing else { throw error }
            return false
        }
    }
}
