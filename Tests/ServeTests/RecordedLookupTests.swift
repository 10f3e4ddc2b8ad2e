// Every recorded address of every recorded site: `route` says what route-test says, and what `alias` gives comes to itself.

import Bytes
import Configuration
import LookupProtocols
import Maps
import Routing
import Serve
import Site
import Testing
import ZRouteTestKit

@Suite struct RecordedLookupTests {
    @Test(arguments: counted("sites", RecordedSite.names))
    func haveTheRoutesThatRouteTestShows(name: String) throws {
        let site = try RecordedSite(name)
        let engine = site.makeEngine()
        var resolver = site.served.site.makeResolver(
            texts: TextTableLoader(allowing: .all, report: { _ in }), watch: nil)
        var answer = Answer()
        var (compared, withheld, deferred) = (0, 0, 0)
        for address in site.addresses {
            for (map, role) in [(ServedMap.route, Resolver.Request.Role.recipient), (.sender, .sender)] {
                var request = Resolver.Request()
                request.role = role
                resolver.resolve(address.span, request, into: &answer)
                let reply = engine.ask(map, address)
                if answer.status == .deferred {
                    deferred += 1
                    #expect(reply.status == .failed, "\(text(address))")
                    continue
                }
                // No file is read to whoever asks.
                if address.firstRange(of: Array(":include:".utf8)) != nil, role == .recipient {
                    withheld += 1
                    continue
                }
                var expected = TextArena()
                answer.appendRoutes(then: UInt8(ascii: "\n"), to: &expected)
                compared += 1
                #expect(
                    reply.status == .found && reply.text + [UInt8(ascii: "\n")] == expected.array, "\(text(address))")
            }
        }
        print("lookups \(name): \(compared) compared, \(deferred) deferred, \(withheld) with an include left out")
        withExtendedLifetime(site) {}
    }

    @Test(
        arguments: counted("sites", RecordedSite.names),
        [ServedMap.alias, .storeAlias])
    func endAtAddressesThatComeToThemselves(name: String, map: ServedMap) throws {
        let site = try RecordedSite(name)
        let engine = site.makeEngine()
        var counts: [LookupStatus: Int] = [:]
        var ends = 0
        for address in site.addresses {
            let reply = engine.ask(map, address)
            counts[reply.status, default: 0] += 1
            guard reply.status == .found else { continue }
            let all = members(reply.text)
            let known = Set(all.map { $0.map(ASCII.lowercase) })
            for end in all {
                ends += 1
                #expect(end.contains(UInt8(ascii: "@")) && end.first != UInt8(ascii: "|"), "\(text(end))")
                let second = engine.ask(map, end)
                guard second.status != .absent else { continue }
                // A member of its own list comes to that list again: Postfix takes it for an end.
                let others = Set(members(second.text).map { $0.map(ASCII.lowercase) })
                let isEnd =
                    second.status == .found && others.isSubset(of: known) && others.contains(end.map(ASCII.lowercase))
                #expect(isEnd, "\(text(address)): \(text(reply.text)); \(text(end)): \(text(second.text))")
            }
        }
        print(
            "\(map) \(name): \(counts[.found] ?? 0) expand to \(ends), \(counts[.absent] ?? 0) are their own,"
                + " \(counts[.failed] ?? 0) cannot be told")
        withExtendedLifetime(site) {}
    }

    /// The addresses of a reply: commas inside quotes are part of an address.
    private func members(_ value: [UInt8]) -> [[UInt8]] {
        var (members, member): ([[UInt8]], [UInt8]) = ([], [])
        var (isQuoted, isEscaped) = (false, false)
        for byte in value {
            if byte == UInt8(ascii: ","), !isQuoted {
                members.append(member)
                member = []
                continue
            }
            member.append(byte)
            if isEscaped {
                isEscaped = false
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = isQuoted
            } else if byte == UInt8(ascii: "\"") {
                isQuoted.toggle()
            }
        }
        return members + [member]
    }

    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes.prefix(300), as: UTF8.self) }
}
