// Readers without pause, writers of all kinds beside them, and processes that are killed in the middle of their work.
// ZROUTE_TORTURE=N looks up N addresses of each type, ZROUTE_TORTURE_TYPE=TYPE of one; `make torture` does 200,000.

import Foundation
import Glibc
import Synchronization
import Testing
import ZRouteTestKit

/// A type of maps that are changed while they are read.
///
/// Another type adds a row here, and what a writer of it can suffer.
enum LiveType: String, CaseIterable, Sendable {
    case btree, lmdb, sqlite

    /// Kills a process inside a put.
    func dieInsidePut(_ key: String, _ value: String, in site: TestSite) throws {
        switch self {
        case .btree: try Updater.shared.get().dieInsidePut(key, value, home: site.home, file: site.live)
        case .lmdb: try LMDBUpdater.shared.get().run(["die", path(in: site), key, value])
        case .sqlite:
            let end = "import os; os.kill(os.getpid(), 9)"
            _ = try runCommand("/usr/bin/python3", ["-c", Self.change + end, path(in: site), key, value])
        }
    }

    /// Changes an entry and goes on with the transaction open.
    private static let change = """
        import sqlite3, sys
        c = sqlite3.connect(sys.argv[1], isolation_level=None)
        c.execute('BEGIN IMMEDIATE')
        c.execute('UPDATE entries SET value = ? WHERE key = ?', (sys.argv[3], sys.argv[2]))

        """

    /// Stops a process that has the right to write; nil where readers would notice.
    ///
    /// - Returns: ends the process.
    func stopInsidePut(in site: TestSite) throws -> (() -> Void)? {
        switch self {
        case .btree: return nil
        case .lmdb:
            let writer = try LMDBUpdater.shared.get().start(["hold", path(in: site)])
            writer.signal(SIGSTOP)
            return { writer.end() }
        case .sqlite:
            let hold = "print('ready', flush=True); import time; time.sleep(600)"
            let writer = try RunningProgram(
                "/usr/bin/python3", ["-c", Self.change + hold, path(in: site), "user1@live.example", "x"])
            let isReady = try holds { !writer.output.isEmpty || !writer.isRunning }
            guard isReady, writer.isRunning else { throw CommandFailure(writer.errors) }
            writer.send(SIGSTOP)
            return {
                writer.send(SIGKILL)
                _ = writer.wait()
            }
        }
    }

    /// Whether a copy may take its place while others use it; the log of a SQLite database belongs to its file.
    var isReplaced: Bool { self == .lmdb }

    /// Whether a killed process can leave it locked.
    var needsRecovery: Bool { self == .btree }

    /// The live map.
    func path(in site: TestSite) -> String { self == .btree ? site.live : site.place.file("db/live.\(rawValue)") }
}

/// What was seen of all answers.
private struct Tally {
    var lookups = 0
    var deferred = 0
    var wrong: [String] = []
    var kills = 0
    var recoveries = 0
    var writes = 0
    var compilations = 0
    var interruptions = 0
    var comparisons = 0
    var checks = 0
    var stops = 0
    var replacements = 0
    var fullDisks = 0
}

@Suite(.serialized) struct DbTortureTests {
    private static let types = LiveType.allCases.filter { type in
        ProcessInfo.processInfo.environment["ZROUTE_TORTURE_TYPE"].map { $0 == type.rawValue } ?? true
    }

    @Test(arguments: types)
    func noWrongRouteAndNoHangWhateverIsKilled(type: LiveType) throws { try Torture(type).run() }
}

/// A run over a site of its own.
private struct Torture {
    private let type: LiveType
    private let site: TestSite
    private let backup: String

    private static let stable = 300
    private static let perReader = 2000
    private static let wanted = ProcessInfo.processInfo.environment["ZROUTE_TORTURE"].flatMap { Int($0) } ?? 8000

    init(_ type: LiveType) throws {
        self.type = type
        site = try TestSite(mapType: type.rawValue)
        let live = (0..<Self.stable).flatMap { number in
            [
                "user\(number)@live.example\tsmtp-lmtp!node!user\(number)",
                "change\(number)@live.example\tsmtp-lmtp!node!a",
            ]
        }
        backup = try site.place.write(live.joined(separator: "\n") + "\n", to: "backup")
        try site.succeed(["db", "load", "fqdnroutes", backup])
        try compile(generation: 0)
        try site.succeed(["newdb"])
    }

    /// The compiled map's keys stay the same in every generation.
    private func compile(generation: Int) throws {
        let lines = (0..<Self.stable).map { "local\($0)@x.example smtp-lmtp!node!g\(generation)\n" }
        try site.write(routes: lines.joined())
    }

