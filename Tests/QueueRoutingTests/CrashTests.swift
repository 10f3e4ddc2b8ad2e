// Kills, or fails, a run of route-queue at each of its file operations in turn, lets a second run go over the spool, and
// checks that every message and every recipient is in its place exactly once.

import Glibc
import Spool
import Testing
import ZRouteTestKit

@Suite struct CrashTests {
    @Test(arguments: ["kill", "\(ENOSPC)", "\(EIO)"])
    func everyMessageIsInItsPlaceOnce(mode: String) throws {
        let runner = try Programs.path("QueueRoutingRunner")
        var number = 0
        while true {
            let site = try Self.mixedSpool()
            let first = try runCommand(runner, [site.path, mode, "\(number)"])
            try Self.checkNoHalfFiles(site, "\(mode) at \(number)")
            let second = try runCommand(runner, [site.path, "none", "0"])
            #expect(second.status == 0, "\(mode) at \(number): \(second.text)")
            #expect(!second.text.contains("error") && !second.text.contains("postponed"), "\(second.text)")
            try Self.checkFinalState(site, "\(mode) at \(number)")
            if first.status == 0, (Int(first.text.split(separator: "\n").last ?? "") ?? .max) <= number { break }
            number += 1
        }
        print("BatchTests: \(mode): \(number) fault points, none lost, none doubled")
        #expect(number > 100)
    }

    /// Messages whose recipients were held when a map failed, and fresh ones: plain, expanded, refused in part, junk.
    private static func mixedSpool() throws -> TestSite {
        let site = try TestSite()
        try site.submit("from <a@b.example>\nto <m00@example.org>\nto <m01@example.org>\nenv-end\n\nx\n", as: "1")
        try site.submit("from <a@b.example>\nto <m00@example.org>\nenv-end\n\nall of it is held\n", as: "2")
        try site.route(failing: "m00@example.org")
        try site.submit("from <a@b.example>\nto <list@example.org>\nto <m02@example.org>\nenv-end\n\nx\n", as: "3")
        try site.submit("from <a@b.example>\nto <m03@example.org>\nto <bad address@x>\nenv-end\n\nx\n", as: "4")
        try site.submit("channel error\nto <m04@example.org>\nSubject: report\n\nx\n", as: "5")
        try site.submit("\u{1}\u{2} no message\n", as: "6")
        return site
    }

    private static let expected =
        (["m00", "m00", "m01", "m02", "m03", "m04", "alice", "bob"].map { "smtp-lmtp!cyrus-node!cyrus-\($0)" }
        + [
            "smtp!remote.example!ext@remote.example", "error!nosuchuser!gone@example.org",
            "error!syntax!\"bad address@x\"",
        ]).sorted()

    private static func checkNoHalfFiles(_ site: TestSite, _ about: String) throws {
        for name in try site.names("transport") where !name.hasPrefix(".") {
            let control = try? ControlFile(parsing: try site.read("transport/\(name)"))
            #expect(control?.recipients.isEmpty == false, "\(about): transport/\(name)")
            #expect(try site.names("queue").contains(name), "\(about): transport/\(name) without body")
        }
    }

    private static func checkFinalState(_ site: TestSite, _ about: String) throws {
        #expect(try site.names("router").isEmpty, "\(about): router/")
        let transport = try site.names("transport")
        #expect(try site.names("queue") == transport, "\(about): queue/ and transport/")
        #expect(!transport.contains { $0.hasPrefix(".") }, "\(about): unfinished files")
        #expect(try site.pending() == expected, "\(about): pending")
        let postman = try site.names("postman")
        #expect(postman.count == 2 && postman[0] + ".reason" == postman[1], "\(about): postman/ \(postman)")
    }
}
