// What stands in the way without being a reason not to deliver, and what must be mended: said with its file, its cause and
// the remedy.

import Configuration
import Delivery
import Foundation
import Glibc
import LMTP
import Service
import Sink
import Spool
import Synchronization
import System
import Testing
import ZRouteTestKit

@Suite struct ObstacleTests {
    /// What a plan reported.
    private final class Reports: Sendable {
        private let texts = Mutex<[String]>([])
        var all: [String] { texts.withLock { $0 } }
        func add(_ text: String) { texts.withLock { $0.append(text) } }
    }

    private static func plan(_ path: String, options: String, _ reports: Reports) throws -> DeliveryPlan {
        DeliveryPlan(
            .single(.unix(path: path), options: options, parameters: SchedulerParameters()),
            settings: try testSettings(), report: { reports.add($0) })
    }

    /// Mail goes out although its dialogues cannot be logged, and that is said once.
    @Test(arguments: ["missing/log", "pipe", "read pipe", "directory", "link", "full"])
    func aLogThatCannotBeWrittenHoldsUpNoMail(kind: String) throws {
        let spool = try DeliverySpool()
        let server = try ScriptedServer(in: spool.place)
        defer { server.stop() }
        var path = spool.place.file(kind.replacing(" ", with: "-"))
        var reader: Int32 = -1
        switch kind {
        case "pipe", "read pipe":
            #expect(mkfifo(path, 0o600) == 0)
            if kind == "read pipe" { reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC) }
        case "directory": try spool.place.makeDirectory(kind)
        case "link": #expect(symlink("/dev/null", path) == 0)
        case "full": path = "/dev/full"
        default: break
        }
        defer { if reader >= 0 { close(reader) } }
        let reports = Reports()
        for user in ["a", "b"] { try spool.add([recipient(user)]) }
        try spool.deliver(Self.plan(server.path, options: "-l \(path)", reports))
        #expect(spool.outcomes == ["a": .delivered, "b": .delivered], "\(spool.attempts)")
        let step = kind == "full" ? "write" : "open"
        let expected = kind == "read pipe" ? [] : ["\(path): \(step): "]
        #expect(reports.all.count == expected.count, "\(reports.all)")
        for (report, words) in zip(reports.all, expected) { #expect(report.hasPrefix(words), "\(report)") }
    }

    @Test(arguments: ["other node", "smtp-lmtp other", "# nothing"])
    func aSecretsFileWithoutALineIsNamed(line: String) throws {
        let spool = try DeliverySpool()
        let server = try ScriptedServer(in: spool.place)
        defer { server.stop() }
        let secrets = try spool.place.write(line.hasPrefix("#") ? line : "\(line) dQ== cA==\n", to: "secrets")
        #expect(chmod(secrets, 0o600) == 0)
        let reports = Reports()
        for user in ["a", "b"] { try spool.add([recipient(user)]) }
        try spool.deliver(Self.plan(server.path, options: "-A \(secrets)", reports))
        #expect(reports.all.count == 1, "\(reports.all)")
        let text = reports.all.first ?? ""
        #expect(text.hasPrefix("\(secrets): no line is for channel 'smtp-lmtp' (or *) and host 'node' or "), "\(text)")
    }

    @Test(arguments: ["tls-CAfile", "tls-CApath", "tls-cert-file", "tls-key-file"])
    func aMissingFileOfTLSIsNamed(setting: String) throws {
        let spool = try DeliverySpool()
        let missing = spool.place.file("none.pem")
        let there = try spool.place.write("", to: "there.pem")
        let certificate = setting == "tls-key-file" ? "tls-cert-file \(there)\n" : ""
        let file = try spool.place.write("# certificates\n\(setting) \(missing)\n\(certificate)", to: "tls")
        try spool.add([recipient("a")])
        try spool.deliver(Self.plan("/none", options: "-S \(file)", Reports()))
        let kept = spool.events.compactMap { if case .kept(_, _, _, let reason, true) = $0 { reason } else { nil } }
        #expect(kept.count == 1 && kept[0].contains("\(file):2: \(setting): \(missing): "), "\(spool.events)")
        #expect(kept.allSatisfy { $0.contains("No such file or directory") })
    }

    /// A mistake with the files of TLS: the lines of the -S file, `$` for the directory of the files.
    struct TLSMistake: Sendable, CustomTestStringConvertible {
        let lines: String
        /// Words of the message, behind the -S file's name.
        let words: [String]
        init(_ lines: String, _ words: String...) { (self.lines, self.words) = (lines, words) }
        var testDescription: String { lines }
    }