    func run() throws {
        var tally = Tally()
        var round = 0
        while tally.lookups < Self.wanted {
            try runRound(round, &tally)
            round += 1
        }
        print(
            "torture of \(type.rawValue): \(tally.lookups) addresses in \(round) rounds, \(tally.deferred) deferred, \(tally.wrong.count) "
                + "wrong; \(tally.writes) writes, \(tally.compilations) newdb runs, \(tally.kills) kills, "
                + "\(tally.interruptions) interruptions, \(tally.comparisons) comparisons, \(tally.checks) checks, "
                + "\(tally.recoveries) recoveries, \(tally.stops) stopped writers, \(tally.replacements) replaced files, "
                + "\(tally.fullDisks) full disks")
        #expect(tally.wrong.isEmpty, "\(tally.wrong.prefix(5))")
        if type.needsRecovery { #expect(tally.recoveries > 0) } else { #expect(tally.recoveries == 0) }
        #expect(tally.deferred < tally.lookups)
    }

    /// Commands that are interrupted break nothing, whatever goes on beside them.
    private func interrupt(_ round: Int, _ tally: inout Tally) throws {
        let commands = [
            ["db", "load", "fqdnroutes", backup], ["db", "dump", "fqdnroutes"], ["db", "count", "fqdnroutes"],
            comparison, ["check"],
        ]
        let process = try start(commands[round % commands.count], input: "/dev/null", "interrupted")
        usleep(UInt32.random(in: 0...60_000))
        kill(process.processIdentifier, [SIGINT, SIGTERM, SIGHUP].randomElement() ?? SIGINT)
        process.waitUntilExit()
        tally.interruptions += 1
    }

    /// Reads every entry of every map, and looks all of them up on two sides.
    private var comparison: [String] {
        ["diff", site.place.file("zmailer.conf"), site.place.file("zmailer.conf"), "--format", "tsv"]
    }

    private func runRound(_ round: Int, _ tally: inout Tally) throws {
        let addresses = (0..<Self.perReader).map { place in
            let number = Int.random(in: 0..<Self.stable)
            return ["user\(number)@live.example", "change\(number)@live.example", "local\(number)@x.example"][place % 3]
        }
        let input = try site.place.write(addresses.joined(separator: "\n") + "\n", to: "addresses")
        let readers = try (0..<2).map {
            try start(["route-test", "--format", "tsv", "-"], input: input, "reader\($0)")
        }
        let comparing = try start(comparison, input: "/dev/null", "comparison")
        let checking = try start(["check"], input: "/dev/null", "check")
        var mayDefer = false
        for step in 0..<4 {
            try interrupt(round &+ step, &tally)
            let number = Int.random(in: 0..<Self.stable)
            switch (round &+ step) % 4 {
            case 0:
                let value = Bool.random() ? "a" : "b"
                let put = try site.run([
                    "db", "put", "fqdnroutes", "change\(number)@live.example", "smtp-lmtp!node!\(value)",
                ])
                if put.status != 0 { mayDefer = true }
                tally.writes += 1
            case 1:
                try compile(generation: round)
                let process = try start(["newdb"], input: "/dev/null", "newdb")
                if Bool.random() {
                    kill(process.processIdentifier, SIGKILL)
                    tally.kills += 1
                }
                process.waitUntilExit()
                tally.compilations += 1
            case 2:
                let text = (0..<500).map { "new\(round)-\($0)@live.example\tsmtp-lmtp!node!full\n" }.joined()
                let source = try site.place.write(text, to: "more")
                let process = try start(["db", "load", "fqdnroutes", source], input: "/dev/null", "load")
                if round % 3 == 2 {
                    kill(process.processIdentifier, SIGKILL)
                    tally.kills += 1
                    mayDefer = true
                }
                process.waitUntilExit()
                if process.terminationStatus != 0 { mayDefer = true }
                tally.writes += 500
                let gone = try site.run(["db", "delete", "fqdnroutes", "new\(round)-7@live.example"])
                if gone.status == 75 { mayDefer = true }
            default:
                if round % 4 == 1 {
                    try? type.dieInsidePut("change\(number)@live.example", "x", in: site)
                    tally.kills += 1
                    mayDefer = mayDefer || type.needsRecovery
                } else if round % 4 == 3 {
                    kill(readers[1].processIdentifier, SIGKILL)
                    tally.kills += 1
                    mayDefer = true
                }
            }
        }
        try strain(round, &tally)
        for (index, reader) in readers.enumerated() {
            wait(for: reader)
            try judge(
                "reader\(index)", addresses, mayDefer: mayDefer && type.needsRecovery,
                wasKilled: reader.terminationReason == .uncaughtSignal,
                &tally)
        }
        wait(for: comparing)
        // A map may be another one meanwhile, or be broken by whoever was killed.
        let isDone = comparing.terminationReason == .exit && [0, 1, 75].contains(comparing.terminationStatus)
        #expect(isDone, "diff ended with \(comparing.terminationStatus)")
        tally.comparisons += 1
        wait(for: checking)
        // A process that was killed inside the environment is a finding, and so is a map that is being replaced.
        let isChecked = checking.terminationReason == .exit && [0, 1, 65, 75].contains(checking.terminationStatus)
        #expect(isChecked, "check ended with \(checking.terminationStatus)")
        tally.checks += 1
        try recoverIfBroken(&tally)
    }

    /// What readers of a map that needs no recovery do not notice at all.
    private func strain(_ round: Int, _ tally: inout Tally) throws {
        guard !type.needsRecovery else { return }
        let map = type.path(in: site)
        switch round % 3 {
        case 0:
            guard let end = try type.stopInsidePut(in: site) else { return }
            let put = try site.run(["db", "put", "fqdnroutes", "change1@live.example", "smtp-lmtp!node!a"])
            #expect(put.status == 75, "\(put.errorText)")
            #expect(put.errorText.contains("no answer within 2 s"), "\(put.errorText)")
            end()
            tally.stops += 1
            tally.kills += 1
        case 1:
            guard type.isReplaced else { return }
            try runCommandSuccessfully("/bin/cp", [map, map + ".new"])
            #expect(rename(map + ".new", map) == 0)
            tally.replacements += 1
        default:
            // The signal of a file that has become too large ends nobody who ignores it, as a full disk ends nobody.
            let program = try Programs.zroute.get()
            let size = try FileManager.default.attributesOfItem(atPath: map)[.size] as? Int ?? 0
            let text = (0..<20_000).map { "full\(round)-\($0)@live.example\tsmtp-lmtp!node!full\n" }.joined()
            let source = try site.place.write(text, to: "full")
            let result = try runCommand(
                "/bin/bash",
                ["-c", "trap '' XFSZ; ulimit -f \(size / 1024 + 4); exec \"$@\"", "bash", program]
                    + site.options(["db", "load", "fqdnroutes", source]))
            #expect([74, 75].contains(result.status), "\(result.status) \(result.errorText)")
            tally.fullDisks += 1
        }
    }

    /// Checks what a reader said of each address, as far as it came.
    private func judge(
        _ name: String, _ addresses: [String], mayDefer: Bool, wasKilled: Bool, _ tally: inout Tally
    ) throws {
        let text = String(decoding: try Data(contentsOf: URL(fileURLWithPath: site.place.file(name))), as: UTF8.self)
        // The last line of a killed reader may be cut short.
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
        if !wasKilled { #expect(lines.count == addresses.count) }
        for (line, address) in zip(lines, addresses) {
            tally.lookups += 1
            let route = line.split(separator: "\t").last.map(String.init) ?? ""
            if route == "hold!IO:error!\(address)" {
                tally.deferred += 1
                if !mayDefer { tally.wrong.append("deferred for no reason: \(line)") }
            } else if !isRight(route, address) {
                tally.wrong.append(String(line))
            }
        }
    }

    private func isRight(_ route: String, _ address: String) -> Bool {
        let name = address.prefix { $0 != "@" }
        if name.hasPrefix("user") { return route == "smtp-lmtp!node!\(name)" }
        if name.hasPrefix("change") { return ["smtp-lmtp!node!a", "smtp-lmtp!node!b"].contains(route) }
        return route.hasPrefix("smtp-lmtp!node!g")
    }

    /// Recovers when a writer cannot work any more, from the backup: so the end of each round is as its beginning.
    private func recoverIfBroken(_ tally: inout Tally) throws {
        let probe = try site.run(["db", "put", "fqdnroutes", "probe@live.example", "smtp!x"])
        let count = probe.status == 0 ? try site.run(["db", "verify", "fqdnroutes"]).status : 75
        guard count != 0 else { return }
        let result = try site.run(["db", "recover", "fqdnroutes", "--force", "--source", backup])
        #expect(result.status == 0, "\(result.text)\(result.errorText)")
        #expect(try site.run(["db", "verify", "fqdnroutes"]).status == 0)
        tally.recoveries += 1
    }

    private func start(_ arguments: [String], input: String, _ output: String) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: try Programs.zroute.get())
        process.arguments = site.options(arguments)
        process.standardInput = FileHandle(forReadingAtPath: input)
        try site.place.write("", to: output)
        process.standardOutput = FileHandle(forWritingAtPath: site.place.file(output))
        process.standardError = FileHandle.nullDevice
        try process.run()
        return process
    }

    /// Waits for a reader, which must end in time whatever happened.
    private func wait(for process: Process) {
        let limit = DispatchTime.now() + .seconds(60)
        let ended = DispatchSemaphore(value: 0)
        process.terminationHandler = { _ in ended.signal() }
        if !process.isRunning { return process.waitUntilExit() }
        if ended.wait(timeout: limit) == .timedOut {
            Issue.record("a reader hangs")
            kill(process.processIdentifier, SIGKILL)
        }
        process.waitUntilExit()
    }
}
