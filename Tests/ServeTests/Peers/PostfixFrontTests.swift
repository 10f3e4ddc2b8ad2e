// A real Postfix that hands its mail to the LMTP front of `zroute serve`, set up as docs/postfix.md says, and stores behind it.

import Foundation
import Glibc
import Testing
import ZRouteTestKit

@Suite(.serialized) struct PostfixFrontTests {
    /// - Parameter lines: further lines for main.cf.
    static func start(
        _ lines: String = "", store: String? = nil, maps: [String: String] = PeerSite.maps,
        replacing paths: (PostfixPeer) -> [(old: String, new: String)] = { _ in [] }
    ) throws -> (postfix: PostfixPeer, site: PeerSite, command: String) {
        let page = try DocumentedConfiguration("postfix.md", section: "LMTP front")
        let postfix = try PostfixPeer(try page.file("/etc/postfix/main.cf") + lines)
        let site = try PeerSite(
            page, scheduler: DocumentedConfiguration("postfix.md", section: PostfixTests.lookupMaps), store: store,
            maps: maps, replacing: postfix.replacements + paths(postfix))
        return (postfix, site, try page.command("zroute serve "))
    }

    @Test func messagesAreFoundWhereTheMapsSay() throws {
        guard PostfixPeer.canRun("PostfixFrontTests") else { return }
        let (postfix, site, command) = try Self.start()
        defer { postfix.stop() }
        try site.serve(command)
        var wanted: [String: [String]] = [:]
        let ways = counted("addresses that the front delivers to", PostfixTests.ways)
        let replies = try postfix.clients.send(ways.map(\.address), subjects: "way")
        for (number, (way, reply)) in zip(ways, replies).enumerated() {
            #expect(reply.kind == "2", "\(way.address): \(reply) \(site.log)")
            for mailbox in way.mailboxes { wanted[mailbox, default: []].append("way-\(number)") }
        }
        try postfix.waitUntilEmpty()
        let all = wanted.values.joined().count
        _ = try holds { try site.delivered().values.joined().count >= all }
        let found = try site.delivered()
        #expect(
            found.mapValues { $0.sorted() } == wanted.mapValues { $0.sorted() },
            "\(postfix.log.suffix(3000)) \(site.log)")
        #expect(postfix.logLines("status=bounced").isEmpty)
    }

    /// A route leads to the mailer itself, which hands the mail to the front again: nobody but the front sees the circle.
    @Test func mailInACircleEnds() throws {
        guard PostfixPeer.canRun("PostfixFrontTests") else { return }
        let routes = "loop@example.org  smtp!elsewhere!loop@example.org\n" + (PeerSite.maps["fqdnroutes"] ?? "")
        let (postfix, site, command) = try Self.start(
            """
            smtpd_recipient_restrictions = permit_mynetworks, reject_unauth_destination
            hopcount_limit = 1000

            """,
            maps: PeerSite.maps.merging(["fqdnroutes": routes]) { $1 }
        ) { postfix in
            let port = postfix.endpoint.split(separator: ":").last ?? ""
            let loop = "smtp/*\n    command=\"smtp -x -F [127.0.0.1] -p \(port)\""
            return [("UNIX:/run/store/lmtp\"", "UNIX:/run/store/lmtp\"\n\(loop)")]
        }
        defer { postfix.stop() }
        try site.serve(command)
        #expect(try postfix.connect().send(to: ["loop@example.org"], subject: "circle").kind == "2")
        // Its sender is told.
        #expect(try holds { try site.delivered()["sender"]?.count == 1 }, "\(postfix.log.suffix(3000)) \(site.log)")
        try postfix.waitUntilEmpty()
        #expect(try site.delivered().mapValues(\.count) == ["sender": 1])
        let bounced = postfix.logLines("status=bounced")
        #expect(bounced.count == 1 && bounced.allSatisfy { $0.contains("554 5.4.6 mail loop") }, "\(bounced)")
        let rounds = postfix.logLines("to=<loop@example.org>").count
        print("PostfixFrontTests: a message in a circle ended after \(rounds) rounds")
        #expect(rounds < 30)
    }

    @Test func unknownUsersAreRefusedByVerification() throws {
        guard PostfixPeer.canRun("PostfixFrontTests") else { return }
        let (postfix, site, command) = try Self.start()
        defer { postfix.stop() }
        // Nobody answers.
        for address in ["user@virtual.example", "nobody@virtual.example"] {
            let reply = try postfix.connect().ask(address)
            #expect(reply.kind == "4", "nobody serves, \(address): \(reply)")
        }
        try site.serve(command, failing: PeerSite.relations)
        for address in ["other@example.org", "nobody@example.org"] {
            let reply = try postfix.connect().ask(address)
            #expect(reply.kind == "4", "all maps fail, \(address): \(reply)")
        }
        site.stopServing()
        try site.serve(command)
        let refusals = counted("addresses that the front refuses", PostfixTests.refusals)
        var replies: [SMTPReply] = []
        // What is not known yet is 450; so is what failed a moment ago.
        _ = try holds {
            replies = try postfix.clients.ask(refusals.map(\.address))
            return replies.allSatisfy { $0.kind != "4" }
        }
        for (refusal, reply) in zip(refusals, replies) {
            #expect(
                reply.description.hasPrefix("550 5.1.1 ") && reply.description.contains(refusal.text),
                "\(refusal.address): \(reply) \(site.log)")
        }
    }

    /// A store's users as the routes name them, and by which names they log in.
    struct Store: Sendable, CustomTestStringConvertible {
        let server: String
        let exampleUser: String, virtualUser: String
        let login: String
        /// What the store says of a user that it does not have.
        let unknown: String

        var testDescription: String { server }

        var maps: [String: String] {
            PeerSite.maps.merging([
                "fqdnaliases": """
                team@virtual.example: user@virtual.example, user+Lists@example.org
                postmaster@virtual.example: user@example.org

                """,
                "fqdnroutes": """
                sender@example.org    smtp-lmtp!node!\(exampleUser)
                user@example.org      smtp-lmtp!node!\(exampleUser)
                user@virtual.example  smtp-lmtp!node!\(virtualUser)
                gone@virtual.example  smtp-lmtp!node!no-such-user@virtual.example
                @catch.example        smtp-lmtp!node!\(virtualUser)

                """,
            ]) { $1 }
        }
    }

    static let stores = [
        Store(
            server: "cyrus", exampleUser: "cyrus-user%2", virtualUser: "virtual-user%2@virtual.example",
            login: "cyrus-user", unknown: "User unknown"),
        Store(
            server: "dovecot", exampleUser: "cyrus-user%2@example.org", virtualUser: "virtual-user%2@virtual.example",
            login: "cyrus-user@example.org", unknown: "User doesn't exist"),
    ]

    /// Address, whether it is the virtual user's, and the folder.
    private static let ways: [(address: String, isVirtual: Bool, folder: String)] = [
        ("user@example.org", false, "INBOX"), ("user+Lists@example.org", false, "Lists"),
        ("user--Lists@example.org", false, "Lists"), ("USER+Lists@EXAMPLE.ORG", false, "Lists"),
        ("user@virtual.example", true, "INBOX"), ("user+lists@virtual.example", true, "lists"),
        ("User--lists@Virtual.Example", true, "lists"), ("any@catch.example", true, "INBOX"),
        ("postmaster@virtual.example", false, "INBOX"), ("Postmaster", false, "INBOX"),
        ("\"user\"@virtual.example", true, "INBOX"),
    ]

    @Test(arguments: Self.stores) func messagesAreFoundInRealStores(store: Store) throws {
        guard PostfixPeer.canRun("PostfixFrontTests") else { return }
        let server = try RealServer(store.server)
        defer { server.stop() }
        if store.server == "cyrus" {
            let admin = try IMAPClient(server["IMAP"], user: "admin", password: "secret")
            for name in [
                "user/cyrus-user", "user/cyrus-user/Lists", "user/virtual-user@virtual.example",
                "user/virtual-user/lists@virtual.example",
            ] { try admin.makeMailbox(name) }
        }
        let (postfix, site, command) = try Self.start(store: server["LMTP_SOCKET"], maps: store.maps)
        defer { postfix.stop() }
        try site.serve(command)
        for (way, reply) in zip(Self.ways, try postfix.clients.send(Self.ways.map(\.address), subjects: "way")) {
            #expect(reply.kind == "2", "\(way.address): \(reply) \(site.log)")
        }
        #expect(try postfix.connect().send(to: ["team@virtual.example"], subject: "team").kind == "2")
        // The store's own words, while the client still listens.
        let refused = try postfix.connect().ask("gone@virtual.example")
        #expect(
            refused.description.hasPrefix("550 5.1.1 ") && refused.description.contains(store.unknown), "\(refused)")
        try postfix.waitUntilEmpty()
        for (number, way) in Self.ways.enumerated() {
            let found = try Self.subjects(server, store, way.isVirtual, way.folder, "way-\(number)")
            #expect(found == 1, "\(way): \(found) \(postfix.log.suffix(2000))")
        }
        // The list goes through the spool.
        #expect(
            try holds {
                try Self.subjects(server, store, true, "INBOX", "team") == 1
                    && Self.subjects(server, store, false, "Lists", "team") == 1
            }, "\(site.log)")
        print("PostfixFrontTests: \(Self.ways.count + 1) messages found in \(store.server)")
    }

    private static func subjects(
        _ server: RealServer, _ store: Store, _ isVirtual: Bool, _ folder: String, _ subject: String
    ) throws -> Int {
        let user = isVirtual ? "virtual-user@virtual.example" : store.login
        return try IMAPClient(server["IMAP"], user: user, password: "secret").messages(in: folder)
            .count { $0.contains("Subject: \(subject)\r\n") }
    }
}
