// The program by its names: what it takes, what it refuses, what it leaves.

import Foundation
import Glibc
import Spool
import System
import Testing
import ZRouteTestKit

@Suite struct SubmitCommandTests {
    let site: TestSite
    /// A link to the program, by the name that programs call.
    let sendmail: String

    init() throws {
        site = try TestSite(
            [
                "zmailer.conf": "POSTOFFICE=@SITE@/post\nMAILVAR=@SITE@\nhostname=h.example\nmydomain=d.example\n",
                "dbases.conf": "fqdnroutes text - - @SITE@/routes -\n"
                    + ["aliases", "fqdnaliases", "routesdb", "thishost"].map { "\($0) NONE - - - -\n" }.joined(),
                "routes": "ann@d.example smtp-lmtp!store!ann\n",
            ], spool: "post", isInMemory: true)
        sendmail = site.place.file("sendmail")
        try FileManager.default.createSymbolicLink(atPath: sendmail, withDestinationPath: try Programs.zroute.get())
    }

    private func run(_ arguments: [String], _ input: String = "Subject: x\n\nbody\n") throws -> CommandResult {
        try runCommand(
            sendmail, ["--config", site.place.file("zmailer.conf")] + arguments, input: Array(input.utf8),
            endedAfter: 60)
    }

    private func names(_ directory: String) throws -> [String] { try site.place.names("post/\(directory)") }

    /// The only submission.
    private func submitted() throws -> String {
        let names = try names("router")
        try #require(names.count == 1, "\(names)")
        return String(decoding: try site.place.read("post/router/\(names[0])"), as: UTF8.self)
    }

