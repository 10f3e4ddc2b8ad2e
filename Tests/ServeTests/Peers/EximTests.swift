// A real Exim in front of `zroute serve`, set up as docs/exim.md says: every decision about an address is ours.

import Foundation
import Glibc
import Testing
import ZRouteTestKit

@Suite(.serialized) struct EximTests {
    private static func start(
        maps: [String: String] = PeerSite.maps, replacing paths: [(old: String, new: String)] = []
    ) throws -> (exim: EximPeer, site: PeerSite, command: String) {
        let page = try DocumentedConfiguration("exim.md")
        let site = try PeerSite(page, maps: maps, replacing: paths)
        let exim = try EximPeer(site.filled(try page.file("/etc/exim4/exim4.conf")))
        return (exim, site, try page.command("zroute serve "))
    }

    /// Postfix takes the quoted `@` for an attempt to relay.
    private static let ways = PostfixTests.ways + [("\"a@b\"@virtual.example", ["at-sign"])]

    @Test func messagesAreFoundWhereTheMapsSay() throws {
        guard EximPeer.canRun("EximTests") else { return }
        let (exim, site, command) = try Self.start()
        defer { exim.stop() }
        try site.serve(command)
        var wanted: [String: [String]] = [:]
        for (number, way) in counted("addresses that Exim delivers to", Self.ways).enumerated() {
            let reply = try exim.connect().send(to: [way.address], subject: "way-\(number)")
            #expect(reply.kind == "2", "\(way.address): \(reply) \(site.log)")
            for mailbox in way.mailboxes { wanted[mailbox, default: []].append("way-\(number)") }
        }
        try exim.waitUntilEmpty()
        let found = try site.delivered()
        #expect(found.mapValues { $0.sorted() } == wanted.mapValues { $0.sorted() }, "\(exim.log.suffix(3000))")
        #expect(exim.logLines(" ** ").isEmpty)
    }

    /// A store at a port, and a host that takes mail by SMTP: Dovecot's port of LMTP, and Exim's own.
    @Test func storesAndHostsAtPortsAreReached() throws {
        guard EximPeer.canRun("EximTests") else { return }
        let store = try RealServer("dovecot", environment: ["DOMAINS": "no"])
        defer { store.stop() }
        let port = store["LMTP_TCP"].split(separator: ":").last ?? ""
        let routes = """
            user@example.org   smtp-lmtp!node!cyrus-user%2
            other@example.org  smtp![192.0.2.9]!other@elsewhere.example
            sixth@example.org  smtp![IPv6:2001:db8::9]!sixth@elsewhere.example

            """
        let (exim, site, command) = try Self.start(
            maps: PeerSite.maps.merging(["fqdnroutes": routes]) { $1 },
            replacing: [
                ("UNIX:/run/store/lmtp\"", "[127.0.0.1] -p \(port)\"\nsmtp/*\n    command=\"smtp -s\"")
            ])
        defer { exim.stop() }
        try site.serve(command)
        let reply = try exim.connect().send(to: ["user+Lists@example.org"], subject: "port")
        #expect(reply.kind == "2", "\(reply) \(site.log)")
        try exim.waitUntilEmpty()
        let found = try IMAPClient(store["IMAP"], user: "cyrus-user", password: "secret").messages(in: "Lists")
        #expect(found.count { $0.contains("Subject: port\r\n") } == 1, "\(exim.log.suffix(2000))")
        for (address, host) in [("other", "192.0.2.9"), ("sixth", "2001:db8::9")] {
            let told = try exim.run("-bt", "\(address)@example.org")
            #expect(told.status == 0 && told.text.contains("transport = remote_smtp"), "\(address): \(told.text)")
            #expect(told.text.contains("[\(host)]"), "\(address): \(told.text)")
        }
    }

