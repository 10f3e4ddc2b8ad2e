// `zroute queue` as people and scripts meet it: what it shows, what it changes, what it says, and its exit statuses.

import Foundation
import Glibc
import QueueRouting
import Spool
import Testing
import ZRouteTestKit

@Suite struct QueueCommandTests {
    private let site: TestSite

    /// A site with a message for two recipients, one of them held; one from another sender; one not routed; one in postman.
    init() throws {
        site = try TestSite()
        try site.submit(
            "from <a@b.example>\nto <m00@example.org>\nto <m01@example.org>\nenv-end\nSubject: \u{1}s\n\nbody\n",
            as: "1")
        try site.route(failing: "m00@example.org")
        try site.submit("channel error\nto <m02@example.org>\nenv-end\n\nx\n", as: "2")
        try site.submit("frobnicate x\nenv-end\n\nx\n", as: "3")
        try site.route(failing: "m00@example.org", retry: .init())
        try site.submit("from <c@d.example>\nto <m03@example.org>\nenv-end\nSubject: new\n\nx\n", as: "4")
    }

    private func run(_ arguments: String..., input: [UInt8] = []) throws -> CommandResult {
        try site.run(["queue"] + arguments, input: input)
    }

    private func objects(_ arguments: String...) throws -> [[String: Any]] {
        let result = try site.run(["queue"] + arguments + ["--format", "json"])
        return try result.text.split(separator: "\n").map {
            try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
        }
    }

    /// The name of the message that has a recipient of this user.
    private func name(of user: String) throws -> String {
        for name in try site.names("transport") {
            let control = try ControlFile(parsing: try site.read("transport/\(name)"))
            if control.recipients.contains(where: { text($0.address.user).contains(user) }) {
                return name.hasPrefix(".hold-") ? String(name.dropFirst(6)) : name
            }
        }
        throw CommandFailure("no message for \(user)")
    }

    // MARK: Looking

    static let filters: [([String], Set<String>)] = [
        ([], ["m00", "m01", "m02", "m03", "rejected"]), (["--channel", "hold"], ["m00"]),
        (["--channel", "SMTP-*"], ["m01", "m02"]), (["--host", "cyrus-node"], ["m01", "m02"]),
        (["--sender", "*@b.example"], ["m00", "m01"]), (["--sender", "<>"], ["m02"]),
        (["--recipient", "m0[13]@*"], []), (["--recipient", "m0{1,3}@example.org"], ["m01", "m03"]),
        (["--recipient", "cyrus-m01"], ["m01"]), (["--state", "submitted"], ["m03"]), (["--state", "held"], ["m00"]),
        (["--state", "routed", "--state", "rejected"], ["m01", "m02", "rejected"]),
        (["--state", "routed", "--sender", "<>"], ["m02"]), (["--reason", "not tried*"], ["m00", "m01", "m02"]),
        (["--older-than", "1h"], []), (["--younger-than", "1h"], ["m00", "m01", "m02", "m03", "rejected"]),
    ]

    @Test(arguments: filters) func choosesAPartOfTheQueue(options: [String], expected: Set<String>) throws {
        let found = try site.run(["queue"] + options + ["--format", "json"])
        #expect(found.status == 0, "\(found.errorText)")
        var users: Set<String> = []
        for line in found.text.split(separator: "\n") {
            for user in ["m00", "m01", "m02", "m03", "\"rejected\""] where line.contains(user) {
                users.insert(user.filter { $0 != "\"" })
            }
        }
        #expect(users == expected)
    }

    @Test(arguments: [
        (["--sort", "sender"], ["<>", "a@b.example", "c@d.example"]),
        (["--sort", "sender", "--reverse"], ["c@d.example", "a@b.example", "<>"]),
        (["--sort", "recipients", "--state", "routed", "--state", "held"], ["a@b.example", "<>"]),
    ])
    func sortsMessages(options: [String], senders: [String]) throws {
        let lines = try site.run(["queue"] + options).text.split(separator: "\n")
        let found = lines.filter { $0.contains("  from <") }.compactMap { $0.split(separator: "<").last?.dropLast() }
        #expect(found.map { $0.isEmpty ? "<>" : String($0) } == senders)
    }

