// A real Postfix in front of `zroute serve`, set up as docs/postfix.md says: every decision about an address is ours.

import Foundation
import Testing
import ZRouteTestKit

@Suite(.serialized) struct PostfixTests {
    /// What Postfix is set up by: a section of the page.
    static let lookupMaps = "Lookup maps"

    /// Address as it is typed, then the users and folders that get its mail.
    static let ways: [(address: String, mailboxes: [String])] = [
        ("user@virtual.example", ["virtual-user"]),
        ("user+Lists@virtual.example", ["virtual-user+Lists"]),
        ("user--Lists@virtual.example", ["virtual-user+Lists"]),
        ("user+lists/swift@virtual.example", ["virtual-user+lists.swift"]),
        ("USER@VIRTUAL.EXAMPLE", ["virtual-user"]),
        ("User+Lists@Virtual.Example", ["virtual-user+Lists"]),
        ("user@example.org", ["user"]),
        ("other--lists@example.org", ["other+lists"]),
        ("any@catch.example", ["catch"]),
        ("ANY+tail@catch.example", ["catch"]),
        ("team@virtual.example", ["virtual-user", "other+Lists"]),
        ("Team@virtual.example", ["virtual-user", "other+Lists"]),
        ("everyone@example.org", ["virtual-user", "other+Lists", "user", "user+Quoted"]),
        ("self@example.org", ["self", "user"]),
        ("postmaster@virtual.example", ["user"]),
        ("postmaster@mail.example.org", ["user"]),
        ("Postmaster", ["user"]),
        ("\"quoted user\"@virtual.example", ["user+Quoted"]),
        ("\"Quoted User\"@virtual.example", ["user+Quoted"]),
        ("\"user\"@virtual.example", ["virtual-user"]),
    ]

    /// Recipients that are refused, and what with.
    static let refusals: [(address: String, text: String)] = [
        ("nobody@virtual.example", "nobody of that name is here"),
        ("nobody+Lists@virtual.example", "nobody of that name is here"),
        ("nobody--lists@example.org", "nobody of that name is here"),
        ("NOBODY@Example.Org", "nobody of that name is here"),
        ("gone@virtual.example", "this user has left"),
        ("Gone+x@virtual.example", "this user has left"),
        ("\"no body\"@virtual.example", "nobody of that name is here"),
    ]

    private static func start(
        _ section: String, _ lines: String = "", store: String? = nil, maps: [String: String] = PeerSite.maps
    ) throws -> (postfix: PostfixPeer, site: PeerSite, command: String) {
        let page = try DocumentedConfiguration("postfix.md", section: section)
        let postfix = try PostfixPeer(
            try page.file("/etc/postfix/main.cf") + lines, commands: page.commands("postconf "))
        let site = try PeerSite(page, store: store, maps: maps, replacing: postfix.replacements)
        return (postfix, site, try page.command("zroute serve "))
    }

    @Test func messagesAreFoundWhereTheMapsSay() throws {
        guard PostfixPeer.canRun("PostfixTests") else { return }
        let (postfix, site, command) = try Self.start(Self.lookupMaps)
        defer { postfix.stop() }
        try site.serve(command)
        var wanted: [String: [String]] = [:]
        for (number, way) in counted("addresses that Postfix delivers to", Self.ways).enumerated() {
            let reply = try postfix.connect().send(to: [way.address], subject: "way-\(number)")
            #expect(reply.kind == "2", "\(way.address): \(reply) \(site.log)")
            for mailbox in way.mailboxes { wanted[mailbox, default: []].append("way-\(number)") }
        }
        try postfix.waitUntilEmpty()
        let found = try site.delivered()
        #expect(found.mapValues { $0.sorted() } == wanted.mapValues { $0.sorted() }, "\(postfix.log.suffix(3000))")
        #expect(postfix.logLines("status=bounced").isEmpty)
    }

    /// Where the store knows its users by the addresses themselves, `alias` takes the place of `store-alias`.
    @Test func storesThatKnowAddressesAreAskedForThem() throws {
        guard PostfixPeer.canRun("PostfixTests") else { return }
        let (postfix, site, command) = try Self.start(
            Self.lookupMaps, "virtual_alias_maps = socketmap:unix:zroute/socketmap:alias\n")
        defer { postfix.stop() }
        try site.serve(command)
        let ways: [(address: String, mailboxes: [String])] = [
            ("User+Lists@Virtual.Example", ["User+Lists"]), ("other@example.org", ["other"]),
            ("any@catch.example", ["any"]), ("team@virtual.example", ["user", "other+Lists"]),
            ("everyone@example.org", ["user", "other+Lists", "user", "user+Quoted"]),
            ("self@example.org", ["self", "user"]), ("postmaster@virtual.example", ["user"]),
        ]
        var wanted: [String: [String]] = [:]
        let replies = try postfix.clients.send(ways.map(\.address), subjects: "way")
        for (number, (way, reply)) in zip(ways, replies).enumerated() {
            #expect(reply.kind == "2", "\(way.address): \(reply) \(site.log)")
            for mailbox in way.mailboxes { wanted[mailbox, default: []].append("way-\(number)") }
        }
        try postfix.waitUntilEmpty()
        let found = try site.delivered()
        #expect(found.mapValues { $0.sorted() } == wanted.mapValues { $0.sorted() }, "\(postfix.log.suffix(3000))")
        #expect(postfix.logLines("status=bounced").isEmpty)
    }

