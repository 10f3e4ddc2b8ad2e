// Postfix in front of `zroute serve` while maps fail and the server is killed: whoever exists is refused by nobody, and what
// was accepted is delivered, once.

import Foundation
import Glibc
import Testing
import ZRouteTestKit

@Suite(.serialized) struct PostfixFailureTests {
    private static func start() throws -> (postfix: PostfixPeer, site: PeerSite, command: String) {
        let page = try DocumentedConfiguration("postfix.md", section: PostfixTests.lookupMaps)
        let postfix = try PostfixPeer(try page.file("/etc/postfix/main.cf"), commands: page.commands("postconf "))
        let site = try PeerSite(page, replacing: postfix.replacements)
        return (postfix, site, try page.command("zroute serve "))
    }

    /// With any one map failing an address is answered as with all maps whole, or with a 4xx.
    @Test func whatCannotBeToldIsPutOff() throws {
        guard PostfixPeer.canRun("PostfixFailureTests") else { return }
        let (postfix, site, command) = try Self.start()
        defer { postfix.stop() }
        var putOff = 0
        for relation in counted("maps that fail behind Postfix", PeerSite.relations) {
            try site.serve(command, failing: [relation])
            for way in PostfixTests.ways {
                let reply = try postfix.connect().ask(way.address)
                #expect("24".contains(reply.kind), "\(relation), \(way.address): \(reply)")
                if reply.kind == "4" { putOff += 1 }
            }
            for refusal in PostfixTests.refusals {
                let reply = try postfix.connect().ask(refusal.address)
                #expect(
                    reply.kind == "4" || reply.description.hasSuffix(refusal.text),
                    "\(relation), \(refusal.address): \(reply)")
                if reply.kind == "4" { putOff += 1 }
            }
            site.stopServing(SIGTERM)
        }
        // Nobody answers.
        // The postmaster of this host is let in without a question; the next one is asked when the message has come.
        for address in PostfixTests.ways.map(\.address) + PostfixTests.refusals.map(\.address)
        where address.contains("@") {
            let reply = try postfix.connect().ask(address)
            #expect(reply.kind == "4", "nobody serves, \(address): \(reply)")
        }
        let asked = PeerSite.relations.count * (PostfixTests.ways.count + PostfixTests.refusals.count)
        print("PostfixFailureTests: \(putOff) of \(asked) questions with a failing map are put off")
        #expect(putOff > asked / 3)
        try site.serve(command)
        for way in PostfixTests.ways {
            let reply = try postfix.connect().send(to: [way.address], subject: "whole")
            #expect(reply.kind == "2", "\(way.address): \(reply)")
        }
        try postfix.waitUntilEmpty()
        #expect(try site.delivered().values.joined().count == PostfixTests.ways.reduce(0) { $0 + $1.mailboxes.count })
        #expect(postfix.logLines("status=bounced").isEmpty)
    }

    /// What is in the queue when nobody can be asked stays there.
    @Test func whatWaitsIsRoutedWhenMapsAreWholeAgain() throws {
        guard PostfixPeer.canRun("PostfixFailureTests") else { return }
        let (postfix, site, command) = try Self.start()
        defer { postfix.stop() }
        try site.serve(command)
        site.stopStore()
        for way in PostfixTests.ways {
            let reply = try postfix.connect().send(to: [way.address], subject: "waiting")
            #expect(reply.kind == "2", "\(way.address): \(reply)")
        }
        site.stopServing()
        try site.startStore()
        #expect(
            try holds {
                try postfix.flush()
                // One that was about to be delivered is, and leaves the queue.
                let lines = postfix.logLines("address resolver failure") + postfix.logLines(": removed")
                return Set(lines.map { $0.split(separator: " ")[5] }).count == PostfixTests.ways.count
            })
        #expect(!postfix.logLines("address resolver failure").isEmpty)
        try site.serve(command, failing: PeerSite.relations)
        // Addresses of stores need no map but scheduler.conf.
        try postfix.waitUntilEmpty()
        #expect(try site.delivered().values.joined().count == PostfixTests.ways.reduce(0) { $0 + $1.mailboxes.count })
        #expect(postfix.logLines("status=bounced").isEmpty)
    }

    /// How many messages are sent in turmoil, by how many senders at a time.
    private static let messages = 1_000, senders = 8

    @Test func nothingIsLostWhileMapsFailAtRandomAndTheServerIsKilled() throws {
        guard PostfixPeer.canRun("PostfixFailureTests") else { return }
        let (postfix, site, command) = try Self.start()
        defer { postfix.stop() }
        try site.serve(command)
        let turmoil = Turmoil(endpoint: postfix.endpoint, messages: Self.messages, senders: Self.senders) {
            [PostfixTests.ways[$0 % PostfixTests.ways.count].address]
        }
        turmoil.start()
        var generator = SystemRandomNumberGenerator()
        var kills = 0
        var failures = 0
        while !turmoil.isOver {
            // A random moment of whatever goes on.
            usleep(UInt32.random(in: 0..<600_000, using: &generator))
            site.stopServing(Bool.random(using: &generator) ? SIGKILL : SIGTERM)
            kills += 1
            let failing = PeerSite.relations.filter { _ in Int.random(in: 0..<8, using: &generator) == 0 }
            failures += failing.count
            try site.serve(command, failing: failing)
        }
        site.stopServing()
        try site.serve(command)
        try postfix.waitUntilEmpty()
        let result = turmoil.result
        print(
            "PostfixFailureTests: \(result.accepted.count) messages accepted, \(result.putOff) times 4xx or no answer,"
                + " \(kills) restarts, \(failures) maps that failed")
        #expect(result.refused.isEmpty, "\(result.refused.prefix(5))")
        #expect(result.accepted.count == Self.messages && result.putOff > 0 && kills > 5)
        #expect(postfix.logLines("status=bounced").isEmpty)
        var wanted: [String: [String]] = [:]
        for number in 0..<Self.messages {
            let way = PostfixTests.ways[number % PostfixTests.ways.count]
            for mailbox in way.mailboxes { wanted[mailbox, default: []].append(Turmoil.subject(number)) }
        }
        let found = try site.delivered()
        #expect(Set(found.keys) == Set(wanted.keys))
        for (mailbox, subjects) in wanted {
            let got = found[mailbox] ?? []
            let (lost, surplus) = (Set(subjects).subtracting(got), Set(got).subtracting(subjects))
            #expect(got.count == subjects.count && lost.isEmpty, "\(mailbox) has not \(lost), and \(surplus)")
        }
    }
}
