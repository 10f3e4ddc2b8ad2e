// `deliver --watch` as systemd runs it: its states, its signals, its metrics.

import Foundation
import Glibc
import Spool
import System
import Testing
import ZRouteTestKit

@Suite struct ServiceTests {
    /// A site with a spool, and the service's arguments.
    private final class Service {
        let spool: DeliverySpool
        let server: ScriptedServer
        let listener: NotificationListener
        var scheduler: String { spool.place.file("scheduler.conf") }

        init(_ script: ServerScript = ServerScript()) throws {
            spool = try DeliverySpool([
                "zmailer.conf": "MAILVAR=@SITE@\nMAILSHARE=@SITE@\nPOSTOFFICE=@SITE@/post\nhostname=h.example\n",
                "db/dbases.conf": "fqdnroutes text - -l $MAILVAR/db/fqdnroutes -lm%:\n",
                "db/fqdnroutes": "user@virtual.example smtp-lmtp!node!box%2@virtual.example\n",
            ])
            server = try ScriptedServer(script, in: spool.place)
            listener = try NotificationListener(spool.place.file("notify"))
            try route(to: server.path)
        }

        deinit { server.stop() }

        func route(to path: String) throws {
            try spool.place.write("smtp-lmtp/*\n    command=\"smtp -M -F UNIX:\(path)\"\n", to: "scheduler.conf")
        }

        func start(_ arguments: String..., environment: [String: String] = [:]) throws -> RunningProgram {
            try spool.site.start(
                ["deliver", "--watch"] + arguments,
                environment: ["NOTIFY_SOCKET": listener.path].merging(environment) { $1 })
        }

        func submit(_ subject: String) throws {
            try spool.site.submit(
                "external\nfrom <a@example.net>\nto <user@virtual.example>\nenv-end\nSubject: \(subject)\n\nbody\n",
                as: subject)
        }
    }

    @Test func itDeliversWhatComesAndEndsWhenToldTo() throws {
        let service = try Service()
        let program = try service.start("--route")
        #expect(try service.listener.next()?.hasPrefix("READY=1\n") == true)
        for number in 0..<3 {
            try service.submit("message-\(number)")
            #expect(try holds { service.server.record.accepted.count == number + 1 })
        }
        try service.spool.add([recipient("queued")])
        #expect(try holds { service.server.record.accepted.contains("queued") })
        program.send(SIGTERM)
        #expect(program.wait() == 0, "\(program.errors)")
        #expect(try service.listener.rest().contains { $0.hasPrefix("STOPPING=1\n") })
        #expect(try service.spool.postOffice.messages().names.isEmpty)
        #expect(service.server.record.commands.last == "QUIT")
        #expect(program.output.contains(": delivered from=<"))
    }

    /// What is under way when SIGTERM comes is finished; nothing new is begun.
    @Test func itFinishesWhatIsUnderWay() throws {
        var script = ServerScript()
        let gate = try TemporaryDirectory()
        script.actions[.final] = [.replyOnceFileExists("250 2.1.5 ok", gate.file("open"))]
        let service = try Service(script)
        try service.spool.add([recipient("slow")])
        let program = try service.start()
        #expect(try holds { !service.server.record.messages.isEmpty })
        program.send(SIGTERM)
        var states: [String] = []
        while let state = try service.listener.next() {
            states.append(state)
            if state.hasPrefix("STOPPING=1") { break }
        }
        #expect(states.last?.hasPrefix("STOPPING=1") == true)
        try service.spool.add([recipient("late")])
        #expect(program.isRunning)
        try gate.write("", to: "open")
        #expect(program.wait() == 0)
        #expect(service.server.record.accepted == ["slow"])
        let control = try #require(try service.spool.control())
        #expect(control.recipients.map { text($0.address.user) } == ["late"])
        #expect(control.recipients.allSatisfy { $0.tag == .pending && $0.process == nil })
    }

