// Commands that are interrupted at random moments: whatever the signal, the environment that they were in stays whole.
// ZROUTE_INTERRUPTS=N tries each command with each signal N times on a larger map.

import Foundation
import Glibc
import Testing
import ZRouteTestKit

@Suite(.serialized) struct DbInterruptTests {
    /// What is interrupted.
    enum Work: String, CaseIterable {
        case count, verify, dump, load, loadIntoNewMap, put, get, delete, routeTest, recover
    }

    private static let wanted = ProcessInfo.processInfo.environment["ZROUTE_INTERRUPTS"].flatMap { Int($0) }
    private static var tries: Int { wanted ?? 2 }
    private static var entries: Int { wanted == nil ? 2000 : 40_000 }

    /// Each work with each interruption; the short form takes two of them for each work, and each of them for some work.
    private static let pairs = Work.allCases.enumerated().flatMap { index, work in
        let all = Interrupter.Interruption.allCases
        let chosen = wanted == nil ? [all[index % all.count], all[(index + 3) % all.count]] : all
        return chosen.map { (work, $0) }
    }

    private let site: TestSite
    private let interrupter: Interrupter
    private let dump: String
    private let addresses: String

    init() throws {
        site = try TestSite()
        interrupter = try Interrupter.shared.get()
        try site.succeed(["newdb"])
        let lines = (0..<Self.entries).map { "user\($0)@live.example\tsmtp-lmtp!node!user\($0)\n" }
        dump = try site.place.write(lines.joined(), to: "dump")
        let names = (0..<Self.entries).map { "user\($0)@live.example\n" }
        addresses = try site.place.write(names.joined(), to: "addresses")
        try site.succeed(["db", "load", "fqdnroutes", dump])
    }

    private func arguments(of work: Work) -> [String] {
        switch work {
        case .count, .verify, .dump: ["db", work.rawValue, "fqdnroutes"]
        case .load, .loadIntoNewMap: ["db", "load", "fqdnroutes", dump]
        case .put: ["db", "put", "fqdnroutes", "user7@live.example", "smtp-lmtp!node!user7"]
        case .get: ["db", "get", "fqdnroutes", "user7@live.example"]
        case .delete: ["db", "delete", "fqdnroutes", "nobody@live.example"]
        case .routeTest: ["route-test", "--format", "tsv", "-"]
        case .recover: ["db", "recover", "fqdnroutes", "--force"]
        }
    }

    private func run(
        _ work: Work, _ interruption: Interrupter.Interruption?, after delay: Int
    ) throws -> (end: Interrupter.End, milliseconds: Int, terminal: String) {
        let program = try Programs.zroute.get()
        let words = site.options(arguments(of: work))
        guard work == .routeTest else { return try interrupter.run(interruption, after: delay, program, words) }
        let shell = ["-c", "exec \"$0\" \"$@\" < \(addresses)", program] + words
        return try interrupter.run(interruption, after: delay, "/bin/sh", shell)
    }

    @Test(arguments: pairs)
    func environmentStaysWhole(work: Work, interruption: Interrupter.Interruption) throws {
        let began = ContinuousClock.now
        if work == .loadIntoNewMap { try removeMap() }
        _ = try run(work, nil, after: 0)
        let duration = Int((ContinuousClock.now - began) / .microseconds(1))
        var ended = 0, finished = 0, slowest = 0
        for _ in 0..<Self.tries {
            if work == .loadIntoNewMap { try removeMap() }
            let (end, milliseconds, terminal) = try run(work, interruption, after: Int.random(in: 0...duration))
            slowest = max(slowest, milliseconds)
            switch end {
            case .signal(interruption.signal): ended += 1
            // It was done before the signal came, or has no use for a reader that has gone.
            case .exit(0): finished += 1
            case .exit(1) where work == .delete: finished += 1
            default: Issue.record("\(work) \(interruption): \(end): \(terminal)")
            }
            try expectWhole(work, interruption, terminal)
        }
        print(
            "interrupted \(work) by \(interruption): \(Self.tries) tries, \(ended) ended by the signal, \(finished) "
                + "finished; the slowest ended after \(slowest) ms")
    }

