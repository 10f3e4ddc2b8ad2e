// Sockets that systemd hands over: which are taken, by which name, and what is refused.

import Foundation
import Glibc
import Testing
import ZRouteTestKit

@Suite struct HandedOverTests {
    private static let script =
        URL(fileURLWithPath: #filePath).appendingPathComponent("../../Servers/hand-over.py").standardized.path

    /// A service that was handed sockets.
    private final class Service {
        let place: TemporaryDirectory
        let listener: NotificationListener
        let program: RunningProgram

        /// - Parameter place: holds what the endpoints and arguments name by `$HERE`.
        init(
            _ what: [String], names: String = "-", _ program: String, _ arguments: [String],
            environment: [String: String] = [:]
        ) throws {
            let place = try TemporaryDirectory()
            self.place = place
            listener = try NotificationListener(place.file("notify"))
            let words =
                [HandedOverTests.script, names] + what + ["--", try Programs.path(program)] + arguments
            self.program = try RunningProgram(
                "/usr/bin/python3", words.map { $0.replacing("$HERE", with: place.path) },
                environment: ["NOTIFY_SOCKET": listener.path].merging(environment) { $1 })
        }

        convenience init(
            _ what: [String], names: String = "-", endpoints: [String], environment: [String: String] = [:]
        ) throws {
            try self.init(
                what, names: names, "ServiceRunner", ["$HERE", "600000"] + endpoints, environment: environment)
        }
    }

    struct Taking: Sendable, CustomTestStringConvertible {
        let what: [String]
        var names = "-"
        let endpoints: [String]
        /// The lines that it says; `$HERE` is the directory.
        let taken: [String]
        var testDescription: String { "\(what) \(names) \(endpoints)" }
    }

    static let takings = [
        Taking(what: ["unix:$HERE/s"], endpoints: ["systemd"], taken: ["listens 3 $HERE/s"]),
        Taking(
            what: ["unix:$HERE/a", "unix:$HERE/b"], endpoints: ["systemd"],
            taken: ["listens 3 $HERE/a", "listens 4 $HERE/b"]),
        Taking(
            what: ["unix:$HERE/a", "unix:$HERE/b"], names: "one:two", endpoints: ["systemd:two", "systemd:one"],
            taken: ["listens 4 $HERE/b", "listens 3 $HERE/a"]),
        Taking(
            what: ["unix:$HERE/a", "unix:$HERE/b", "unix:$HERE/c"], names: "x:y:x",
            endpoints: ["systemd:x", "systemd"],
            taken: ["listens 3 $HERE/a", "listens 5 $HERE/c", "listens 4 $HERE/b"]),
        // Without a name it has systemd's for that.
        Taking(
            what: ["unix:$HERE/a", "unix:$HERE/b"], names: "one", endpoints: ["systemd:one", "systemd:unknown"],
            taken: ["listens 3 $HERE/a", "listens 4 $HERE/b"]),
        // What an endpoint names and systemd has opened is not made again.
        Taking(what: ["unix:$HERE/s"], endpoints: ["unix:$HERE/s"], taken: ["listens 3 $HERE/s"]),
    ]

    @Test(arguments: takings)
    func theyAreTakenByName(taking: Taking) throws {
        let service = try Service(taking.what, names: taking.names, endpoints: taking.endpoints)
        #expect(try service.listener.next()?.hasPrefix("READY=1") == true, "\(service.program.errors)")
        let lines = service.program.output.split(separator: "\n").map(String.init)
        #expect(lines == taking.taken.map { $0.replacing("$HERE", with: service.place.path) })
        // Closed by exec, and not waiting.
        for line in lines {
            let number = try #require(line.split(separator: " ").dropFirst().first)
            let path = "/proc/\(service.program.identifier)/fdinfo/\(number)"
            let info = String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
            let flags = info.split(separator: "\n").first { $0.hasPrefix("flags:") }?.split(separator: "\t").last
            let value = try #require(flags.flatMap { Int32($0, radix: 8) })
            #expect(value & O_CLOEXEC != 0 && value & O_NONBLOCK != 0)
        }
        try service.place.write("", to: "drained")
        service.program.send(SIGTERM)
        #expect(service.program.wait() == 0)
        // The files are systemd's.
        for line in lines {
            let path = try #require(line.split(separator: " ").last.map(String.init))
            #expect(FileManager.default.fileExists(atPath: path))
        }
    }

    struct Refusal: Sendable, CustomTestStringConvertible {
        let what: [String]
        var names = "-"
        var endpoints = ["systemd"]
        var environment: [String: String] = [:]
        let reason: String
        var testDescription: String { reason }
    }

    static let refusals = [
        Refusal(what: ["datagram:$HERE/s"], reason: "systemd:unknown (descriptor 3): listen: it is no stream socket"),
        Refusal(what: ["bound:$HERE/s"], reason: "it does not listen; use ListenStream="),
        Refusal(what: ["file:$HERE/f"], reason: "it is no socket; name sockets alone"),
        Refusal(what: ["unix:$HERE/s", "closed"], reason: "(descriptor 4): listen: it is no"),
        Refusal(what: [], reason: "systemd: listen: no such socket was handed over; start it by a socket unit"),
        Refusal(
            what: ["unix:$HERE/s"], names: "other", endpoints: ["systemd:lmtp"],
            reason: "systemd:lmtp: listen: no such socket was handed over, only other; start it by a socket unit with"
                + " FileDescriptorName=lmtp"),
        Refusal(
            what: ["unix:$HERE/a", "unix:$HERE/b"], names: "x:y", endpoints: ["systemd:x"],
            reason: "it was handed over and no option names it; add --listen systemd:y"),
        Refusal(
            what: ["unix:$HERE/s"], environment: ["COUNT": "many"], reason: "LISTEN_FDS: listen: 'many' is no number"),
        Refusal(what: ["unix:$HERE/s"], environment: ["COUNT": "-1"], reason: "'-1' is no number of sockets"),
        // They are another process's.
        Refusal(what: ["unix:$HERE/s"], environment: ["PROCESS": "1"], reason: "no such socket was handed over;"),
    ]

    @Test(arguments: refusals)
    func whatCannotBeServedIsRefused(refusal: Refusal) throws {
        let service = try Service(
            refusal.what, names: refusal.names, endpoints: refusal.endpoints, environment: refusal.environment)
        #expect(service.program.wait() == 75)
        #expect(service.program.errors.contains(refusal.reason), "\(service.program.errors)")
    }

    /// The sink serves what it is handed, with an option that names it and without any.
    @Test(
        arguments: [
            (["unix:$HERE/s"], "lmtp", ["--listen", "systemd:lmtp"]), (["unix:$HERE/s"], "-", []),
            (["unix:$HERE/s"], "-", ["--socket", "$HERE/s"]), (["tcp:127.0.0.1:0"], "-", ["--listen", "systemd"]),
        ] as [([String], String, [String])])
    func theSinkServesThem(what: [String], names: String, options: [String]) throws {
        let service = try Service(
            what, names: names, "zroute", ["lmtp-sink", "--maildir", "$HERE/store"] + options)
        #expect(try service.listener.next()?.hasPrefix("READY=1") == true, "\(service.program.errors)")
        #expect(try holds { service.program.output.hasSuffix("\n") })
        let place = try #require(service.program.output.split(whereSeparator: \.isWhitespace).last.map(String.init))
        let site = try TestSite([
            "zmailer.conf": "MAILVAR=@SITE@\nhostname=h.example\n",
            "db/dbases.conf": "fqdnroutes text - -l $MAILVAR/db/fqdnroutes -lm%:\n",
            "db/fqdnroutes": "box@example.org smtp-lmtp!node!box@example.org\n",
        ])
        let result = try site.run(
            [
                "deliver", "--lmtp", place.hasPrefix("/") ? "UNIX:\(place)" : "127.0.0.1:\(place)", "--from",
                "a@example.org", "--to", "box@example.org",
            ], input: Array("Subject: x\n\nbody\n".utf8))
        #expect(result.status == 0, "\(result.errorText) \(service.program.errors)")
        service.program.send(SIGTERM)
        #expect(service.program.wait() == 0)
        let new = service.place.file("store/box@example.org/new")
        #expect(try FileManager.default.contentsOfDirectory(atPath: new).count == 1)
        #expect(place.hasPrefix("/") == FileManager.default.fileExists(atPath: service.place.file("s")))
    }
}
