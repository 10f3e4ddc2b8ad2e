// Whether the files of a site agree about its domains: those that mail is taken for (the relay files), those that have users,
// those that are local, and those whose unknown users are refused.

import Bytes
import Configuration
import Maps
import Routing

/// Compares the domains of a site's files.
struct DomainRule {
    let site: CheckedSite

    /// What they disagree about.
    func findings(_ found: (Finding?) -> Void) {
        canonicalNames(found)
        let relays = site.relays.filter { site.maps[$0].count > 0 }
        // Who has no relay file says elsewhere what mail is taken for.
        guard !relays.isEmpty else { return }
        listedDomains(relays, found)
        if site.knowsRelays, site.isComplete(.thishost) { unlistedDomains(relays, found) }
    }

    private func canonicalNames(_ found: (Finding?) -> Void) {
        guard site.isComplete(.thishost) else { return }
        for map in site.maps(of: .thishost) {
            for index in 0..<site.maps[map].count {
                let name = site.maps[map].value(index).map(ASCII.lowercase)
                guard !name.isEmpty, !name.contains(where: { $0 == UInt8(ascii: "%") || ASCII.isBlank($0) }),
                    !site.isLocal(name)
                else { continue }
                found(
                    site.finding(
                        .canonicalNameNotLocal, .warning, at: EntryPlace(map: map, entry: index),
                        "mail for '\(string(site.maps[map].key(index)))' leaves for '\(string(name))', which is not local itself; add"
                            + " that name to thishost on a line of its own, correct it, or write nothing behind the key"
                    ))
            }
        }
    }

    /// Domains of the relay files that are local, or whose unknown users are not refused.
    private func listedDomains(_ relays: [Int], _ found: (Finding?) -> Void) {
        for map in relays {
            for index in 0..<site.maps[map].count {
                let domain = site.maps[map].key(index).map(ASCII.lowercase)
                guard Self.isDomain(domain) else { continue }
                if let local = site.entry(of: domain, in: .thishost) {
                    found(
                        site.finding(
                            .localServiceDomain, .warning, at: local,
                            "'\(string(domain))' is local, and \(site.maps[map].place(index)) lists it as a domain that mail is taken for:"
                                + " addresses in it that no map has become local users; remove it here, and refuse them by"
                                + " '\(string(domain)) error!nosuchuser' in routesdb"))
                } else if site.isComplete(.routesdb, .fqdnaliases, .fqdnroutes, .thishost), !hasFailover(domain) {
                    found(
                        site.finding(
                            .noFailoverRoute, .warning, at: EntryPlace(map: map, entry: index),
                            "'\(string(domain))' has no entry in routesdb: mail for an address that no map has leaves by SMTP and comes"
                                + " back; add '\(string(domain)) error!nosuchuser' to routesdb"))
                }
            }
        }
    }

    private func hasFailover(_ domain: [UInt8]) -> Bool {
        if site.isLocal(domain) || site.entry(ofDomain: domain, in: .routesdb) != nil { return true }
        let whole = [UInt8(ascii: "@")] + domain
        return site.entry(of: whole, in: .fqdnaliases) != nil || site.entry(of: whole, in: .fqdnroutes) != nil
    }

    /// Domains with users that no relay file has: the first entry of each.
    private func unlistedDomains(_ relays: [Int], _ found: (Finding?) -> Void) {
        var known: [[UInt8]: Bool] = [:]
        for relation in [RelationName.fqdnroutes, .fqdnaliases] {
            var first: [[UInt8]: (place: EntryPlace, line: Int, count: Int)] = [:]
            for map in site.maps(of: relation) {
                for index in 0..<site.maps[map].count {
                    let key = site.maps[map].source.place(of: index).key
                    guard let at = site.maps[map].source.bytes[key].lastIndex(of: UInt8(ascii: "@")) else { continue }
                    let domain = Array(site.maps[map].source.bytes[(at + 1)..<key.upperBound])
                    let isKnown = known[domain] ?? isListed(domain, relays)
                    known[domain] = isKnown
                    guard !isKnown else { continue }
                    let line = site.maps[map].source.place(of: index).line ?? 0
                    let place = EntryPlace(map: map, entry: index)
                    guard let earlier = first[domain] else {
                        first[domain] = (place, line, 1)
                        continue
                    }
                    let isEarlier = earlier.place.map == map && line < earlier.line
                    first[domain] = (
                        isEarlier ? place : earlier.place, isEarlier ? line : earlier.line, earlier.count + 1
                    )
                }
            }
            for (domain, seen) in first.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
                known[domain] = true
                let others = seen.count > 1 ? " (and \(counted(seen.count - 1, "more entry", "more entries")))" : ""
                found(
                    site.finding(
                        .unlistedDomain, .warning, at: seen.place,
                        "the domain of '\(string(site.key(seen.place)))'\(others) is in no relay file, so mail for it is refused before it"
                            + " is routed; add '\(string(domain))' to \(site.maps[relays[0]].file)"))
            }
        }
    }

    private func isListed(_ domain: [UInt8], _ relays: [Int]) -> Bool {
        domain.first == UInt8(ascii: "[") || site.isLocal(domain)
            || relays.contains { site.entry(ofDomain: domain, inMap: $0, defaults: []) != nil }
    }

    /// Whether a key of a relay file is a domain, and no network, pattern or default.
    private static func isDomain(_ key: [UInt8]) -> Bool {
        guard let first = key.first, first != UInt8(ascii: "."), first != UInt8(ascii: "[") else { return false }
        return key.allSatisfy {
            ASCII.isDigit($0) || ($0 | 0x20) &- UInt8(ascii: "a") < 26 || $0 >= 0x80 || "-_.".utf8.contains($0)
        }
            && key.contains { !ASCII.isDigit($0) && $0 != UInt8(ascii: ".") }
    }
}