    static let mistakesOfTLS = [
        TLSMistake("tls-cert-file $/ca.pem", "tls-cert-file: $/ca.pem: has no private key in PEM", "tls-key-file"),
        TLSMistake("tls-cert-file $/ca.key\ntls-key-file $/ca.key", "tls-cert-file: $/ca.key: has no certificate"),
        TLSMistake("tls-cert-file $/text\ntls-key-file $/ca.key", "tls-cert-file: $/text: has no certificate in PEM"),
        TLSMistake("tls-cert-file $/empty\ntls-key-file $/ca.key", "tls-cert-file: $/empty: has no certificate in PEM"),
        TLSMistake("tls-cert-file $/ca.der\ntls-key-file $/ca.key", "tls-cert-file: $/ca.der: has no certificate"),
        TLSMistake("tls-cert-file $/ca.pem\ntls-key-file $/ca.pem", "tls-key-file: $/ca.pem: has no private key"),
        TLSMistake("tls-cert-file $/ca.pem\ntls-key-file $/text", "tls-key-file: $/text: has no private key in PEM"),
        TLSMistake("tls-cert-file $/ca.pem\ntls-key-file $/empty", "tls-key-file: $/empty: has no private key in PEM"),
        TLSMistake("tls-cert-file $/ca.pem\ntls-key-file $/locked.key", "tls-key-file: $/locked.key", "not encrypted"),
        TLSMistake("tls-cert-file $/ca.pem\ntls-key-file $/other.key", "tls-key-file: $/other.key", "$/ca.pem"),
        TLSMistake("tls-key-file $/ca.key", "tls-key-file: $/ca.key: has no effect without tls-cert-file"),
        TLSMistake("tls-CAfile $/text", "tls-CAfile: $/text: has no certificate in PEM"),
        TLSMistake("tls-CAfile $/empty", "tls-CAfile: $/empty: has no certificate in PEM"),
        TLSMistake("tls-CAfile $/ca.key", "tls-CAfile: $/ca.key: has no certificate in PEM"),
        TLSMistake("tls-CAfile $", "tls-CAfile: $: ", "regular file"),
        TLSMistake("tls-CApath $/ca.pem", "tls-CApath: $/ca.pem: ", "Not a directory"),
        TLSMistake("tls-CApath $", "tls-CApath: $: has no certificate under the name of its hash", "openssl rehash"),
    ]

    /// Mail is kept, and what has to be mended is said with the file, the cause and the remedy.
    @Test func mistakesWithFilesOfTLSAreNamed() throws {
        let authority = try TestAuthority()
        let place = authority.place
        try place.write("no certificate\n", to: "text")
        try place.write("", to: "empty")
        try runCommandSuccessfully(
            "/usr/bin/openssl", ["x509", "-in", place.file("ca.pem"), "-outform", "DER", "-out", place.file("ca.der")])
        try runCommandSuccessfully(
            "/usr/bin/openssl",
            ["pkey", "-in", place.file("ca.key"), "-aes256", "-passout", "pass:x", "-out", place.file("locked.key")])
        for mistake in Self.mistakesOfTLS {
            let spool = try DeliverySpool()
            let file = try spool.place.write(mistake.lines.replacing("$", with: place.path) + "\n", to: "tls")
            try spool.add([recipient("a")])
            try spool.deliver(Self.plan("/none", options: "-S \(file)", Reports()))
            let kept = spool.events.compactMap { if case .kept(_, _, _, let reason, true) = $0 { reason } else { nil } }
            #expect(kept.count == 1, "\(mistake.lines): \(spool.events)")
            let text = kept.first ?? ""
            let setting = mistake.words[0].prefix { $0 != ":" }
            let lines = mistake.lines.split(separator: "\n")
            let line = try #require(lines.firstIndex { $0.hasPrefix("\(setting) ") }) + 1
            #expect(text.contains("\(file):\(line): "), "\(text)")
            for word in mistake.words {
                #expect(text.contains(word.replacing("$", with: place.path)), "\(mistake.lines): \(text)")
            }
            #expect(!text.contains("NIO") && !text.contains("failedTo"), "\(text)")
        }
        print("ObstacleTests: \(Self.mistakesOfTLS.count) mistakes with certificates and keys")
    }

