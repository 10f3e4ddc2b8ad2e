// The sink: deliveries end to end, refusals, and names that must not lead out of the store.

import Delivery
import Foundation
import Glibc
import LMTP
import Service
import Sink
import System
import Testing
import ZRouteTestKit

@Suite struct SinkTests {
    private func files(_ root: String) throws -> [String] {
        let all = FileManager.default.enumerator(atPath: root)?.compactMap { $0 as? String } ?? []
        return all.filter { path in
            var isDirectory: ObjCBool = false
            return FileManager.default.fileExists(atPath: "\(root)/\(path)", isDirectory: &isDirectory)
                && !isDirectory.boolValue
        }.sorted()
    }

    @Test func messagesArriveInTheirFolders() throws {
        let spool = try DeliverySpool()
        var rules = SinkRules()
        rules.rejected = [Array("reject".utf8)]
        rules.deferred = [Array("defer@example.org".utf8)]
        rules.rejectedAfterData = [Array("rejectdata".utf8)]
        rules.deferredAfterData = [Array("deferdata".utf8)]
        let store = spool.place.file("store")
        let server = try SinkServer(
            at: .unix(spool.place.file("s")), store: MaildirStore(path: store, host: "sink"), rules: rules, host: "sink"
        )
        defer { server.shutDown() }
        try spool.add(
            [
                "bob@example.org", "bob+lists/swift@example.org", "reject+x@example.org", "defer@example.org",
                "rejectdata@example.org", "deferdata@example.org",
            ].map { recipient($0) }, body: "..\n.\nend")
        try spool.deliver(try plan(to: spool.place.file("s")))
        #expect(
            spool.outcomes == [
                "bob@example.org": .delivered, "bob+lists/swift@example.org": .delivered,
                "reject+x@example.org": .failed, "defer@example.org": .deferred, "rejectdata@example.org": .failed,
                "deferdata@example.org": .deferred,
            ])
        let stored = try files(store).filter { !$0.hasSuffix("maildirfolder") }
        #expect(stored.count == 2)
        #expect(stored.contains { $0.hasPrefix("bob@example.org/new/") })
        let folder = try #require(stored.first { $0.hasPrefix("bob@example.org/.lists.swift/new/") })
        let message = text(try readFile("\(store)/\(folder)", limit: 1 << 20).bytes)
        #expect(
            message == "Return-Path: <sender@example.net>\nDelivered-To: bob+lists/swift@example.org\n"
                + "From: sender@example.net\nSubject: test\n\n..\n.\nend\n")
    }

    /// A sink that runs, in the middle of a transaction with a client.
    private struct SinkAtWork {
        let place: TemporaryDirectory
        let listener: NotificationListener
        let program: RunningProgram
        let port: Int
        let busy: ClientProbe

        init() throws {
            place = try TemporaryDirectory()
            listener = try NotificationListener(place.file("notify"))
            let program = try RunningProgram(
                try Programs.zroute.get(),
                ["lmtp-sink", "--listen", "127.0.0.1:0", "--maildir", place.file("store")],
                environment: ["NOTIFY_SOCKET": listener.path])
            self.program = program
            #expect(try listener.next()?.hasPrefix("READY=1") == true)
            #expect(try holds { program.output.hasSuffix("\n") })
            port = try #require(program.output.split(separator: " ").last.flatMap { Int($0.dropLast()) })
            busy = try ClientProbe(port: port)
            let said = try busy.say("LHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<u@b>\r\nDATA\r\n", until: "354 ")
            #expect(said.contains("354 "))
        }
    }

    /// A transaction that is under way when the sink is told to end is finished; the connection is then closed.
    @Test(arguments: [SIGTERM, SIGINT, SIGHUP])
    func itEndsAfterItsTransactions(signal: Int32) throws {
        let sink = try SinkAtWork()
        let (listener, program, busy) = (sink.listener, sink.program, sink.busy)
        let idle = try ClientProbe(port: sink.port)
        program.send(signal)
        #expect(try listener.next()?.hasPrefix("STOPPING=1") == true)
        #expect(try idle.rest().hasSuffix("421 4.3.2 the store is ending\r\n"))
        #expect(program.isRunning)
        #expect(try busy.say("Subject: x\r\n\r\nbody\r\n.\r\n", until: "250 2.1.5 ").contains("250 2.1.5 "))
        #expect(try busy.rest().hasSuffix("421 4.3.2 the store is ending\r\n"))
        #expect(program.wait() == 0, "\(program.errors)")
        #expect(program.errors.contains("zroute: start command=lmtp-sink") && program.errors.contains("zroute: stop "))
        #expect(try files(sink.place.file("store")).contains { $0.hasPrefix("u@b/new/") })
    }

    /// A second signal ends it at once: what is not answered was not taken.
    @Test(arguments: [(SIGTERM, SIGTERM), (SIGTERM, SIGINT), (SIGINT, SIGTERM), (SIGHUP, SIGHUP)])
    func aSecondSignalEndsItAtOnce(first: Int32, second: Int32) throws {
        let sink = try SinkAtWork()
        let (listener, program, busy) = (sink.listener, sink.program, sink.busy)
        program.send(first)
        #expect(try listener.next()?.hasPrefix("STOPPING=1") == true)
        program.send(second)
        #expect(program.wait() == -second, "\(program.errors)")
        #expect(try busy.rest().split(whereSeparator: \.isNewline).last?.hasPrefix("354 ") == true)
        #expect(try !files(sink.place.file("store")).contains { $0.contains("/new/") })
        #expect(program.errors.contains("asked to end a second time"), "\(program.errors)")
    }

    @Test func itTellsItsManagerThatItsThreadsGetOn() throws {
        let place = try TemporaryDirectory()
        let listener = try NotificationListener(place.file("notify"))
        let program = try RunningProgram(
            try Programs.zroute.get(),
            ["lmtp-sink", "--socket", place.file("s"), "--maildir", place.file("store")],
            environment: ["NOTIFY_SOCKET": listener.path, "WATCHDOG_USEC": "200000"])
        #expect(try listener.next() == "READY=1\nSTATUS=listening")
        for _ in 0..<4 { #expect(try listener.next() == "WATCHDOG=1") }
        program.send(SIGTERM)
        var last = ""
        while !last.hasPrefix("STOPPING=1"), let state = try listener.next() { last = state }
        #expect(last == "STOPPING=1\nSTATUS=finishing what is under way")
        #expect(program.wait() == 0)
        #expect(try !place.names().contains("s"))
    }

    @Test(arguments: [
        "..", ".", "../../evil", "/etc/passwd", "a/../../b", "+x", "a+..", "a+../..", "a+/", "a+./.", "a+\u{E9}",
        "%2e%2e",
        "\"a/../b\"", "a+b+c", "~root", "a+//..//x", "-rf",
    ])
    func hostileNamesStayInside(user: String) throws {
        let spool = try DeliverySpool()
        let store = try spool.place.makeDirectory("x/store")
        let server = try SinkServer(
            at: .unix(spool.place.file("s")), store: MaildirStore(path: store, host: "sink/.."), rules: SinkRules(),
            host: "sink")
        defer { server.shutDown() }
        let before = try files(spool.place.file("x")).count
        try spool.add([recipient("\(user)@example.org"), recipient(user)])
        try spool.deliver(try plan(to: spool.place.file("s")))
        let delivered = spool.outcomes.values.filter { $0 == .delivered }.count
        let inside = try files(store).filter { !$0.hasSuffix("maildirfolder") }
        #expect(inside.count == delivered)
        #expect(try files(spool.place.file("x")).filter { !$0.hasSuffix("maildirfolder") }.count == before + delivered)
        for path in inside {
            #expect(path.split(separator: "/").dropLast().allSatisfy { $0 != ".." && $0 != "." })
        }
    }
}
