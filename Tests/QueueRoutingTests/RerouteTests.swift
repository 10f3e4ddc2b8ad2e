// Messages that were routed already are routed anew after a map was mended: who waits goes the new way, who has his copy gets no
// second one, and a process that is killed on the way changes nothing of that.

import Glibc
import MailSyntax
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

    // MARK: Several addresses for one mailbox

    /// Rewrites which user of the store each of two submitted addresses leads to.
    private static func map(_ users: [String], in site: TestSite) throws {
        let lines = users.enumerated().map { "m0\($0)@example.org\tsmtp-lmtp!node!\($1)\n" }
        try site.write(lines.joined(), to: "db/fqdnroutes")
    }

    /// Both lead to the catch-all mailbox, and are told apart one after the other.
    @Test(
        arguments: [["a", "b"], ["catch", "b"], ["a", "catch"], ["b", "b"]],
        [["a", "c"], ["catch", "catch"], ["d", "d"]])
    func everyAddressGoesItsOwnWay(first: [String], second: [String]) throws {
        let site = try TestSite()
        try Self.map(["catch", "catch"], in: site)
        try site.submit("from <a@b.example>\nto <m00@example.org>\nto <m01@example.org>\nenv-end\n\nx\n", as: "1")
        try site.route()
        #expect(try site.pending() == ["smtp-lmtp!node!catch"])
        for users in [first, second] {
            try Self.map(users, in: site)
            let reports = try Self.reroute(site)
            #expect(reports.allSatisfy { $0.failure == nil && $0.kept.isEmpty })
            #expect(try site.pending() == Set(users).sorted().map { "smtp-lmtp!node!\($0)" })
        }
        let addresses = try site.controlFiles().flatMap(\.recipients).filter { $0.tag == .pending }.flatMap {
            $0.submittedAddresses.map { text($0.address) }
        }
        #expect(addresses.sorted() == ["m00@example.org", "m01@example.org"], "each is known with its mailbox")
    }

    @Test func whatAnOlderVersionWroteStaysWhereAnAddressIsNotToldOf() throws {
        let site = try TestSite()
        try Self.map(["catch", "catch"], in: site)
        try site.submit("from <a@b.example>\nto <m00@example.org>\nto <m01@example.org>\nenv-end\n\nx\n", as: "1")
        try site.route()
        let name = try #require(try site.names("transport").first)
        let control = text(try site.read("transport/\(name)"))
        try site.put(control.replacing("O rfc822;m01@example.org\n", with: ""), at: "postoffice/transport/\(name)")
        try Self.map(["a", "b"], in: site)
        let report = try #require(try Self.reroute(site).first)
        #expect(report.rerouted == 0 && report.failure == nil)
        #expect(report.kept.map { text($0.address) } == ["m00@example.org"])
        #expect(report.kept.first?.reason.contains("submitted for m01@example.org too") == true)
        #expect(try site.pending() == ["smtp-lmtp!node!catch"])
    }

    // MARK: Again and again

    /// Lists whose members and their hosts change at random, with deliveries between: nobody has two copies, and whoever a list led
    /// to when it was routed last, with members waiting, has one.
    @Test(arguments: 1...12) func whoIsReroutedAgainAndAgainHasOneCopy(seed: Int) throws {
        var random = Generator(state: UInt64(seed) &* 0x9E37_79B9_7F4A_7C15)
        var reroutes = 0
        for _ in 0..<5 {
            let site = try TestSite()
            var lists = Lists()
            try lists.write(to: site)
            try site.submit(
                "from <a@b.example>\n\(lists.names.map { "to <\($0)>\n" }.joined())env-end\n\nx\n", as: "1")
            try site.route()
            var copies: [String: Int] = [:]
            var expected = lists.members
            for _ in 0..<Int.random(in: 2...6, using: &random) {
                try Self.deliver(oneIn: 3, of: site, &copies, &random)
                lists.change(&random)
                try lists.write(to: site)
                let waiting = try site.controlFiles().flatMap(\.recipients).filter { $0.tag == .pending }.flatMap {
                    $0.submittedAddresses.map { text($0.address) }
                }
                let reports = try Self.reroute(site)
                #expect(reports.allSatisfy { $0.failure == nil && $0.kept.isEmpty }, "\(seed)")
                for name in Set(waiting) { expected[name] = lists.members[name] }
                reroutes += 1
            }
            try Self.deliver(oneIn: 1, of: site, &copies, &random)
            #expect(copies.values.allSatisfy { $0 == 1 }, "\(seed): \(copies)")
            for (name, members) in expected {
                #expect(members.allSatisfy { copies[$0] == 1 }, "\(seed): \(name), \(members), \(copies)")
            }
            #expect(try site.names("transport").isEmpty && site.names("queue").isEmpty)
        }
        print("RerouteTests: seed \(seed): \(reroutes) times routed anew, nobody lost, nobody doubled")
        #expect(reroutes >= 10)
    }

    /// A small generator with a fixed seed, so that what happened can be repeated.
    private struct Generator: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return state
        }
    }

    /// Three lists, each with members of its own.
    private struct Lists {
        let names = (0..<3).map { "l\($0)@example.org" }
        var members: [String: [String]] = [:]
        private var hosts: [String: String] = [:]

        init() {
            for (index, name) in names.enumerated() { members[name] = Self.all(index) }
        }

        private static func all(_ index: Int) -> [String] { (0..<3).map { "p\(index)\($0)" } }

        mutating func change(_ random: inout Generator) {
            for (index, name) in names.enumerated() where Bool.random(using: &random) {
                let chosen = Self.all(index).filter { _ in Int.random(in: 0..<4, using: &random) > 0 }
                if !chosen.isEmpty { members[name] = chosen }
            }
            for user in names.indices.flatMap(Self.all) where Bool.random(using: &random) {
                hosts[user] = "h\(Int.random(in: 0..<9, using: &random))"
            }
        }

        func write(to site: TestSite) throws {
            let lines = names.map { name in
                "\(name): \((members[name] ?? []).map { "\($0)@example.org" }.joined(separator: ", "))\n"
            }
            try site.write(lines.joined(), to: "db/fqdnaliases-local")
            let routes = names.indices.flatMap(Self.all).map { user in
                "\(user)@example.org\tsmtp-lmtp!\(hosts[user] ?? "h0")!\(user)\n"
            }
            try site.write(routes.joined(), to: "db/fqdnroutes")
        }
    }

    /// Delivers to some of those who wait, and removes what is done.
    private static func deliver(
        oneIn part: Int, of site: TestSite, _ copies: inout [String: Int], _ random: inout Generator
    ) throws {
        for name in try site.postOffice.messages().names {
            guard case .opened(var message) = try site.postOffice.open(name) else { continue }
            for recipient in message.contents.recipients
            where recipient.tag == .pending && Int.random(in: 0..<part, using: &random) == 0 {
                try message.mark(.done, recipientAt: recipient.offset)
                copies[text(recipient.address.user), default: 0] += 1
            }
            guard message.contents.isFinished else { continue }
            let outcome = try site.postOffice.remove(message)
            #expect(outcome == .removed)
        }
    }

    // MARK: Faults

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