    /// Lines of programs that call sendmail, with lines that the envelope has to have.
    @Test(
        arguments: [
            ("-f a@b.example c@d.example", ["from <a@b.example>", "to <c@d.example>"]),
            ("-fa@b.example -- -c@d.example", ["from <a@b.example>", "to <-c@d.example>"]),
            ("-ra@b.example c@d.example", ["from <a@b.example>", "to <c@d.example>"]),
            (
                "-FCronDaemon -i -B8BITMIME -oem root",
                [
                    "fullname CronDaemon", "bodytype 8BITMIME", "from <root@d.example>", "to <root>",
                ]
            ),
            ("-FCronDaemon -odi -oem -oi -t -f root c@d.example", ["from <root@d.example>", "to <c@d.example>"]),
            ("-oi -odb -oee -om -v -U -Am c@d.example", ["from <root@d.example>"]),
            ("-i -f <> c@d.example", ["channel error", "to <c@d.example>"]),
            ("-O DeliveryMode=b -OErrorMode=m -L tag -em c@d.example", ["to <c@d.example>"]),
            (
                "-N success,delay -R hdrs -V some+2Bid c@d.example e@f.example",
                [
                    "envid some+2Bid", "notaryret HDRS", "todsn NOTIFY=SUCCESS,DELAY", "to <e@f.example>",
                ]
            ),
            ("-Nnever -Rfull -bm c@d.example", ["notaryret FULL", "todsn NOTIFY=NEVER"]),
            ("-p ESMTP c@d.example", ["with ESMTP"]), ("-ti -fa@b.example c@d.example", ["from <a@b.example>"]),
        ] as [(String, [String])])
    func whatProgramsSayIsTaken(line: String, expected: [String]) throws {
        try #require(getuid() == 0, "the sender is root's: run the tests as root, as make test does")
        let result = try run(line.split(separator: " ").map(String.init))
        #expect(result.status == 0 && result.errorText.isEmpty && result.output.isEmpty, "\(result.errorText)")
        let lines = try submitted().split(separator: "\n").map(String.init)
        for line in expected { #expect(lines.contains(line), "\(line) is not in \(lines)") }
        #expect(lines.contains("loginname root") && lines.contains("rcvdfrom STDIN (root@h.example)"))
        #expect(try names("public").isEmpty)
    }

    @Test(
        arguments: [
            (["-z", "a@b.example"], 64, "'-z' is no option"), (["-bx"], 64, "'-bx' is no option"),
            (["-bd"], 64, "zroute serve"), (["-bi"], 64, "zroute newdb"), (["-bv", "a@b.example"], 64, "route-test"),
            (["-oX", "a@b.example"], 64, "'-oX' is no option"), (["-oQ/tmp", "a@b.example"], 64, "POSTOFFICE"),
            (["-O", "Timeout=1", "a@b.example"], 64, "is no option"), (["-n", "a@b.example"], 64, "'-n' is no option"),
            (["-B", "9BIT", "a@b.example"], 64, "9BIT"), (["-N", "often", "a@b.example"], 64, "often"),
            (["-R", "some", "a@b.example"], 64, "some"), (["-V", "a=b", "a@b.example"], 64, "a=b"),
            (["-f"], 64, "-f needs"),
            (["--frobnicate", "a@b.example"], 64, "--frobnicate"), ([], 65, "no recipient"),
            (["-t"], 65, "no recipient"), (["-f", "a b@c", "a@b.example"], 65, "sender 'a b@c'"),
            (["-f", "|cat", "a@b.example"], 65, "sender '|cat'"),
            (["--set", "POSTOFFICE=/nowhere", "a@b.example"], 75, "/nowhere/router: open: No such file"),
            (["--set", "POSTOFFICE=", "a@b.example"], 78, "POSTOFFICE"),
            (["--config", "/nowhere", "a@b.example"], 78, "/nowhere"),
        ] as [([String], Int32, String)])
    func whatCannotBeTakenIsRefusedAndLeavesNothing(arguments: [String], status: Int32, words: String) throws {
        let result = try run(arguments)
        #expect(result.status == status && result.errorText.contains(words), "\(result.status) \(result.errorText)")
        #expect(try names("router").isEmpty && names("public").isEmpty)
    }

    @Test func aDotEndsTheMessageByTheNameSendmailAlone() throws {
        let message = "Subject: x\n\na\n.\nb\n"
        for (arguments, isWhole) in [(["a@b.example"], false), (["-i", "a@b.example"], true)] {
            #expect(try run(arguments, message).status == 0)
            let text = try submitted()
            #expect(text.hasSuffix(isWhole ? message : "Subject: x\n\na\n"), "\(text)")
            for name in try names("router") { unlink(site.place.file("post/router/\(name)")) }
        }
        #expect(try site.run(["submit", "a@b.example"], input: Array(message.utf8)).status == 0)
        #expect(try submitted().hasSuffix(message))
    }

    @Test func whatAHeaderLacksIsAddedWhenItIsRouted() throws {
        #expect(
            try run(
                ["-F", "Ann \"A\" Example", "-f", "x@y.example", "-t"], "Bcc: ann@d.example\nTo: ann@d.example\n\n"
            ).status == 0)
        #expect(try site.run(["route-queue", "--once"]).status == 0)
        let control = try #require(try names("transport").first)
        let text = String(decoding: try site.place.read("post/transport/\(control)"), as: UTF8.self)
        #expect(text.contains("\nFrom: \"Ann \\\"A\\\" Example\" <x@y.example>\n"), "\(text)")
        #expect(text.contains("\nReceived: from STDIN ("), "\(text)")
        #expect(
            text.contains("\nMessage-Id: <S") && text.contains("\nDate: ") && text.contains("\nTo: ann@d.example\n"))
        #expect(!text.contains("Bcc") && text.contains(" smtp-lmtp store ann "))
    }

    @Test(arguments: [("Zoë Ω", "=?utf-8?B?Wm/DqyDOqQ==?= "), ("Ann Example", "Ann Example "), ("  ", "")])
    func theNameOfASenderIsWrittenAsAHeaderMayHaveIt(name: String, expected: String) throws {
        #expect(try run(["-F", name, "-f", "x@y.example", "ann@d.example"], "\n").status == 0)
        #expect(try site.run(["route-queue", "--once"]).status == 0)
        let control = try #require(try names("transport").first)
        let text = String(decoding: try site.place.read("post/transport/\(control)"), as: UTF8.self)
        #expect(text.contains("\nFrom: \(expected)<x@y.example>\n"), "\(text)")
    }

    @Test func theQueueIsShownAndWokenUp() throws {
        #expect(try run(["-f", "a@b.example", "c@d.example"]).status == 0)
        let list = try run(["-bp"])
        let name = try #require(try names("router").first)
        #expect(list.status == 0 && list.text.contains(name) && list.text.contains("c@d.example"), "\(list.errorText)")
        #expect(try site.run(["route-queue", "--once"]).status == 0)
        for flag in ["-q", "-q30m"] {
            let result = try run([flag])
            #expect(result.status == 0 && result.text.contains(name), "\(result.errorText)")
        }
        #expect(try names("transport").contains(name))
    }

    @Test func smtpIsSpokenOnStandardInputAndOutput() throws {
        let dialogue = "EHLO h\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\nx\r\n.\r\n"
        let result = try run(["-bs"], dialogue + "QUIT\r\n")
        let name = try #require(try names("router").first)
        #expect(result.status == 0 && result.text.contains("submitted as \(name)"), "\(result.text)")
        #expect(try submitted().contains("with SMTP\n"))
        // Without QUIT, and cut off within the next message.
        #expect(try run(["-bs"], dialogue).status == 0)
        let cut = try run(
            ["-bs"], dialogue + "MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\nSubject: x\r\n\r\nhal")
        #expect(cut.status == 65 && cut.errorText.contains("ended within a message"), "\(cut.errorText)")
        #expect(try names("router").count == 3 && names("public").isEmpty)
    }

    @Test(arguments: [SIGINT, SIGTERM, SIGHUP])
    func aSignalLeavesNothingBehind(signal: Int32) throws {
        let fifo = site.place.file("fifo")
        try #require(mkfifo(fifo, 0o600) == 0)
        let command = "exec \"$0\" --config \"$1\" -f a@b.example c@d.example < \"$2\""
        let program = try RunningProgram("/bin/sh", ["-c", command, sendmail, site.place.file("zmailer.conf"), fifo])
        let descriptor = open(fifo, O_WRONLY)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        // More than is held before the file is made.
        let text = Array(("Subject: x\n\n" + String(repeating: "line\n", count: 30_000)).utf8)
        var done = 0
        while done < text.count {
            let count = text[done...].withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            try #require(count > 0)
            done += count
        }
        #expect(try holds { try !names("public").isEmpty })
        program.send(signal)
        #expect(program.wait() == -signal)
        #expect(try names("public").isEmpty && names("router").isEmpty)
    }

    // MARK: Who may

    /// The spool is another's, as that of a service; whoever submits is a third.
    @Test(arguments: [(0o3777, 0), (0o3770, 73), (0o1777, 73)] as [(Int, Int32)])
    func whoeverMayWriteSubmitsWithoutBeingAnybody(mode: Int, status: Int32) throws {
        try #require(getuid() == 0, "other users are needed: run the tests as root, as make test does")
        let owner: UInt32 = 65534, group: UInt32 = 4711, caller = 4712
        for name in ["post", "post/router", "post/public", "post/transport", "post/queue", "post/postman"] {
            #expect(chown(site.place.file(name), owner, group) == 0)
        }
        for name in ["router", "public"] { #expect(chmod(site.place.file("post/\(name)"), mode_t(mode)) == 0) }
        #expect(chmod(site.path, 0o755) == 0)
        func asUser(_ user: UInt32, _ group: UInt32, _ arguments: [String]) throws -> CommandResult {
            try runCommand(
                "/usr/bin/setpriv",
                ["--reuid=\(user)", "--regid=\(group)", "--clear-groups", try Programs.zroute.get()]
                    + site.options(arguments), input: Array("Subject: x\n\nbody\n".utf8))
        }
        let nobody = try asUser(UInt32(caller), UInt32(caller), ["submit", "ann@d.example"])
        #expect(nobody.status == 67 && nobody.errorText.contains("name one by -f"), "\(nobody.errorText)")
        let result = try asUser(UInt32(caller), UInt32(caller), ["submit", "-f", "a@b.example", "ann@d.example"])
        #expect(result.status == status, "\(result.status): \(result.errorText)")
        #expect(try names("public").isEmpty)
        guard status == 0 else {
            #expect(result.errorText.contains("docs/submission.md"), "\(result.errorText)")
            #expect(try names("router").isEmpty)
            return
        }
        let name = try #require(try names("router").first)
        let file = try FileIdentity(path: site.place.file("post/router/\(name)"))
        #expect(file.owner == UInt32(caller) && file.group == group && file.mode & 0o7777 == 0o660)
        #expect(try submitted().contains("identinfo uid=\(caller)\n"))
        // Root's own belongs to root, and the spool's owner routes both.
        #expect(try run(["-f", "a@b.example", "ann@d.example"]).status == 0)
        let routed = try asUser(owner, group, ["route-queue", "--once"])
        #expect(routed.status == 0, "\(routed.errorText) \(routed.text)")
        #expect(try names("router").isEmpty && names("transport").count == 2 && names("queue").count == 2)
    }

    // MARK: Names

    @Test func messagesOfManyProcessesHaveNamesOfTheirOwn() throws {
        let arguments = ["--config", site.place.file("zmailer.conf"), "-f", "a@b.example", "c@d.example"]
        let programs = try (0..<24).map { _ in try RunningProgram(sendmail, arguments) }
        #expect(programs.allSatisfy { $0.wait() == 0 })
        #expect(try Set(names("router")).count == 24 && names("public").isEmpty)
    }

    /// As the installed program, with nothing added to it for the test.
    @Test func aFullDiskIsSaidAndLeavesNothing() throws {
        let post = site.place.file("post")
        guard let disk = try SmallDisk(at: post, kibibytes: 256, for: "SubmitCommandTests") else { return }
        try PostOffice.create(path: post)
        try disk.fill()
        let message = "Subject: x\n\n" + String(repeating: "line\n", count: 100_000)
        let full = try run(["-f", "a@b.example", "c@d.example"], message)
        #expect(full.status == 75 && full.errorText.contains("No space left on device"), "\(full.errorText)")
        let dialogue = "EHLO h\nMAIL FROM:<a@b.example>\nRCPT TO:<c@d.example>\nDATA\n\(message).\nQUIT\n"
        let told = try run(["-bs"], dialogue)
        #expect(told.text.contains("\r\n451 4.3.0 ") && !told.text.contains("submitted as"), "\(told.text)")
        #expect(try names("router").isEmpty && names("public").isEmpty)
        try disk.empty()
        #expect(try run(["-f", "a@b.example", "c@d.example"]).status == 0)
        #expect(try names("router").count == 1)
    }
}