    /// Stores that are asked for users below storedomain, and how they are told not to mind it.
    @Test(arguments: [("cyrus", ["VIRTDOMAINS": "off"]), ("dovecot", ["DOMAINS": "no"])])
    func messagesAreFoundInStoresThatDoNotMindTheDomain(name: String, environment: [String: String]) throws {
        guard PostfixPeer.canRun("PostfixTests") else { return }
        let server = try RealServer(name, environment: environment)
        defer { server.stop() }
        if name == "cyrus" {
            let admin = try IMAPClient(server["IMAP"], user: "admin", password: "secret")
            for mailbox in ["user/cyrus-user", "user/cyrus-user/Lists"] { try admin.makeMailbox(mailbox) }
        }
        let routes = """
            sender@example.org    smtp-lmtp!node!cyrus-user
            user@example.org      smtp-lmtp!node!cyrus-user%2
            other@example.org     smtp-lmtp!node!cyrus-user%2
            user@virtual.example  smtp-lmtp!node!cyrus-user%2
            @catch.example        smtp-lmtp!node!cyrus-user

            """
        let (postfix, site, command) = try Self.start(
            Self.lookupMaps, store: server["LMTP_SOCKET"], maps: PeerSite.maps.merging(["fqdnroutes": routes]) { $1 })
        defer { postfix.stop() }
        try site.serve(command)
        let ways = [
            ("user@example.org", "INBOX"), ("USER+Lists@Virtual.Example", "Lists"),
            ("user--Lists@example.org", "Lists"),
            ("any@catch.example", "INBOX"), ("postmaster@virtual.example", "INBOX"),
        ]
        let replies = try postfix.clients.send(ways.map(\.0), subjects: "way")
        for (way, reply) in zip(ways, replies) {
            #expect(reply.kind == "2", "\(way): \(reply) \(site.log)")
        }
        try postfix.waitUntilEmpty()
        for (number, way) in ways.enumerated() {
            let found = try IMAPClient(server["IMAP"], user: "cyrus-user", password: "secret").messages(in: way.1)
                .count { $0.contains("Subject: way-\(number)\r\n") }
            #expect(found == 1, "\(way): \(found) \(postfix.log.suffix(2000))")
        }
    }

    @Test func unknownUsersAreRefusedInOurWords() throws {
        guard PostfixPeer.canRun("PostfixTests") else { return }
        let (postfix, site, command) = try Self.start(Self.lookupMaps)
        defer { postfix.stop() }
        try site.serve(command)
        for refusal in counted("addresses that Postfix refuses", Self.refusals) {
            let reply = try postfix.connect().ask(refusal.address)
            #expect(
                reply.description.hasPrefix("550 5.1.1 ")
                    && reply.description.hasSuffix(": Recipient address rejected: \(refusal.text)"),
                "\(refusal.address): \(reply) \(site.log)")
        }
        // Below storedomain nobody can write from outside.
        for address in ["user@node.store.internal", "user@store.internal", "nobody@elsewhere.example"] {
            let reply = try postfix.connect().ask(address)
            #expect(reply.kind == "5" && reply.description.contains("Relay access denied"), "\(address): \(reply)")
        }
    }

    @Test func theAccessMapRefusesInOurWords() throws {
        guard PostfixPeer.canRun("PostfixTests") else { return }
        let access = try DocumentedConfiguration("postfix.md", section: "Access map").file("/etc/postfix/main.cf")
        // Nothing but the access map refuses.
        let (postfix, site, command) = try Self.start(
            Self.lookupMaps, access + "transport_maps =\nvirtual_mailbox_maps =\n")
        defer { postfix.stop() }
        try site.serve(command)
        for refusal in Self.refusals {
            let reply = try postfix.connect().ask(refusal.address)
            #expect(
                reply.description.hasPrefix("550 5.1.1 ")
                    && reply.description.hasSuffix(": Recipient address rejected: \(refusal.text)"),
                "\(refusal.address): \(reply) \(site.log)")
        }
        for way in Self.ways {
            let reply = try postfix.connect().ask(way.address)
            #expect(reply.kind == "2", "\(way.address): \(reply)")
        }
        site.stopServing()
        try site.serve(command, failing: PeerSite.relations)
        // The postmaster of this host is let in without a question; the next one is asked when the message has come.
        for address in Self.ways.map(\.address) + Self.refusals.map(\.address) where address.contains("@") {
            let reply = try postfix.connect().ask(address)
            #expect(reply.kind == "4", "\(address): \(reply)")
        }
    }
}
