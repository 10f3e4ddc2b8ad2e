// The deliver and lmtp-sink commands as their users run them.

import Delivery
import Foundation
import Service
import Sink
import Spool
import System
import Testing
import ZRouteTestKit

@Suite struct CommandTests {
    /// A site with one virtual domain, and a store for it.
    private final class StoredSite {
        let site: TestSite
        let server: SinkServer
        var place: TemporaryDirectory { site.place }
        var socket: String { place.file("s") }
        var store: String { place.file("store") }

        init() throws {
            site = try TestSite(
                [
                    "db/fqdnroutes": """
                    user@virtual.example smtp-lmtp!node!box%2@virtual.example
                    gone@virtual.example error!nosuchuser!gone away
                    late@virtual.example smtp-lmtp!node!deferred@virtual.example
                    no@virtual.example smtp-lmtp!node!rejected@virtual.example

                    """,
                    "db/dbases.conf": "fqdnroutes text - -l $MAILVAR/db/fqdnroutes -l%:\n",
                    "zmailer.conf": """
                    MAILVAR=@SITE@
                    DBTYPE=text
                    POSTOFFICE=@SITE@/post
                    hostname=store.example.net

                    """,
                ], spool: "post")
            var rules = SinkRules()
            rules.rejected = [Array("rejected".utf8)]
            rules.deferred = [Array("deferred".utf8)]
            server = try SinkServer(
                at: .unix(site.place.file("s")), store: MaildirStore(path: site.place.file("store"), host: "s"),
                rules: rules,
                host: "s")
        }

        deinit { server.shutDown() }

        func run(_ arguments: String..., input: String = "Subject: x\n\nbody\n") throws -> CommandResult {
            try run(arguments, input: input)
        }

        func run(_ arguments: [String], input: String = "Subject: x\n\nbody\n") throws -> CommandResult {
            try site.run(
                ["deliver", "--dbases", place.file("db/dbases.conf")] + arguments, input: Array(input.utf8))
        }
    }

    /// By the command line neither, said to come from here or not.
    @Test(
        arguments: ["|/bin/sh", "/tmp/file", ":include:/etc/passwd", "\":include:/etc/passwd\"", "\\/etc/passwd"],
        [[], ["--local"]])
    func nobodyNamesACommandOrAFile(recipient: String, mark: [String]) throws {
        let site = try StoredSite()
        let result = try site.run(
            ["--lmtp", "UNIX:\(site.socket)", "--from", "a@b.example", "--to", recipient] + mark)
        #expect(result.status == 67)
        #expect(result.text.contains("\terror!syntax!") && result.text.contains("\tfailed\t"), "\(result.text)")
    }