    /// A message that no memory is given for is deferred with the reason and the limit; smaller ones, and those without a
    /// byte to convert, go out.
    @Test(arguments: [(64, true, false), (64, false, true), (63, true, true)])
    func aMessageTooLongToBeConvertedIsSaidToBeThat(mebibytes: Int, hasHighBytes: Bool, isDelivered: Bool) throws {
        let spool = try DeliverySpool(isInMemory: true)
        var script = ServerScript()
        script.keywords = ["PIPELINING"]
        let server = try ScriptedServer(script, in: spool.place)
        defer { server.stop() }
        let line = String(repeating: "x", count: 1023) + "\n"
        let first = hasHighBytes ? "\u{E9}\n" : "e\n"
        try spool.add([recipient("a")], body: first + String(repeating: line, count: mebibytes << 10))
        try spool.deliver(Self.plan(server.path, options: "-T dot=5m,data=5m", Reports()))
        #expect(spool.outcomes == ["a": isDelivered ? .delivered : .deferred], "\(spool.attempts)")
        guard !isDelivered else { return }
        let reply = spool.attempts.last?.reply.description ?? ""
        #expect(reply.contains("too long to be converted to seven bits (limit 67108864)"), "\(reply)")
        #expect(reply.contains("8BITMIME") && !reply.contains("unreadable"), "\(reply)")
    }

    /// A server whose queue of connections is full is busy: it is tried again soon, as long as connecting may take.
    @Test func aFullQueueOfConnectionsIsNoFailure() throws {
        let spool = try DeliverySpool()
        let path = spool.place.file("s")
        let listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        let client = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        defer { close(client) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        func call(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
            withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
        }
        #expect(call { bind(listener, $0, $1) } == 0 && listen(listener, 0) == 0)
        #expect(call { connect(client, $0, $1) } == 0)
        // For ever: deferred when the time for connecting is over.
        try spool.add([recipient("a")])
        let reports = Reports()
        try spool.deliver(Self.plan(path, options: "-T conn=1", reports))
        #expect(spool.outcomes == ["a": .deferred])
        #expect(spool.attempts.last?.reply.description.contains("temporarily unavailable") == true)
        // For a while: delivered.
        let done = Mutex(false)
        let thread = Thread {
            _ = try? spool.deliver(Self.plan(path, options: "", reports))
            done.withLock { $0 = true }
        }
        thread.start()
        #expect(try holds { thread.isExecuting })
        close(listener)
        #expect(unlink(path) == 0)
        let server = try SinkServer(
            at: .unix(path), store: MaildirStore(path: spool.place.file("store"), host: "s"), rules: SinkRules(),
            host: "s")
        defer { server.shutDown() }
        #expect(try holds { done.withLock { $0 } })
        _ = try spool.deliver(Self.plan(path, options: "", reports))
        #expect(spool.outcomes == ["a": .delivered], "\(spool.attempts)")
    }

    @Test func casesAreCounted() {
        print("ObstacleTests: \(Self.unservable.count) configurations of the scheduler")
        #expect(Self.unservable.count > 4)
    }

    static let unservable: [(String, Int32)] = [
        ("smtp-lmtp\n  command=\"smtp -M -Q -F UNIX:/none\"\n", 78),
        ("smtp-lmtp\n  command=\"smtp -M -F UNIX:/none -A /none/secrets\"\n", 78),
        ("smtp-lmtp\n  command=\"smtp -M -F UNIX:/none -S /none/tls\"\n", 78),
        ("local\n  command=\"smtp -M -F UNIX:/none\"\n", 78),
        ("smtp-lmtp\n  queueonly\n  command=\"smtp -M -F UNIX:/none\"\n", 0),
    ]

    /// What cannot be served because of the configuration is said by every run, and is the run's exit status.
    @Test(arguments: unservable)
    func everyRunSaysWhatItCannotServe(scheduler: String, status: Int32) throws {
        let spool = try DeliverySpool([
            "zmailer.conf": "POSTOFFICE=@SITE@/post\nhostname=h.example\n", "scheduler.conf": scheduler,
        ])
        try spool.add([recipient("a")])
        for _ in 0..<3 {
            let result = try spool.site.run(["deliver", "--once", "--scheduler", spool.place.file("scheduler.conf")])
            #expect(result.status == status, "\(result.errorText)")
            #expect(result.errorText.contains("its recipients stay queued"), "\(result.errorText)")
            #expect(result.errorText.ranges(of: "stay queued").count == 1)
        }
    }
}