    @Test func showsAMessage() throws {
        let name = try name(of: "m01")
        let shown = try run("show", name)
        #expect(shown.status == 0, "\(shown.errorText)")
        for line in [
            "\(name)  routed  ", "  from <a@b.example>\n",
            "    held: hold!IO:error!m00@example.org  for <m00@example.org>\n",
            "        next attempt: in ", "    routed: smtp-lmtp!cyrus-node!cyrus-m01  for <m01@example.org>\n",
            "        next attempt: due now\n", "header:\n", "    Subject: \\x01s\n",
        ] { #expect(shown.text.contains(line), "\(line) in \(shown.text)") }
        #expect(!shown.text.contains("body"))
        #expect(try run("show", name, "--body").text.hasSuffix("body:\nbody\n"))
        let object = try #require(try objects("show", name, "--body").first)
        #expect(object["state"] as? String == "routed" && object["body"] as? String == "body\n")
        let recipients = try #require(object["recipients"] as? [[String: Any]])
        #expect(recipients.map { $0["state"] as? String } == ["held", "routed"])
        #expect(recipients.map { $0["address"] as? String } == ["m00@example.org", "m01@example.org"])
    }

    @Test func showsWhatIsNotRouted() throws {
        let submitted = try run("show", "router/4", "--body")
        #expect(
            submitted.text.contains("  from <c@d.example>\n") && submitted.text.contains("submitted: <m03@example.org>")
        )
        #expect(
            submitted.text.contains("    Subject: new\n") && submitted.text.hasSuffix("body:\nx\n"), "\(submitted.text)"
        )
        let name = try #require(try site.names("postman").first)
        let aside = try run("show", name)
        #expect(
            aside.text.contains("    rejected: line 1: unknown envelope line")
                && aside.text.contains("    frobnicate x\n"))
        #expect(symlink(site.place.file("zmailer.conf"), "\(site.spool)/router/5") == 0)
        #expect(mkfifo("\(site.spool)/router/6", 0o600) == 0)
        for name in ["5", "6"] {
            let refused = try run("show", name, "--body")
            #expect(refused.status == 65 && refused.output.isEmpty && refused.errorText.contains("remove it"))
        }
        let missing = try run("show", "4711")
        #expect(missing.status == 66 && missing.errorText.contains("message 4711: there is no such message"))
        #expect(try run("show", "a/b").status == 64)
    }

    @Test func countsByChannelHostAndReason() throws {
        let text = try run("summary").text
        let rows = text.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
        #expect(rows.first?.prefix(4) == ["total", "oldest", "5", "10"] && rows.first?.last == "channel")
        for (name, total) in [("smtp-lmtp", "2"), ("hold", "1"), ("smtp-lmtp!cyrus-node", "2"), ("all", "4")] {
            let row = rows.first { $0.last == name }
            #expect(row?.first == total && row?[2] == total, "\(name): \(text)")
        }
        #expect(text.contains("  not routed yet\n") && text.contains("  not tried yet\n"))
        let objects = try objects("summary", "--by", "host", "--channel", "smtp*")
        #expect(objects.count == 1 && objects[0]["name"] as? String == "smtp-lmtp!cyrus-node")
        #expect(objects[0]["total"] as? Int == 2 && (objects[0]["ages"] as? [[String: Any]])?.count == 10)
        #expect(try run("summary", "--limit", "1", "--by", "reason").text.hasSuffix("and 1 more; --limit shows them\n"))
    }

    // MARK: Changing

    @Test func holdsAndReleases() throws {
        let name = try name(of: "m02")
        #expect(try run("hold", name).text == "\(name): on hold\n")
        #expect(try run("hold", name).text == "\(name): on hold: it was already\n")
        #expect(try objects("list", "--state", "on-hold").map { $0["message"] as? String } == [name])
        #expect(try run("list").text.contains("    on hold: smtp-lmtp!cyrus-node!cyrus-m02\n"))
        #expect(try run("show", name).text.hasPrefix("\(name)  on hold  "))
        for command in ["retry", "reroute"] {
            let refused = try run(command, name)
            #expect(refused.status == 65 && refused.errorText.contains("'queue release' releases it"))
        }
        let event = try objects("release", name)
        #expect(event.first?["event"] as? String == "released" && event.first?["message"] as? String == name)
        #expect(try run("release", "--all").status == 0)
        #expect(try objects("list", "--state", "on-hold").isEmpty)
    }

    @Test func chosenMessagesAreHeld() throws {
        let held = try run("hold", "--sender", "*@b.example")
        #expect(held.status == 0 && held.text.split(separator: "\n").count == 1, "one line for a message: \(held.text)")
        #expect(try objects("list", "--state", "on-hold").count == 2, "all of its recipients")
        let nothing = try run("hold", "--sender", "nobody@*")
        #expect(nothing.status == 0 && nothing.errorText.contains("nothing that waits is meant"))
    }

    @Test func removesFromEveryPlace() throws {
        let aside = try #require(try site.names("postman").first)
        let onHold = try name(of: "m02")
        #expect(try run("hold", onHold).status == 0)
        let names = [try name(of: "m01"), onHold, "4", aside]
        let result = try site.run(["queue", "remove", "--yes"] + names)
        #expect(result.status == 0, "\(result.errorText)")
        #expect(result.text.split(separator: "\n").map { $0.split(separator: ":")[0] } == names.map { $0[...] })
        #expect(result.text.contains("\(names[0]): removed recipients=2\n"))
        for directory in ["router", "transport", "queue", "postman"] { #expect(try site.names(directory).isEmpty) }
    }

    @Test func whatIsRemovedIsAskedForWhereSomebodyCanBeAsked() throws {
        let refused = try run("remove", "--all")
        #expect(refused.status == 64 && refused.errorText.contains("say --yes"))
        #expect(try run("hold").status == 64 && run("hold", "--all", "4").status == 64)
        #expect(try site.names("transport").count == 2)
    }

    @Test func submitsAgainWhatWasMended() throws {
        let name = try #require(try site.names("postman").first)
        try site.put("from <a@b.example>\nto <m04@example.org>\nenv-end\n\nx\n", at: "postoffice/postman/\(name)")
        #expect(try run("resubmit", "--all").text == "\(name): resubmitted as=router/\(name)\n")
        #expect(try site.names("postman").isEmpty)
        #expect(try site.run(["route-queue"]).status == 0)
        #expect(try site.pending().contains("smtp-lmtp!cyrus-node!cyrus-m04"))
        try site.put("From: x\n\na report\n", at: "postoffice/postman/17.report")
        let report = try run("resubmit", "17.report")
        #expect(report.status == 65 && report.errorText.contains("it is a report"))
    }

    @Test func retriesNow() throws {
        let name = try name(of: "m01")
        let result = try run("retry", name)
        #expect(result.status == 0, "\(result.errorText)")
        #expect(
            result.text.hasPrefix("\(name): retry recipients=2: held recipients were routed, as message \(name)-h"),
            "\(result.text)")
        #expect(result.text.hasSuffix(": whoever delivers is asked to try 1 now\n"), "\(result.text)")
        #expect(try site.pending().contains("smtp-lmtp!cyrus-node!cyrus-m00"))
        #expect(try site.names("transport").contains(".retry-\(name)"))
        let failing = try run("retry", "--all", "--fail-map", "fqdnroutes=*")
        #expect(failing.status == 0 && failing.text.split(separator: "\n").count == 3, "\(failing.text)")
    }

    @Test func routesAnewAfterAMapWasMended() throws {
        let name = try name(of: "m02")
        let map = String(decoding: try site.place.read("db/fqdnroutes"), as: UTF8.self)
        try site.write(map.replacing("cyrus-node!cyrus-m02", with: "moved!cyrus-m02"), to: "db/fqdnroutes")
        let result = try run("reroute", "--all")
        #expect(result.status == 0, "\(result.errorText)")
        #expect(result.text.contains("\(name): rerouted recipients=1 unchanged=0 kept=0: into message \(name)-h"))
        #expect(try site.pending().contains("smtp-lmtp!moved!cyrus-m02"))
        #expect(try !site.pending().contains("smtp-lmtp!cyrus-node!cyrus-m02"))
    }

    @Test func returnsToTheSender() throws {
        let name = try name(of: "m01")
        let result = try run("bounce", name, "--because", "the project has ended")
        #expect(result.status == 0, "\(result.errorText)")
        #expect(result.text.hasPrefix("\(name): bounced recipients=2: reported as router/"), "\(result.text)")
        #expect(try !site.names("transport").contains(name) && !site.names("queue").contains(name))
        let report = try #require(try site.names("router").first { $0 != "4" })
        let words = try site.contents("router/\(report)")
        #expect(words.contains("to <a@b.example>") && words.contains("the project has ended"))
        #expect(
            words.contains("<m00@example.org>: not delivered") && words.contains("<m01@example.org>: not delivered"))
        let null = try run("bounce", "--sender", "<>")
        #expect(null.text.contains("nobody may be told; the report is \(site.spool)/postman/"), "\(null.text)")
        let submitted = try run("bounce", "4")
        #expect(submitted.status == 65 && submitted.errorText.contains("not routed yet"))
    }

    // MARK: Who may, and when

    @Test func whatSomebodyWorksOnIsRefusedByHisName() throws {
        let name = try name(of: "m02")
        guard case .opened(let message) = try site.postOffice.open(try #require(MessageName(name))) else {
            Issue.record("not opened")
            return
        }
        for command in [["hold"], ["bounce"], ["remove", "--yes"], ["reroute"]] {
            let busy = try site.run(["queue"] + command + [name, "--wait", "0s"])
            #expect(busy.status == 75 && busy.output.isEmpty)
            #expect(busy.errorText.contains("process \(getpid()) ("), "\(busy.errorText)")
        }
        _ = consume message
        #expect(try run("hold", name).status == 0)
    }

    @Test(.timeLimit(.minutes(2))) func whoeverInterruptsWaitsForNobody() throws {
        let name = try name(of: "m02")
        guard case .opened(let message) = try site.postOffice.open(try #require(MessageName(name))) else {
            Issue.record("not opened")
            return
        }
        let program = try site.start(["queue", "reroute", name, "--wait", "1h"])
        let isHeldBack = try holds {
            let status = try String(contentsOfFile: "/proc/\(program.identifier)/status", encoding: .utf8)
            let mask = status.split(separator: "\n").first { $0.hasPrefix("SigBlk:") }?.split(separator: "\t").last
            return mask.flatMap { UInt64($0, radix: 16) }.map { $0 & (1 << (UInt64(SIGINT) - 1)) != 0 } ?? false
        }
        #expect(isHeldBack)
        program.send(SIGINT)
        #expect(program.wait() == -SIGINT)
        _ = consume message
    }

    @Test func aBodyIsShownWhole() throws {
        let body = String(repeating: "x", count: 200_000) + "\u{1b}[2J\n"
        try site.submit("from <a@b.example>\nto <m05@example.org>\nenv-end\n\n\(body)", as: "5")
        #expect(try run("show", "5", "--body").text.hasSuffix("\nbody:\n\(body)"))
        #expect(try objects("show", "5", "--body").first?["body"] as? String == body)
        try site.put("\u{1b}[2J \u{9b}2J\n", at: "postoffice/postman/6")
        #expect(try run("show", "6").text.contains("    \\x1b[2J \\xc2\\x9b2J\n"))
    }

    @Test func theEnvelopeIsShown() throws {
        try site.submit(
            "from <a@b.example>\nenvid QQ1\nnotaryret HDRS\ntodsn NOTIFY=NEVER\nto <m05@example.org>\nenv-end\n\nx\n",
            as: "5")
        let submitted = try run("show", "5").text
        try site.route(failing: "m00@example.org", retry: .init())
        let routed = try run("show", try name(of: "m05")).text
        for shown in [submitted, routed] {
            for line in ["    envelope identifier: QQ1\n", "    returned: HDRS\n", "        NOTIFY=NEVER\n"] {
                #expect(shown.contains(line), "\(line) in \(shown)")
            }
        }
    }

    @Test func aNameThatStandsForTwoIsToBeSaidWhole() throws {
        let name = try name(of: "m02")
        try site.put("from <a@b.example>\nto <m04@example.org>\nenv-end\n\nx\n", at: "postoffice/postman/\(name)")
        let two = try run("show", name)
        #expect(two.status == 66 && two.errorText.contains("transport/\(name) and postman/\(name); say which"))
        #expect(try run("show", "postman/\(name)").text.contains("m04@example.org"))
        #expect(try run("remove", "--yes", name).status == 66)
        try site.put("channel error\nto <m05@example.org>\nenv-end\n\nx\n", at: "postoffice/router/\(name)")
        let list = try run("list", "--sender", "<>").text.split(separator: "\n")
        #expect(list.count { $0.hasPrefix("\(name)  ") } == 2, "\(list)")
        #expect(try run("hold", name).status == 0, "only one of them can be held")
        #expect(try run("resubmit", name).status == 0, "only one of them can be submitted")
    }

    @Test func onlyTheOwnerOfTheSpoolChangesIt() throws {
        try #require(getuid() == 0, "another user is needed: run the tests as root, as make test does")
        for directory in ["router", "transport", "queue", "postman", ""] {
            chmod("\(site.spool)/\(directory)", 0o777)
        }
        for path in [site.path, site.place.file("db")] { chmod(path, 0o755) }
        let program = try Programs.zroute.get()
        let other = try runCommand(
            "/usr/bin/setpriv",
            ["--reuid=65534", "--regid=65534", "--clear-groups", program]
                + site.options(["queue", "hold", "--all"]))
        #expect(
            other.status == 77 && other.errorText.contains("only the spool's owner may do this"), "\(other.errorText)")
        #expect(try site.postOffice.messages().onHold.isEmpty)
    }
}