    @Test(arguments: [
        (["user+Folder@virtual.example"], 0, 0), (["gone@virtual.example"], 67, 0), (["no@virtual.example"], 67, 0),
        (["late@virtual.example"], 75, 0), (["gone@virtual.example", "late@virtual.example"], 75, 0),
        (["user@virtual.example", "late@virtual.example", "no@virtual.example"], 0, 1),
    ])
    func directDeliveryAnswersByItsStatus(to: [String], status: Int32, queued: Int) throws {
        let site = try StoredSite()
        var arguments = ["--lmtp", "UNIX:\(site.socket)", "--from", "a@example.net"]
        for address in to { arguments += ["--to", address] }
        let result = try site.run(arguments)
        #expect(result.status == status, "\(result.text)\(result.errorText)")
        #expect(result.text.split(separator: "\n").count == to.count)
        let postOffice = try PostOffice(path: site.place.file("post"))
        let names = try postOffice.messages().names
        #expect(names.count == queued)
        if let name = names.first {
            let control = try #require(try postOffice.controlFile(of: name))
            #expect(
                Set(control.recipients.map { text($0.address.user) }) == [
                    "deferred@virtual.example", "rejected@virtual.example",
                ])
            #expect(try site.run("--once", "--lmtp", site.socket).status == 0)
            #expect(try postOffice.submissions().names.count == 1)
        }
    }

    /// Some MTAs put a mailbox file's first line before what they pipe.
    @Test func theEnvelopeLineIsNoPartOfTheMessage() throws {
        let site = try StoredSite()
        let result = try site.run(
            "--lmtp", site.socket, "--from", "a@example.net", "--to", "user@virtual.example",
            input: "From a@example.net Mon Nov 23 00:00:00 2026\nSubject: piped\n\nFrom here on\n")
        #expect(result.status == 0, "\(result.errorText)")
        let directory = "\(site.store)/box@virtual.example/new"
        let name = try #require(try FileManager.default.contentsOfDirectory(atPath: directory).first)
        let message = text(try readFile("\(directory)/\(name)", limit: 1 << 20).bytes)
        #expect(message.contains("Subject: piped") && message.contains("From here on"))
        #expect(!message.contains("Nov 23"))
    }

    /// The word after --from or --to is the address, as an MTA's pipe writes it.
    @Test(arguments: [
        (["--from", "-news@x.example"], "-news@x.example"), (["--from=-news@x.example"], "-news@x.example"),
        (["--from", "--once"], "--once@store.example.net"), (["--from="], ""), (["--from", ""], ""),
        (["--from", "<>"], ""), (["--from", "<a@x.example>"], "a@x.example"), (["--from=<>"], ""),
        (["--from", "\"a b\"@x.example"], "\"a b\"@x.example"), (["--from", "bob"], "bob@store.example.net"),
    ])
    func sendersAreTakenAsTheyAre(from: [String], sender: String) throws {
        let place = try TemporaryDirectory()
        let server = try ScriptedServer(ServerScript(), in: place)
        defer { server.stop() }
        let site = try StoredSite()
        for to in [["--to", "-user@elsewhere.example"], ["--to=-user@elsewhere.example"]] {
            try site.place.write("-user@elsewhere.example smtp-lmtp!node!box\n", to: "db/fqdnroutes")
            let result = try site.run(
                ["--set", "mydomain=store.example.net", "--lmtp", "UNIX:\(server.path)"] + from + to)
            #expect(result.status == 0, "\(result.text)\(result.errorText)")
        }
        let mails = server.record.commands.filter { $0.hasPrefix("MAIL") }.map { $0.prefix { $0 != ">" } }
        #expect(mails == ["MAIL FROM:<\(sender)", "MAIL FROM:<\(sender)"])
        let recipients = server.record.commands.filter { $0.hasPrefix("RCPT") }
        #expect(recipients.allSatisfy { $0.hasSuffix("ORCPT=rfc822;-user@elsewhere.example") }, "\(recipients)")
    }

    @Test(arguments: ["a@b c", "Anna <a@b>", "a@b, c@d", "a@", "<a@b", "|/bin/sh", "a\u{1}@b", "<<a@b>>"])
    func aSenderThatIsNoAddressIsRefused(sender: String) throws {
        let site = try StoredSite()
        let result = try site.run("--lmtp", site.socket, "--from", sender, "--to", "user@virtual.example")
        #expect(result.status == 65, "\(result.text)\(result.errorText)")
        #expect(result.errorText.contains("--from '") && result.text.isEmpty)
    }

    @Test func usageErrors() throws {
        let site = try StoredSite()
        #expect(try site.run("--once", "--watch").status == 64)
        #expect(try site.run("--from", "a@b").status == 64)
        #expect(try site.run("--once", "--lmtp", "nowhere").status == 64)
        let result = try site.run("--once")
        #expect(result.status == 78 && result.errorText.contains("--lmtp UNIX:/path"))
        let plain = try site.run(
            "--set", "POSTOFFICE=", "--lmtp", site.socket, "--from", "a@b", "--to", "x@y", "--to", "z@y")
        #expect(plain.status == 64, "\(plain.errorText)")
    }

    /// What a run meets, and how it ends.
    struct Run: Sendable, CustomTestStringConvertible {
        var recipients = ["user"]
        var hasNoMessage = false
        var arguments: [String] = []
        var toFullDevice = false
        var scheduler: String?
        let status: Int32

        var testDescription: String {
            "\(status): \(recipients) \(arguments) \(scheduler ?? "")\(hasNoMessage ? " no message" : "")"
                + (toFullDevice ? " full device" : "")
        }

        static let all: [Run] = [
            Run(status: 0), Run(recipients: ["user", "gone"], status: 0), Run(recipients: ["user", "no"], status: 0),
            Run(recipients: ["user", "late"], status: 0), Run(hasNoMessage: true, status: 65),
            Run(recipients: ["user", "gone"], hasNoMessage: true, status: 65),
            Run(recipients: [], hasNoMessage: true, status: 65),
            Run(recipients: [], arguments: ["--set", "POSTOFFICE=/none"], status: 66),
            Run(toFullDevice: true, status: 74), Run(hasNoMessage: true, toFullDevice: true, status: 74),
            Run(recipients: ["user", "held"], arguments: [failing], toFullDevice: true, status: 74),
            Run(recipients: ["user", "held"], arguments: [failing], status: 75),
            Run(recipients: ["held"], arguments: [failing], status: 75),
            Run(recipients: ["user", "held"], hasNoMessage: true, arguments: [failing], status: 75),
            Run(recipients: ["user", "gone", "held"], arguments: [failing], status: 75),
            Run(scheduler: "mailbox", status: 78), Run(hasNoMessage: true, scheduler: "smtp -x -M -Z", status: 78),
            Run(recipients: ["user", "held"], arguments: [failing], scheduler: "smtp -x -M -Z", status: 78),
        ]

        private static let failing = "--fail-map=fqdnroutes=held@virtual.example"
    }

    /// `deliver --route --once` ends as routing would, or worse; what can be delivered is, whatever else the run meets.
    @Test(arguments: Run.all)
    func theStatusIsThatOfRoutingToo(run: Run) throws {
        let site = try StoredSite()
        for user in run.recipients {
            try site.place.write(
                "from <a@example.net>\nto <\(user)@virtual.example>\nenv-end\nSubject: x\n\nbody\n",
                to: "post/router/\(user)")
        }
        if run.hasNoMessage { try site.place.write("frobnicate x\nenv-end\n\nx\n", to: "post/router/frobnicate") }
        var server = ["--lmtp", "UNIX:\(site.socket)"]
        if let command = run.scheduler {
            server = [
                "--scheduler", try site.place.write("smtp-lmtp\n  command=\"\(command)\"\n", to: "scheduler.conf"),
            ]
        }
        let words = [try Programs.zroute.get(), "deliver", "--route", "--once"] + server + run.arguments
        let result = try runCommand(
            "/bin/sh",
            ["-c", "exec \"$@\"" + (run.toFullDevice ? " > /dev/full" : ""), "sh"] + site.site.options(words))
        #expect(result.status == run.status, "\(result.text)\(result.errorText)")
        if run.status >= 65 { #expect(!result.errorText.isEmpty) }
        let postOffice = try PostOffice(path: site.place.file("post"))
        #expect(try !postOffice.submissions().names.contains { run.recipients.contains($0.description) })
        guard run.recipients.contains("user"), run.scheduler == nil else { return }
        let stored = try FileManager.default.subpathsOfDirectory(atPath: site.store)
        #expect(stored.contains { $0.contains("box") && $0.contains("new/") }, "\(stored)")
    }

    /// What is routed is delivered at once, while the rest is routed; nothing is tried a second time by the same run.
    @Test func routedMessagesAreTriedOnce() throws {
        let site = try StoredSite()
        for (index, user) in ["user", "late", "no", "user", "late"].enumerated() {
            try site.place.write(
                "from <a@example.net>\nto <\(user)@virtual.example>\nenv-end\nSubject: \(index)\n\nbody\n",
                to: "post/router/\(index)")
        }
        let result = try site.run("--route", "--once", "--now", "--lmtp", site.socket)
        #expect(result.status == 0, "\(result.errorText)")
        let lines = result.text.split(separator: "\n").map { $0.split(separator: "\t") }
        let results = lines.filter { $0.count > 2 }.map { $0[2] }.sorted()
        #expect(results == ["deferred", "deferred", "delivered", "delivered", "failed"], "\(result.text)")
        let postOffice = try PostOffice(path: site.place.file("post"))
        #expect(try postOffice.messages().names.count == 2)
        // The report about the one that failed.
        #expect(try postOffice.submissions().names.count == 1)
    }
}
