// Exit statuses, and what is said with them, where a command cannot do its work: a spool that is none, a socket or a store
// that cannot be made, output that cannot be written.

import Glibc
import Testing
import ZRouteTestKit

@Suite struct ExitStatusTests {
    // MARK: The spool

    static let spoolCommands: [[String]] = [
        ["route-queue", "--once"], ["route-queue", "--watch"], ["deliver", "--once"], ["deliver", "--route", "--once"],
        ["deliver", "--watch"], ["deliver", "--route", "--watch"], ["queue"],
        ["queue", "show", "1"], ["queue", "summary"], ["queue", "hold", "--all"], ["queue", "remove", "--yes", "1"],
        ["deliver", "--from", "a@x.example", "--to", "a@example.org"],
    ]
    static let spools = ["zmailer.conf", "none", "zmailer.conf/post", "none/post", "db"]

    /// Whoever calls `deliver --to` must keep the message: for an MTA 66 is a failure for good.
    @Test(arguments: spoolCommands, spools)
    func aSpoolThatIsNoneIsSaidWithWhatToDo(command: [String], path: String) throws {
        let site = try TestSite(nil)
        let result = try runCommand(
            try Programs.zroute.get(),
            command + ["--config", site.place.file("zmailer.conf"), "--set", "POSTOFFICE=\(site.place.file(path))"])
        #expect(result.status == (command.contains("--to") ? 75 : 66), "\(result.errorText)")
        #expect(result.output.isEmpty)
        let text = result.errorText
        #expect(text.contains("\(site.place.file(path))/router: open: "), "\(text)")
        #expect(text.contains("No such file or directory") || text.contains("Not a directory"), "\(text)")
        #expect(text.contains("router, transport, queue and postman") && text.contains("set POSTOFFICE to"), "\(text)")
    }

    // MARK: The sink

    struct Obstacle: Sendable, CustomTestStringConvertible {
        /// `$` stands for a directory of the test.
        let arguments: [String]
        let status: Int32
        let words: [String]
        init(_ arguments: [String], _ status: Int32, _ words: String...) {
            (self.arguments, self.status, self.words) = (arguments, status, words)
        }
        var testDescription: String { arguments.joined(separator: " ") }
    }

    static let obstacles = [
        Obstacle(["--socket", "$/none/s"], 73, "$/none/s: listen: No such file or directory", "make the directory"),
        Obstacle(["--socket", "$/file/s"], 73, "$/file/s: listen: Not a directory", "make the directory"),
        Obstacle(["--socket", "$/file"], 73, "$/file: listen: File exists", "no socket", "remove it"),
        Obstacle(["--socket", "$/db"], 73, "$/db: listen: File exists", "no socket", "remove it"),
        Obstacle(
            ["--socket", "$/" + String(repeating: "x", count: 120)], 64, "listen: File name too long", "107 bytes"),
        Obstacle(
            ["--socket", "$/s", "--socket-group", "nosuch-group"], 64, "$/s: listen: ",
            "there is no group 'nosuch-group': make it"),
        Obstacle(["--socket", "$/s", "--socket-mode", "0999"], 64, "octal number up to 777"),
        Obstacle(["--listen", "systemd"], 75, "systemd: listen: no such socket was handed over"),
        Obstacle(["--listen", "nosuch.invalid:0"], 75, "nosuch.invalid:0: listen: the name cannot be resolved"),
        Obstacle(["--listen", "192.0.2.1:0"], 75, "192.0.2.1:0: listen: Cannot assign", "an address of this host"),
        Obstacle(["--listen", "127.0.0.1"], 64, "HOST:PORT"), Obstacle(["--listen", "127.0.0.1:x"], 64, "HOST:PORT"),
        Obstacle(["--listen", "127.0.0.1:65536"], 64, "HOST:PORT"), Obstacle([], 64, "--socket PATH or --listen"),
        Obstacle(["--socket", "$/s", "--listen", "127.0.0.1:0"], 64, "--socket PATH or --listen"),
        Obstacle(["--socket", "$/s", "--maildir", "$/file"], 73, "$/file: mkdir: Not a directory", "name a directory"),
        Obstacle(
            ["--socket", "$/s", "--maildir", "$/none/m"], 73, "$/none/m: mkdir: No such file", "make the directory"),
    ]

    @Test(arguments: obstacles)
    func whatKeepsLmtpSinkFromListeningIsSaidWithWhatToDo(obstacle: Obstacle) throws {
        let site = try TestSite(nil)
        try site.place.write("", to: "file")
        var arguments = obstacle.arguments.map { $0.replacing("$", with: site.place.path) }
        if !arguments.contains("--maildir") { arguments += ["--maildir", site.place.file("maildir")] }
        let result = try runCommand(try Programs.zroute.get(), ["lmtp-sink"] + arguments)
        #expect(result.status == obstacle.status, "\(result.errorText)")
        #expect(result.output.isEmpty)
        for word in obstacle.words {
            #expect(result.errorText.contains(word.replacing("$", with: site.place.path)), "\(result.errorText)")
        }
        for name in ["Error.", "errno", "descriptor:", "(error"] { #expect(!result.errorText.contains(name)) }
    }

    // MARK: Output

    static let words: [[String]] = [
        ["--help"], ["--version"], ["help"], [], ["route-test", "--help"], ["help", "deliver"], ["db", "--help"],
        ["help", "db"], ["help", "db", "get"], ["db", "get", "-h"], ["--generate-completion-script", "bash"],
        ["--log", "json", "--version"],
    ]

    @Test(arguments: words, ["> /dev/full", ">&-"])
    func helpThatCannotBeWrittenIsNoSuccess(words: [String], redirection: String) throws {
        let program = try Programs.zroute.get()
        let result = try runCommand("/bin/sh", ["-c", "exec \"$0\" \"$@\" \(redirection)", program] + words)
        #expect(result.status == 74, "\(result.errorText)")
        #expect(result.errorText.contains("standard output: write: "), "\(result.errorText)")
    }

    @Test func casesAreCounted() {
        print(
            "ExitStatusTests: \(Self.spoolCommands.count * Self.spools.count) spools that are none,"
                + " \(Self.obstacles.count) obstacles of the sink, \(Self.words.count * 2) texts that cannot be written"
        )
        #expect(Self.spoolCommands.count * Self.spools.count == 60)
    }
}