    /// A second signal ends it at once, as a crash would: the message stays, and the next run delivers it.
    @Test(arguments: [(SIGTERM, SIGTERM), (SIGTERM, SIGINT), (SIGINT, SIGINT)])
    func aSecondSignalEndsItAtOnce(first: Int32, second: Int32) throws {
        var script = ServerScript()
        let gate = try TemporaryDirectory()
        script.actions[.final] = [.replyOnceFileExists("250 2.1.5 ok", gate.file("open"))]
        let service = try Service(script)
        try service.spool.add([recipient("slow")])
        let program = try service.start("--route")
        #expect(try service.listener.next()?.hasPrefix("READY=1") == true)
        #expect(try holds { !service.server.record.messages.isEmpty })
        program.send(first)
        #expect(try service.listener.next()?.hasPrefix("STOPPING=1") == true)
        program.send(second)
        #expect(program.wait() == -second)
        #expect(program.errors.contains("asked to end a second time"), "\(program.errors)")
        #expect(try service.spool.control() != nil, "it is still there")
        try gate.write("", to: "open")
        let next = try service.start("--route")
        #expect(try holds { try service.spool.postOffice.messages().names.isEmpty }, "\(next.errors)")
        #expect(service.server.record.accepted.contains("slow"))
        next.send(SIGTERM)
        #expect(next.wait() == 0)
    }

    @Test func itReadsItsConfigurationAnew() throws {
        let service = try Service()
        let other = try ScriptedServer(in: service.spool.place, name: "other")
        defer { other.stop() }
        let program = try service.start("--route")
        #expect(try service.listener.next()?.hasPrefix("READY=1") == true)
        try service.submit("one")
        #expect(try holds { service.server.record.accepted == ["box@virtual.example"] })
        func reload() throws -> [String] {
            program.send(SIGHUP)
            var states: [String] = []
            while states.count < 2, let state = try service.listener.next() { states.append(state) }
            return states
        }
        // Another server, and another map for routing.
        try service.route(to: other.path)
        try service.spool.place.write("user@virtual.example smtp-lmtp!node!new@virtual.example\n", to: "db/other")
        try service.spool.place.write("fqdnroutes text - -l $MAILVAR/db/other -lm%:\n", to: "db/dbases.conf")
        let states = try reload()
        #expect(states.first?.hasPrefix("RELOADING=1\nMONOTONIC_USEC=") == true && states.last == "READY=1")
        try service.submit("two")
        #expect(try holds { other.record.accepted == ["new@virtual.example"] }, "\(program.errors)")
        // An unusable one is reported, and the old one stands.
        try service.spool.place.write("smtp-lmtp/*\n    nonsense=1\n", to: "scheduler.conf")
        #expect(try reload().last == "READY=1")
        #expect(program.errors.contains("scheduler.conf:2: unknown parameter 'nonsense'"))
        #expect(program.errors.contains("the old configuration stands"))
        try service.submit("three")
        #expect(try holds { other.record.accepted.count == 2 })
        program.send(SIGTERM)
        #expect(program.wait() == 0)
    }

