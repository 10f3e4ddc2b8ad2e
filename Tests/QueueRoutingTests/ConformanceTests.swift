// The control file of each recorded submission says what ZMailer's says: fields, recipients as a multiset, headers by
// name and unfolded value.

import QueueRouting
import Spool
import Testing
import ZRouteTestKit

@Suite struct ConformanceTests {
    private static let cases = Fixture.names(in: "queue").filter { Fixture.exists("queue/\($0)/input") }

    @Test(arguments: cases.filter { Fixture.exists("queue/\($0)/control") })
    func saysWhatZMailerSays(name: String) throws {
        let input = try Fixture.bytes("queue/\(name)/input")
        let site = try TestSite()
        try site.put(input, at: "postoffice/router/message")
        let reports = try site.route()
        #expect(reports.map(\.isRouted) == [true])
        let ours = try #require(try site.controlFiles().first)
        let theirs = try ControlFile(parsing: try Fixture.bytes("queue/\(name)/control"))
        #expect(Said(ours) == Said(theirs))
        #expect(ours.name.map { text($0) } == (try site.names("queue").first))
        #expect(try site.read("queue/\(text(ours.name ?? []))") == input, "the body's file is the submission")
        #expect(try site.names("router").isEmpty && site.names("postman").isEmpty)
        let header = try #require(ours.recipients.first.flatMap { ours.header(of: $0) })
        #expect(try Self.fields(header) == Self.expectedFields(theirs, name: name))
    }

    /// What our deviations make of the submissions that ZMailer refuses.
    @Test(arguments: [
        ("10-from-empty", ["smtp-lmtp!cyrus-node!cyrus-alice"]),
        (
            "16-several-in-one-to",
            [
                "smtp!remote.example!ext@remote.example", "smtp-lmtp!cyrus-node!cyrus-alice",
                "smtp-lmtp!cyrus-node!cyrus-bob",
            ]
        ),
        ("17-bad-envelope-rcpt", ["error!syntax!\"a b@example.org\"", "smtp-lmtp!cyrus-node!cyrus-alice"]),
    ])
    func routesWhatZMailerRefuses(name: String, recipients: [String]) throws {
        let site = try TestSite()
        try site.put(try Fixture.bytes("queue/\(name)/input"), at: "postoffice/router/message")
        try site.route()
        #expect(try site.pending() == recipients)
        let control = try #require(try site.controlFiles().first)
        let isNull = name == "10-from-empty"
        #expect(control.recipients.allSatisfy { ($0.errorAddress == nil) == isNull })
        #expect(control.recipients.allSatisfy { $0.sender.map { text(of: $0) }?.hasPrefix("error!") == isNull })
    }

    @Test(arguments: [
        ("18-unknown-envelope-line", "line 1: unknown envelope line 'frobnicate x'"),
        ("19-no-recipients", "no recipient"),
    ])
    func putsAsideWhatIsNoMessage(name: String, reason: String) throws {
        let site = try TestSite()
        let input = try Fixture.bytes("queue/\(name)/input")
        try site.put(input, at: "postoffice/router/message")
        let reports = try site.route()
        #expect(reports.first?.rejection?.hasPrefix(reason) == true)
        let names = try site.names("postman")
        #expect(names.count == 2 && names[0] + ".reason" == names[1])
        #expect(try site.read("postman/\(names[0])") == input)
        #expect(try site.contents("postman/\(names[1])").hasPrefix(reason))
        #expect(try site.names("router").isEmpty && site.names("transport").isEmpty)
    }

    /// A control file without what differs from run to run; of ZMailer's copies for one mailbox the first counts.
    private struct Said: Equatable {
        let bodyOffset: Int?
        let errorAddress: [UInt8]?
        let recipients: [String]
        let isIdentified: Bool

        init(_ control: ControlFile) {
            bodyOffset = control.bodyOffset
            errorAddress = control.lines.first { $0.kind == .errorAddress }?.text
            isIdentified = control.logIdentity != nil
            var mailboxes: Set<String> = []
            recipients = control.recipients.filter { mailboxes.insert(text(of: $0.address)).inserted }.map {
                recipient in
                let sender = recipient.sender.map { "\(text(of: $0)) \(text($0.privilege))" }
                let rest = [
                    recipient.address.privilege, recipient.errorAddress, recipient.notification, recipient.returnMode,
                    recipient.envelopeIdentifier,
                ]
                return ([text(of: recipient.address), sender ?? "-"] + rest.map { $0.map { text($0) } ?? "-" })
                    .joined(separator: "|")
            }.sorted()
        }
    }

    /// Header fields by lower-case name and unfolded value, what is generated reduced to its name.
    private static func fields(_ header: [UInt8]) throws -> [String] {
        let bytes = Array("from <a@b>\nto <c@d>\nenv-end\n".utf8) + header + [0x0A]
        let submission = try #require(try SubmissionParser.parse(bytes, isWhole: true))
        return submission.fields.map { field in
            let name = text(submission.name(of: field)).lowercased()
            // Blanks are ZMailer's to add: it writes a TAB after names, and one blank where a line was folded.
            var value = text(HeaderValue.unfolded(submission.value(of: field))).split(whereSeparator: \.isWhitespace)
                .joined(separator: " ")
            if value.hasPrefix("<S") { value = "" }
            // Our own Received field, up to the identifier and the date.
            if name == "received", let end = value.firstRange(of: " id S") { value = String(value[..<end.lowerBound]) }
            if name == "date", !value.contains("22 Nov 2026 10:00:00") { value = "" }
            return "\(name): \(value)"
        }.sorted()
    }

    /// ZMailer's fields, without what it rewrites: domains added to names, and the field To that it makes up.
    private static func expectedFields(_ theirs: ControlFile, name: String) throws -> [String] {
        let header = try #require(theirs.recipients.first.flatMap { theirs.header(of: $0) })
        return try fields(header).compactMap { field in
            if field.hasPrefix("to: unlisted-recipients:;") { return nil }
            guard name == "22-local-sender" else { return field }
            return field.replacing("@store.example.net", with: "")
        }
    }
}