    /// Whoever comes next works at once, and nothing is lost.
    private func expectWhole(
        _ work: Work, _ interruption: Interrupter.Interruption, _ terminal: String
    ) throws {
        let about = "\(work) \(interruption): \(terminal)"
        for command in [
            ["put", "fqdnroutes", "probe@x.example", "smtp-lmtp!node!probe"], ["get", "fqdnroutes", "probe@x.example"],
        ] {
            let result = try site.run(["db"] + command)
            #expect(result.status == 0, "\(about): db \(command[0]): \(result.errorText)")
        }
        let count = try site.run(["db", "count", "fqdnroutes"])
        #expect(count.status == 0, "\(about): \(count.errorText)")
        if work != .loadIntoNewMap { #expect(count.text == "\(Self.entries + 1)\n", "\(about)") }
        let file = try BerkeleyDBTools.verify(site.live)
        #expect(file.status == 0, "\(about): \(file.errorText)")
        let locks = try runCommand("/usr/bin/db5.3_stat", ["-C", "o", "-h", site.home])
        #expect(locks.status == 0, "\(about): \(locks.errorText)")
        #expect(!locks.text.contains("HELD") && !locks.text.contains("WAIT"), "\(about): \(locks.text)")
    }

    private func removeMap() throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: site.home) { unlink(site.home + "/" + name) }
        unlink(site.live)
    }

    /// A service that waits for its input, or for a reader, ends as well.
    @Test(arguments: [SIGINT, SIGTERM, SIGHUP])
    func routeTestEndsWhileItWaits(signal: Int32) throws {
        let program = try Programs.zroute.get()
        let command = "\(program) route-test --config \(site.place.file("zmailer.conf")) -"
        let input = site.place.file("in")
        let script = "mkfifo \(input); exec \(command) <> \(input)"
        let process = try RunningProgram("/bin/sh", ["-c", script])
        let isWaiting = try holds {
            let comm = (try? String(contentsOfFile: "/proc/\(process.identifier)/comm", encoding: .utf8)) ?? ""
            let wait = (try? String(contentsOfFile: "/proc/\(process.identifier)/wchan", encoding: .utf8)) ?? ""
            return comm.hasPrefix("zroute") && wait.contains("poll")
        }
        #expect(isWaiting)
        process.send(signal)
        #expect(process.wait() == -signal)
    }

    /// What only was prepared is of use to nobody.
    @Test(arguments: Interrupter.Interruption.allCases)
    func newdbLeavesNothingBehind(interruption: Interrupter.Interruption) throws {
        let lines = (0..<Self.entries * 2).map { "local\($0)@x.example smtp-lmtp!node!local\($0)\n" }
        try site.write(routes: lines.joined())
        let program = try Programs.zroute.get()
        let began = ContinuousClock.now
        _ = try interrupter.run(nil, after: 0, program, site.options(["newdb"]))
        let duration = Int((ContinuousClock.now - began) / .microseconds(1))
        var ended = 0
        for _ in 0..<Self.tries {
            let (end, _, terminal) = try interrupter.run(
                interruption, after: Int.random(in: 0...duration), program, site.options(["newdb"]))
            if end == .signal(interruption.signal) { ended += 1 }
            #expect([.exit(0), .signal(interruption.signal)].contains(end), "\(interruption): \(end): \(terminal)")
            let names = try FileManager.default.contentsOfDirectory(atPath: site.place.file("db"))
            #expect(!names.contains { $0.contains(".zroute-") }, "\(interruption): \(names)")
            #expect(try BerkeleyDBTools.verify(site.place.file("db/routes.db")).status == 0)
        }
        print("interrupted newdb by \(interruption): \(Self.tries) tries, \(ended) ended by the signal")
    }
}
