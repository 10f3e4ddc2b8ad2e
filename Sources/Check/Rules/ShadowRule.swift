// Entries that never decide, because another does before them (SEMANTICS 2, 6).

import Bytes
import Configuration
import Maps
import Routing

/// Finds entries that others hide.
struct ShadowRule {
    let site: CheckedSite

    /// What is hidden; candidates that only an address can tell come from ``hiddenByLists``.
    func findings(_ found: (Finding?) -> Void) {
        for relation in [RelationName.aliases, .fqdnaliases, .fqdnroutes, .routesdb, .thishost] {
            hiddenByEarlierMaps(relation, found)
        }
        hiddenDomains(found)
    }

    private func hiddenByEarlierMaps(_ relation: RelationName, _ found: (Finding?) -> Void) {
        let maps = site.maps(of: relation)
        let defaults: [StaticString] = relation == .routesdb ? [".:recipient", "."] : ["."]
        for (position, map) in maps.enumerated().dropFirst() {
            let later = site.maps[map]
            let bytes = later.source.bytes
            for index in 0..<later.count {
                let key = later.source.place(of: index).key
                for earlier in maps[..<position] {
                    let hiding: EntryPlace?
                    if site.maps[earlier].isSearched, later.isSearched {
                        // What errors and senders are asked by are keys of their own.
                        let isDefault = bytes[key].starts(with: ".:".utf8)
                        hiding =
                            isDefault
                            ? site.maps[earlier].index(of: Array(bytes[key])).map {
                                EntryPlace(map: earlier, entry: $0)
                            }
                            : site.entry(ofDomain: Array(bytes[key]), inMap: earlier, defaults: defaults)
                    } else {
                        hiding = site.maps[earlier].source.index(of: bytes.span.extracting(key))
                            .map { EntryPlace(map: earlier, entry: $0) }
                    }
                    guard let hiding else { continue }
                    let place = EntryPlace(map: map, entry: index)
                    found(
                        site.finding(
                            .shadowedEntry, .warning, at: place,
                            "'\(string(bytes[key]))' is never found here: \(site.text(hiding)) has "
                                + (site.key(hiding) == Array(bytes[key]) ? "it" : "'\(string(site.key(hiding)))'")
                                + ", in a map that is asked before; remove one of the two"))
                    break
                }
            }
        }
    }

    /// Entries of routesdb for domains that are ours, or of which an entry for the whole domain decides.
    private func hiddenDomains(_ found: (Finding?) -> Void) {
        for map in site.maps(of: .routesdb) {
            for index in 0..<site.maps[map].count {
                let place = EntryPlace(map: map, entry: index)
                let domain = site.key(place)
                guard domain.first != UInt8(ascii: "."), !domain.isEmpty, !domain.contains(UInt8(ascii: ":")) else {
                    continue
                }
                // Of several the first decides, and the others are hidden already.
                guard site.entry(of: domain, in: .routesdb) == place else { continue }
                if let local = site.entry(ofDomain: domain, in: .thishost) {
                    // That a domain of the relay files is local is a finding about thishost.
                    guard !site.relays.contains(where: { site.maps[$0].index(of: domain) != nil }) else { continue }
                    found(
                        site.finding(
                            .shadowedEntry, .warning, at: place,
                            "'\(string(domain))' is never asked for: \(site.text(local)) makes the domain local; remove one of the"
                                + " two"))
                } else if domain == site.settings.hostnameBytes {
                    found(
                        site.finding(
                            .shadowedEntry, .warning, at: place,
                            "'\(string(domain))' is never asked for: it is this host's name, which is always local; remove the"
                                + " line, or correct hostname in zmailer.conf"))
                } else {
                    hiddenByWholeDomain(place, domain, found)
                }
            }
        }
    }

    private func hiddenByWholeDomain(_ place: EntryPlace, _ domain: [UInt8], _ found: (Finding?) -> Void) {
        let key = [UInt8(ascii: "@")] + domain
        guard let whole = site.entry(of: key, in: .fqdnaliases) ?? usableRoute(of: key) else { return }
        let value = site.value(whole)
        let isRefusal = site.value(place).starts(with: "error!".utf8)
        // A refusal of the whole domain says what the other one does.
        guard !isRefusal || !value.starts(with: "error!".utf8) else { return }
        // Whoever it hands the users on to may refuse those that nobody has.
        let handsUsersOn = value.contains(UInt8(ascii: "%")) && site.entry(of: key, in: .fqdnaliases) != nil
        guard !isRefusal || !handsUsersOn else { return }
        if isRefusal {
            found(
                site.finding(
                    .hiddenFailover, .warning, at: whole,
                    "'\(string(key))' takes mail for every address of \(string(domain)), so the refusal in \(site.text(place))"
                        + " never has an effect and no misspelt address is refused; remove one of the two"))
        } else {
            found(
                site.finding(
                    .shadowedEntry, .warning, at: place,
                    "'\(string(domain))' is never asked for: \(site.text(whole)) decides for every address of the domain; remove"
                        + " one of the two"))
        }
    }

    private func usableRoute(of key: [UInt8]) -> EntryPlace? {
        guard let place = site.entry(of: key, in: .fqdnroutes),
            RouteHop(
                value: site.value(place).span, relation: .fqdnroutes, substitutes: site.maps[place.map].substitutes)
                != nil
        else { return nil }
        return place
    }

    // MARK: Lists before routes

    /// The entries of fqdnroutes whose address has a list too: they decide only where the list leads back to the address.
    var routesBehindLists: [(route: EntryPlace, list: EntryPlace)] {
        guard !site.maps(of: .fqdnaliases).isEmpty else { return [] }
        var pairs: [(route: EntryPlace, list: EntryPlace)] = []
        for map in site.maps(of: .fqdnaliases) {
            for index in 0..<site.maps[map].count {
                let key = site.maps[map].key(index)
                guard let route = site.entry(of: key, in: .fqdnroutes) else { continue }
                let list = EntryPlace(map: map, entry: index)
                if site.entry(of: key, in: .fqdnaliases) == list { pairs.append((route, list)) }
            }
        }
        return pairs
    }

    /// What is to be said where the list does not lead back.
    func finding(route: EntryPlace, list: EntryPlace) -> Finding? {
        site.finding(
            .shadowedEntry, .warning, at: route,
            "the route of '\(string(site.key(route)))' is never used: \(site.text(list)) has a list for the address, and lists come"
                + " before routes; remove one of the two, or put the address into its own list")
    }
}
