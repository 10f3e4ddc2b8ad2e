// Postfix in front of the LMTP front while it is killed: what was accepted is delivered, nothing is bounced, and what comes twice does so
// only where LMTP has no way to tell whether it came once.

import Foundation
import Glibc
import Testing
import ZRouteTestKit

@Suite(.serialized) struct PostfixFrontFailureTests {
    /// How often the front is killed: what ZROUTE_KILLS says, or a few times.
    private static let kills = ProcessInfo.processInfo.environment["ZROUTE_KILLS"].flatMap { Int($0) } ?? 15

    /// The ways of a message: one, or each third time two that have no mailbox in common.
    private static func ways(_ number: Int) -> [(address: String, mailboxes: [String])] {
        let all = PostfixTests.ways
        let first = all[number % all.count]
        guard number % 3 == 0 else { return [first] }
        let others = (1..<all.count).map { all[(number / 3 + $0) % all.count] }
        let second = others.first { Set($0.mailboxes).isDisjoint(with: first.mailboxes) }
        return [first] + (second.map { [$0] } ?? [])
    }

    @Test func nothingIsLostOrBouncedWhileTheFrontIsKilled() throws {
        guard PostfixPeer.canRun("PostfixFrontFailureTests") else { return }
        // Without verification every decision is made while a message is delivered: a 5yz too many would bounce it.
        let (postfix, site, command) = try PostfixFrontTests.start(
            "smtpd_recipient_restrictions = permit_mynetworks, reject_unauth_destination\n")
        defer { postfix.stop() }
        try site.serve(command)
        let turmoil = Turmoil(endpoint: postfix.endpoint, senders: 6, pause: 30_000) { Self.ways($0).map(\.address) }
        turmoil.start()
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<Self.kills {
            // A random moment of whatever goes on.
            usleep(UInt32.random(in: 0..<600_000, using: &generator))
            site.stopServing(SIGKILL)
            try site.serve(command)
        }
        try turmoil.end()
        let result = turmoil.result
        #expect(result.refused.isEmpty && result.accepted.count > Self.kills, "\(result.refused.prefix(5))")
        try postfix.waitUntilEmpty()
        var wanted: [String: Set<String>] = [:]
        for number in result.accepted.keys {
            for mailbox in Self.ways(number).flatMap(\.mailboxes) {
                wanted[mailbox, default: []].insert(Turmoil.subject(number))
            }
        }
        // What goes through the spool comes later.
        var lost = 0
        var found: [String: [String]] = [:]
        _ = try holds(within: 120) {
            found = try site.delivered()
            lost = wanted.reduce(0) { $0 + $1.value.subtracting(found[$1.key] ?? []).count }
            return lost == 0
        }
        #expect(lost == 0, "\(site.log.suffix(3000))")
        #expect(Set(found.keys) == Set(wanted.keys))
        let bounced = postfix.logLines("status=bounced")
        #expect(bounced.isEmpty, "\(bounced.prefix(5))")
        let uncertain = Set(
            postfix.logLines("message may be sent more than once").compactMap { line in
                line.split(separator: " ").dropFirst(5).first.map { $0.dropLast() }
            })
        var (doubled, doubledBySpool) = (0, 0)
        for (number, name) in result.accepted {
            for way in Self.ways(number) {
                for mailbox in way.mailboxes {
                    let copies = found[mailbox]?.count { $0 == Turmoil.subject(number) } ?? 0
                    guard copies > 1 else { continue }
                    if way.mailboxes.count > 1 {
                        doubledBySpool += copies - 1
                    } else {
                        doubled += copies - 1
                        #expect(
                            uncertain.contains(name[...]),
                            "\(Turmoil.subject(number)) (\(name)) came \(copies) times, and Postfix never lost a reply")
                    }
                }
            }
        }
        print(
            "PostfixFrontFailureTests: \(result.accepted.count) messages for"
                + " \(wanted.values.reduce(0) { $0 + $1.count }) mailboxes, \(Self.kills) kills,"
                + " \(postfix.logLines("status=deferred").count) deferrals, \(uncertain.count) messages whose reply was"
                + " lost, \(doubled) copies doubled at a store, \(doubledBySpool) of lists")
        site.stopServing(SIGTERM)
    }
}
