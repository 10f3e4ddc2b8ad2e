// The lines of the log: when they carry a time, and that with `--log json` every one of them is an object.

import Foundation
import Testing
import ZRouteTestKit

@Suite struct LogTests {
    private static func isTimed(_ line: Substring) -> Bool {
        line.firstMatch(of: #/^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z /#) != nil
    }

    private static func submit(_ site: TestSite, to recipient: String = "alice@example.org") throws {
        try site.submit("from <a@b.example>\nto <\(recipient)>\nenv-end\n\nx\n")
    }

    private static func lines(_ bytes: [UInt8]) -> [Substring] { text(bytes).split(separator: "\n") }

    private static func objects(_ bytes: [UInt8]) throws -> [[String: Any]] {
        try lines(bytes).map { line in
            try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any], "\(line)")
        }
    }

    /// What a site is asked for, and which of its outputs is a log with a time.
    @Test(arguments: [
        (["route-queue", "--fail-map", "fqdnroutes"], true, true),
        (["deliver", "--once", "--lmtp", "UNIX:/none"], false, true),
        (["route-test", "--fail-map", "fqdnroutes", "alice@example.org"], false, false),
        (["queue", "--set", "POSTOFFICE=/none"], false, false), (["newdb", "none"], false, false),
        (["route-queue", "--set", "POSTOFFICE=/none"], true, true),
    ])
    func linesThatAreReadLaterCarryTheTime(arguments: [String], output: Bool, errors: Bool) throws {
        let site = try TestSite()
        try Self.submit(site)
        func run(_ prefix: String) throws -> CommandResult {
            let words = ([try Programs.path("zroute")] + arguments + ["--config", "\(site.path)/zmailer.conf"])
                .map { "'\($0)'" }.joined(separator: " ")
            return try runCommand("/bin/sh", ["-c", "\(prefix) exec \(words)"])
        }
        let result = try run("")
        for (bytes, isTimed) in [(result.output, output), (result.errors, errors)] {
            for line in Self.lines(bytes) {
                #expect(Self.isTimed(line) == isTimed, "\(line)")
            }
        }
        // The journal knows the time of each line, and only what it reads goes without.
        try Self.submit(site)
        let journal = try run("JOURNAL_STREAM=$(stat -L -c %d:%i /dev/stderr); export JOURNAL_STREAM;")
        #expect(Self.lines(journal.errors).allSatisfy { !Self.isTimed($0) })
        #expect(Self.lines(journal.errors).allSatisfy { $0.hasPrefix("zroute: ") })
        if output { #expect(Self.lines(journal.output).allSatisfy { Self.isTimed($0) }) }
    }

    @Test(
        arguments: [
            (["route-queue", "--fail-map", "fqdnroutes"], 75), (["route-queue", "--set", "POSTOFFICE=/none"], 66),
            (["deliver", "--once"], 78),
            (["deliver", "--once", "--lmtp", "UNIX:/none", "--set", "POSTOFFICE=/none"], 66),
            (["deliver", "--watch", "--lmtp", "nonsense"], 64), (["deliver", "--once", "--scheduler", "/none"], 78),
            (["route-test", "--fail-map", "fqdnroutes", "alice@example.org"], 75), (["route-test", "--nonsense"], 64),
            (["route-test", "--dbases", "/none", "x@y"], 78), (["queue", "--set", "expansiondepth=many"], 78),
            (["queue", "--set", "POSTOFFICE=/none"], 66), (["newdb", "none"], 78),
            (["db", "get", "none", "key"], 78), (["db", "get", "--no-env", "/none/map", "key"], 75),
        ] as [([String], Int32)])
    func everyDiagnosticIsAnObject(arguments: [String], status: Int32) throws {
        let site = try TestSite()
        try Self.submit(site)
        let result = try runCommand(
            try Programs.path("zroute"), arguments + ["--log", "json", "--config", "\(site.path)/zmailer.conf"])
        #expect(result.status == status, "\(result.errorText)")
        let objects = try Self.objects(result.errors)
        #expect(!objects.isEmpty)
        for object in objects {
            #expect(object["event"] as? String == "diagnostic" && (object["time"] as? String)?.hasSuffix("Z") == true)
            #expect(["error", "warning", "notice"].contains(object["severity"] as? String ?? ""))
            #expect((object["text"] as? String)?.isEmpty == false)
        }
    }

    @Test func aDiagnosticNamesFileAndLine() throws {
        let site = try TestSite()
        try site.write("POSTOFFICE=\(site.spool)\nMAILVAR=\(site.path)\nexpansiondepth=many\n", to: "zmailer.conf")
        let result = try runCommand(
            try Programs.path("zroute"), ["queue", "--log", "json", "--config", "\(site.path)/zmailer.conf"])
        let object = try #require(try Self.objects(result.errors).first)
        #expect(object["file"] as? String == "\(site.path)/zmailer.conf" && object["line"] as? Int == 3)
    }

    /// Answers that cannot be written are an error of every command that has some.
    @Test(arguments: [
        "route-queue", "queue", "queue --format json", "deliver --once --lmtp UNIX:/none", "route-test a@b",
    ])
    func answersThatCannotBeWrittenAreAnError(command: String) throws {
        let site = try TestSite()
        try Self.submit(site)
        if command.hasPrefix("deliver") {
            let routed = try runCommand(
                try Programs.path("zroute"), ["route-queue", "--config", "\(site.path)/zmailer.conf"])
            #expect(routed.status == 0)
        }
        let zroute = try Programs.path("zroute")
        let result = try runCommand(
            "/bin/sh", ["-c", "exec '\(zroute)' \(command) --config '\(site.path)/zmailer.conf' > /dev/full"])
        #expect(result.status == 74 && result.errorText.contains("No space left"), "\(result.errorText)")
    }

    /// A limit on the size of files is an error that a command reports, not its death.
    @Test(arguments: ["route-queue", "deliver --once --lmtp UNIX:/none", "newdb", "makedb btree out db/aliases"])
    func aLimitOnFilesKillsNothing(command: String) throws {
        let site = try TestSite()
        try Self.submit(site)
        let config = command.hasPrefix("makedb") ? "" : "--config '\(site.path)/zmailer.conf'"
        let zroute = try Programs.path("zroute")
        // Into a pipe, where nothing can be too long, and into a file, where everything is.
        let piped = try runCommand(
            "/bin/sh",
            [
                "-c",
                "cd '\(site.path)' && ulimit -f 0 && said=$('\(zroute)' \(command) \(config) 2>&1; echo \"status $?\")"
                    + " && exit ${said##*status }",
            ])
        #expect(piped.status >= 0 && piped.status < 126, "ended by a signal: \(piped.status)")
        let status = try runCommand(
            "/bin/sh",
            ["-c", "cd '\(site.path)' && ulimit -f 0 && exec '\(zroute)' \(command) \(config) > /dev/null 2>&1"])
        #expect(status.status >= 0 && status.status < 126, "ended by a signal: \(status.status)")
    }

    /// Routing and delivery say of a recipient the same, under the same names, as text and as JSON.
    @Test func routingAndDeliveryHaveOneForm() throws {
        let site = try TestSite()
        try Self.submit(site)
        let config = ["--config", "\(site.path)/zmailer.conf"]
        let zroute = try Programs.path("zroute")
        let routed = try runCommand(zroute, ["route-queue", "--log", "json"] + config)
        let deferred = try runCommand(
            zroute, ["deliver", "--once", "--lmtp", "UNIX:/none", "--log", "json"] + config)
        let events = try Self.objects(routed.output + deferred.output)
        #expect(events.map { $0["event"] as? String } == ["routed", "deferred"])
        for name in ["time", "message", "sender", "recipient", "channel", "host", "user", "size"] {
            #expect(events.allSatisfy { $0[name] != nil }, "\(name): \(events)")
        }
        for name in ["message", "sender", "channel", "host", "user"] {
            #expect(events[0][name] as? String == events[1][name] as? String, "\(name)")
        }
        #expect(events[0]["size"] as? Int == events[1]["size"] as? Int)
        // A pass's results are columns, of which scripts take some by their numbers.
        let again = try runCommand(zroute, ["deliver", "--once", "--now", "--lmtp", "UNIX:/none"] + config)
        let columns = text(again.output).dropLast().split(separator: "\t")
        #expect(columns.count == 8 && columns[1] == "smtp-lmtp!cyrus-node!cyrus-alice" && columns[2] == "deferred")
        #expect(columns[3] == "UNIX:/none" && columns[4].hasPrefix("451 4.4.1 ") && columns[5] == "<a@b.example>")
    }
}