    /// A spool that is moved away, or of which a part is, is missed aloud, and worked again when it is there, brought back or
    /// made anew.
    @Test(arguments: ["", "/router", "/transport", "/queue"])
    func aSpoolThatIsMovedIsWorkedAgain(directory: String) throws {
        let service = try Service()
        let program = try service.start("--route")
        #expect(try service.listener.next()?.hasPrefix("READY=1") == true)
        let place = service.spool.place
        let path = place.file("post") + directory
        for (turn, name) in ["two", "three"].enumerated() {
            #expect(rename(path, place.file("elsewhere")) == 0)
            #expect(
                try holds { program.errors.ranges(of: "the spool is not in its place").count == turn + 1 },
                "\(program.errors)")
            if name == "two" {
                #expect(rename(place.file("elsewhere"), path) == 0)
            } else {
                try PostOffice.create(path: place.file("post"))
            }
            #expect(try holds { program.errors.ranges(of: "goes on there").count == turn + 1 }, "\(program.errors)")
            try service.submit(name)
            #expect(try holds { service.server.record.accepted.count == turn + 1 }, "\(program.errors)")
        }
        program.send(SIGTERM)
        #expect(program.wait() == 0)
    }

    @Test func itFeedsTheWatchdog() throws {
        let service = try Service()
        let program = try service.start(environment: ["WATCHDOG_USEC": "200000"])
        let states = try (0..<4).map { _ in try service.listener.next() ?? "" }
        #expect(states.filter { $0 == "WATCHDOG=1" }.count == 3, "\(states)")
        program.send(SIGINT)
        #expect(program.wait() == 0)
        // Another process is meant.
        let plain = try service.start(environment: ["WATCHDOG_USEC": "200000", "WATCHDOG_PID": "1"])
        _ = try service.listener.rest()
        try service.spool.add([recipient("x")])
        #expect(try holds { service.server.record.accepted == ["x"] })
        plain.send(SIGTERM)
        #expect(plain.wait() == 0)
        #expect(try !service.listener.rest().contains("WATCHDOG=1"))
    }

    @Test func itWritesMetrics() throws {
        var script = ServerScript()
        script.recipientReplies = ["bad": "550 5.1.1 no", "later": "450 4.2.1 busy"]
        let service = try Service(script)
        let path = service.spool.place.file("metrics")
        let program = try service.start("--route", "--metrics", path)
        try service.submit("one")
        try service.spool.add([recipient("bad"), recipient("later"), recipient("x")])
        func metrics() -> String {
            FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) } ?? ""
        }
        let wanted = [
            "zroute_deliveries_total{channel=\"smtp-lmtp\",result=\"deferred\"} 1\n",
            "zroute_deliveries_total{channel=\"smtp-lmtp\",result=\"delivered\"} 2\n",
            "zroute_deliveries_total{channel=\"smtp-lmtp\",result=\"failed\"} 1\n",
            "zroute_reports_total 1\n", "zroute_delivery_seconds_bucket{channel=\"smtp-lmtp\",le=\"+Inf\"} 2\n",
            "zroute_delivery_seconds_count{channel=\"smtp-lmtp\"} 2\n",
            "zroute_queue_messages{queue=\"router\"} 0\n", "zroute_queue_messages{queue=\"postman\"} 0\n",
            "map=\"fqdnroutes\",file=\"\(service.spool.place.file("db/fqdnroutes"))\",result=\"found\"} 1\n",
        ]
        // Whoever reads it sees it whole at each moment, and each time it is another file.
        var inodes: Set<UInt64> = []
        let isThere = try holds {
            let text = metrics()
            if !text.isEmpty {
                #expect(text.hasPrefix("# HELP ") && text.hasSuffix("\n") && text.contains("zroute_lookups_total"))
                inodes.insert(try FileIdentity(path: path).inode)
            }
            return wanted.allSatisfy(text.contains) && inodes.count > 1
        }
        #expect(isThere, "\(wanted.filter { !metrics().contains($0) }) are missing in \(metrics())\(program.errors)")
        expectFormat(metrics())
        program.send(SIGTERM)
        #expect(program.wait() == 0)
        #expect(try service.spool.place.names().filter { $0.hasPrefix("metrics") } == ["metrics"])
    }

    /// Each line is a comment or `name{labels} number`, each metric has its type before, no sample comes twice.
    private func expectFormat(_ text: String) {
        var types: Set<Substring> = []
        var samples: Set<Substring> = []
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            if line.hasPrefix("# TYPE ") { types.insert(words[2]) }
            guard !line.hasPrefix("#") else { continue }
            let sample = line[..<(line.lastIndex(of: " ") ?? line.endIndex)]
            let name = sample.prefix { $0 != "{" }
            #expect(words.last.flatMap { Double($0) } != nil, "\(line)")
            #expect(samples.insert(sample).inserted, "\(line)")
            #expect(types.contains { name == $0 || ["_bucket", "_sum", "_count"].contains(name.dropFirst($0.count)) })
        }
    }
}
