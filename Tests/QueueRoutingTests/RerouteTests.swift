// Messages that were routed already are routed anew after a map was mended: who waits goes the new way, who has his copy gets no
// second one, and a process that is killed on the way changes nothing of that.

import Glibc
import QueueRouting
import Spool
import System
import Testing
import ZRouteTestKit

@Suite struct RerouteTests {
    /// A site in which some mailboxes have moved since its messages were routed, and alice has her copy.
    private static func movedSite() throws -> TestSite {
        let site = try TestSite()
        try site.submit("from <a@b.example>\nto <list@example.org>\nenv-end\nSubject: 1\n\nx\n", as: "1")
        try site.submit("from <a@b.example>\nto <m00@example.org>\nto <m01@example.org>\nenv-end\n\nx\n", as: "2")
        try site.route()
        try deliver("cyrus-alice", of: site)
        try move(["alice", "bob", "m00"], in: site)
        return site
    }

    private static func move(_ users: [String], in site: TestSite) throws {
        var map = String(decoding: try site.place.read("db/fqdnroutes"), as: UTF8.self)
        for user in users { map.replace("!cyrus-node!cyrus-\(user)", with: "!moved!cyrus-\(user)") }
        try site.write(map, to: "db/fqdnroutes")
    }

    private static func deliver(_ user: String, of site: TestSite) throws {
        for name in try site.postOffice.messages().names {
            guard case .opened(var message) = try site.postOffice.open(name) else { continue }
            for recipient in message.contents.recipients where text(recipient.address.user) == user {
                try message.mark(.done, recipientAt: recipient.offset)
            }
        }
    }

    private static func reroute(_ site: TestSite, failing: String? = nil) throws -> [RerouteReport] {
        let run = try site.spoolRun(failing: failing)
        defer { run.close() }
        var reports: [RerouteReport] = []
        for name in try site.postOffice.messages().names {
            guard case .opened(let message) = try site.postOffice.open(name) else { continue }
            reports.append(run.reroute(message))
        }
        return reports
    }

    private static let moved = [
        "error!nosuchuser!gone@example.org", "smtp!remote.example!ext@remote.example",
        "smtp-lmtp!cyrus-node!cyrus-m01", "smtp-lmtp!moved!cyrus-bob", "smtp-lmtp!moved!cyrus-m00",
    ]

    @Test func whoWaitsGoesTheNewWay() throws {
        let site = try Self.movedSite()
        let reports = try Self.reroute(site)
        #expect(reports.allSatisfy { $0.failure == nil && $0.kept.isEmpty })
        #expect(reports.map(\.unchanged).reduce(0, +) == 1)
        #expect(try site.pending() == Self.moved)
        // The split-off files are ordinary messages, with the old one's header and body.
        for name in reports.compactMap(\.message) {
            #expect(try site.names("queue").contains(name.description))
            let control = try ControlFile(parsing: try site.read("transport/\(name)"))
            #expect(control.origin != nil && control.recipients.allSatisfy { control.header(of: $0) != nil })
        }
        let again = try Self.reroute(site)
        #expect(again.allSatisfy { $0.rerouted == 0 && $0.failure == nil }, "nothing has changed since")
        #expect(try site.pending() == Self.moved)
    }

    @Test func whatCannotBeKnownNowStays() throws {
        let site = try Self.movedSite()
        let before = try site.pending()
        let reports = try Self.reroute(site, failing: "*")
        #expect(reports.flatMap(\.kept).count == 3 && reports.allSatisfy { $0.message == nil })
        #expect(try site.pending() == before)
        #expect(try site.controlFiles().flatMap(\.recipients).allSatisfy { $0.tag != .locked })
    }

    @Test func anAgentsRecipientsAreLeftToIt() throws {
        let site = try Self.movedSite()
        var bytes: [UInt8] = []
        let name = try #require(
            try site.postOffice.messages().names.first { name in
                bytes = try site.read("transport/\(name)")
                return text(bytes).contains("cyrus-m00")
            })
        // Process 1 is always alive, and an agent of ZMailer's to us.
        let control = try ControlFile(parsing: bytes)
        let recipient = try #require(control.recipients.first { text($0.address.user) == "cyrus-m00" })
        bytes.replaceSubrange((recipient.offset + 1)..<(recipient.offset + 8), with: Array("~     1".utf8))
        try site.put(bytes, at: "postoffice/transport/\(name)")
        _ = try Self.reroute(site)
        #expect(try site.pending() == Self.moved.filter { !$0.hasSuffix("m00") })
    }

    /// Each recipient is once in the spool, by the old way or by the new one; and by the new one when it is done again.
    @Test(arguments: ["kill", "\(ENOSPC)", "\(EIO)"], [false, true])
    func everyRecipientIsInItsPlaceOnce(mode: String, isRepeated: Bool) throws {
        let runner = try Programs.path("QueueRoutingRunner")
        let users = Self.moved.map { $0.split(separator: "!").last.map(String.init) ?? "" }.sorted()
        var number = 0
        while true {
            let site = try Self.movedSite()
            let about = "\(mode) at \(number)"
            let first = try runCommand(runner, [site.path, mode, "\(number)", "reroute"])
            if !isRepeated {
                let opened = try runCommand(runner, [site.path, "none", "0", "open"])
                #expect(opened.status == 0 && !opened.text.contains("error"), "\(about): \(opened.text)")
                let pending = try site.pending().map { $0.split(separator: "!").last.map(String.init) ?? "" }
                #expect(pending.sorted() == users, "\(about)")
            }
            let second = try runCommand(runner, [site.path, "none", "0", "reroute"])
            #expect(second.status == 0 && !second.text.contains("error"), "\(about): \(second.text)")
            #expect(try site.pending() == Self.moved, "\(about)")
            let names = try site.names("transport")
            #expect(try site.names("queue") == names && !names.contains { $0.hasPrefix(".") }, "\(about): \(names)")
            if first.status == 0, (Int(first.text.split(separator: "\n").last ?? "") ?? .max) <= number { break }
            number += 1
        }
        print(
            "RerouteTests: \(mode)\(isRepeated ? "" : ", opened"): \(number) fault points, none lost, none doubled")
        #expect(number > 30)
    }
}
