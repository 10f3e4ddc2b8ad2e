// Kills, or fails, a mail system's run at each of its file operations in turn, lets a second run go over the spool, and
// checks that every message and every recipient is where it belongs exactly once.

import Glibc
import Spool
import System
import Testing
import ZRouteTestKit

@Suite struct CrashTests {
    @Test(arguments: ["kill", "\(ENOSPC)", "\(EIO)"], [false, true])
    func everyMessageEndsInItsPlaceOnce(mode: String, isHandedOver: Bool) throws {
        var number = 0
        while true {
            let spool = try Self.mixedSpool()
            let first = try Self.run(spool, mode: mode, number: number, isHandedOver: isHandedOver)
            try Self.checkNoHalfFiles(spool, "\(mode) at \(number)")
            let second = try Self.run(spool, mode: "none", number: 0)
            #expect(second.status == 0 && !second.output.contains("error"), "\(mode) at \(number): \(second.output)")
            try Self.checkFinalState(spool, "\(mode) at \(number)")
            if first.status == 0, (Int(first.output.split(separator: "\n").last ?? "") ?? .max) <= number { break }
            number += 1
        }
        print(
            "SpoolTests: \(mode)\(isHandedOver ? ", handed over" : ""): \(number) fault points, none lost, none doubled"
        )
        #expect(number > 100)
    }

    /// A spool with one of each: delivered and gone, partly held, failed and reported, junk.
    private static func mixedSpool() throws -> TestSpool {
        let spool = try TestSpool()
        try spool.write("from <a@b>\nto <now1@x>\nto <now2@x>\nenv-end\nSubject: 1\n\nbody\n", "router/1")
        try spool.write(
            "from <a@b>\nto <keep1@x>\nto <held1@x>\nto <held2@x>\nto <now3@x>\nto <heldnow@x>\nenv-end\n\nx\n",
            "router/2")
        try spool.write("from <a@b>\nto <bad1@x>\nto <now4@x>\nto <bad2@x>\nenv-end\nSubject: 3\n\nbody\n", "router/3")
        try spool.write("\u{1}\u{2} no message\n", "router/4")
        try spool.write("from <a@b>\nto <keep-heldnow1@x>\nto <heldnow2@x>\nenv-end\n\nx\n", "router/5")
        return spool
    }

    private static func checkNoHalfFiles(_ spool: TestSpool, _ about: String) throws {
        for name in try spool.names("transport") where !name.hasPrefix(".") {
            let control = try? ControlFile(parsing: try spool.read("transport/\(name)"))
            #expect(control?.recipients.isEmpty == false, "\(about): transport/\(name)")
            if control?.isFinished == false {
                #expect(try spool.names("queue").contains(name), "\(about): transport/\(name) without body")
            }
        }
    }

    private static func checkFinalState(_ spool: TestSpool, _ about: String) throws {
        #expect(try spool.names("router").isEmpty, "\(about): router/")
        let transport = try spool.names("transport")
        #expect(try spool.names("queue") == transport, "\(about): queue/ and transport/")
        #expect(!transport.contains { $0.hasPrefix(".") }, "\(about): unfinished files")
        var pending: [String] = []
        for name in transport {
            let control = try ControlFile(parsing: try spool.read("transport/\(name)"))
            #expect(text(control.name ?? []) == name)
            pending += control.recipients.filter { $0.tag == .pending }.map { text($0.address.user) }
            #expect(!control.recipients.contains { $0.tag == .locked }, "\(about): a lock in \(name)")
        }
        let reports = pending.filter { $0.hasPrefix("keep-report") }.joined(separator: "-")
        #expect(reports.components("bad1") == 1 && reports.components("bad2") == 1, "\(about): reports \(reports)")
        let others = pending.filter { !$0.hasPrefix("keep-report") }.sorted()
        #expect(others == ["keep-held1", "keep-held2", "keep1"], "\(about): pending")
        let delivered = try spool.text("ledger").split(separator: "\n").sorted()
        #expect(
            delivered == ["keep-heldnow", "keep-heldnow1", "keep-heldnow2", "now1", "now2", "now3", "now4"],
            "\(about): delivered")
        let postman = try spool.names("postman")
        #expect(postman.count == 2 && postman[0] + ".reason" == postman[1], "\(about): postman/ \(postman)")
        #expect(try spool.text("postman/\(postman[1])").hasPrefix("line 1: unknown envelope line"), "\(about)")
    }

    private static func run(
        _ spool: TestSpool, mode: String, number: Int, isHandedOver: Bool = false
    ) throws -> (status: Int32, output: String) {
        let runner = try Programs.path("SpoolFaultRunner")
        let arguments =
            [runner, spool.path, mode, "\(number)", "\(spool.path)/ledger"] + (isHandedOver ? ["handed"] : [])
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        let output = "\(spool.path)/output"
        posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        var process = pid_t()
        let argv = arguments.map { strdup($0) } + [nil]
        defer { argv.forEach { free($0) } }
        let code = posix_spawn(&process, runner, &actions, nil, argv, nil)
        guard code == 0 else { throw FileError(operation: "spawn", path: runner, code: code) }
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        return (status, try spool.text("output"))
    }

    /// Where the programs of this build are: beside the one that runs the tests.
}

extension String {
    /// How often a text occurs.
    fileprivate func components(_ part: String) -> Int {
        ranges(of: part).count
    }
}