    @Test func addressesAreToldAndVerified() throws {
        guard EximPeer.canRun("EximTests") else { return }
        let (exim, site, command) = try Self.start()
        defer { exim.stop() }
        // Nobody answers: neither taken nor refused.
        for address in Self.ways.map(\.address) + PostfixTests.refusals.map(\.address) {
            let reply = try exim.connect().ask(address)
            #expect(reply.kind == "4", "nobody serves, \(address): \(reply)")
        }
        #expect(try exim.run("-bt", "user@virtual.example").status == 1)
        try site.serve(command)
        for refusal in counted("addresses that Exim refuses", PostfixTests.refusals) {
            let reply = try exim.connect().ask(refusal.address)
            #expect(
                reply.description.hasPrefix("550 ") && reply.description.hasSuffix("5.1.1 \(refusal.text)"),
                "\(refusal.address): \(reply) \(site.log)")
            #expect(try exim.run("-bt", refusal.address).status == 2, "\(refusal.address)")
        }
        for way in Self.ways {
            let told = try exim.run("-bt", way.address)
            #expect(told.status == 0, "\(way.address): \(told.text)")
            let lines = told.text.split(separator: "\n").filter { $0.contains("transport = lmtp_socket") }
            #expect(lines.count == way.mailboxes.count, "\(way.address): \(told.text)")
        }
        for address in ["user@node.store.internal", "nobody@elsewhere.example"] {
            let reply = try exim.connect().ask(address)
            #expect(reply.kind == "5" && reply.description.contains("relay not permitted"), "\(address): \(reply)")
        }
    }

    /// With any one map failing an address is answered as with all maps whole, or with a 4xx.
    @Test func whatCannotBeToldIsPutOff() throws {
        guard EximPeer.canRun("EximTests") else { return }
        let (exim, site, command) = try Self.start()
        defer { exim.stop() }
        var putOff = 0
        for relation in counted("maps that fail behind Exim", PeerSite.relations) {
            try site.serve(command, failing: [relation])
            for way in Self.ways {
                let reply = try exim.connect().ask(way.address)
                #expect("24".contains(reply.kind), "\(relation), \(way.address): \(reply)")
                if reply.kind == "4" { putOff += 1 }
            }
            for refusal in PostfixTests.refusals {
                let reply = try exim.connect().ask(refusal.address)
                #expect(
                    reply.kind == "4" || reply.description.hasSuffix(refusal.text),
                    "\(relation), \(refusal.address): \(reply)")
                if reply.kind == "4" { putOff += 1 }
            }
            site.stopServing(SIGTERM)
        }
        print("EximTests: \(putOff) questions with a failing map are put off")
        #expect(putOff > 40)
    }

    @Test func whatWaitsIsRoutedWhenTheServerIsBack() throws {
        guard EximPeer.canRun("EximTests") else { return }
        let (exim, site, command) = try Self.start()
        defer { exim.stop() }
        try site.serve(command)
        site.stopStore()
        for way in Self.ways {
            let reply = try exim.connect().send(to: [way.address], subject: "waiting")
            #expect(reply.kind == "2", "\(way.address): \(reply)")
        }
        // The first attempt has failed at the store.
        #expect(
            try holds {
                let lines = exim.logLines(" T=lmtp_socket defer ")
                return Set(lines.map { $0.split(separator: " ")[2] }).count == Self.ways.count
            })
        site.stopServing()
        try site.startStore()
        try exim.runQueue()
        #expect(try exim.queued() == Self.ways.count && site.delivered().isEmpty)
        #expect(exim.log.contains("address lookup failed"))
        try site.serve(command, failing: PeerSite.relations)
        try exim.runQueue()
        #expect(exim.logLines(" ** ").isEmpty && exim.logLines("Unrouteable").isEmpty, "\(exim.log.suffix(2000))")
        site.stopServing()
        try site.serve(command)
        try exim.runQueue()
        try exim.waitUntilEmpty()
        #expect(try site.delivered().values.joined().count == Self.ways.reduce(0) { $0 + $1.mailboxes.count })
        #expect(exim.logLines(" ** ").isEmpty)
    }
}
