// What `diff` finds, against brute force: random sites, random edits, and both engines asked for every address that could differ.

import Bytes
import Check
import Configuration
import Maps
import Routing
import Site
import Testing
import ZRouteTestKit

/// The sources of a site's maps, entry by entry.
private struct Maps {
    static let names = ["aliases", "fqdnaliases", "fqdnroutes", "routesdb", "thishost"]
    static let domains = [
        "a.example", "b.example", "sub.a.example", "c.test", "x.c.test", "local.example", "also.local.example",
        "remote.org",
    ]
    static let users = ["ann", "bob", "cy", "dan--x", "eve", "fay", "gus+own", "hal-", "ann+t", "root"]

    var entries: [String: [(key: String, value: String)]] = [:]

    init(random: inout SeededNumbers, size: Int) {
        for name in Self.names {
            entries[name] = []
            for _ in 0..<size { put(name, Self.key(name, &random), Self.value(name, &random)) }
        }
    }

    /// Sets a value; nil removes the entry.
    mutating func put(_ map: String, _ key: String, _ value: String?) {
        let index = entries[map]?.firstIndex { $0.key == key }
        switch (index, value) {
        case (let index?, let value?): entries[map]?[index].value = value
        case (let index?, nil): entries[map]?.remove(at: index)
        case (nil, let value?): entries[map]?.append((key, value))
        case (nil, nil): break
        }
    }

    static func key(_ map: String, _ random: inout SeededNumbers) -> String {
        let user =
            "\(users.randomElement(using: &random) ?? "")\(["", "", "1", "2"].randomElement(using: &random) ?? "")"
        let domain = domains.randomElement(using: &random) ?? ""
        switch map {
        case "aliases": return user
        case "fqdnaliases", "fqdnroutes":
            return Int.random(in: 0..<6, using: &random) == 0 ? "@\(domain)" : "\(user)@\(domain)"
        default:
            return ["", ".", "."].randomElement(using: &random).map {
                Int.random(in: 0..<20, using: &random) == 0 ? "." : $0 + domain
            }
                ?? domain
        }
    }

    static func value(_ map: String, _ random: inout SeededNumbers) -> String {
        let user = users.randomElement(using: &random) ?? "", other = users.randomElement(using: &random) ?? ""
        let domain = domains.randomElement(using: &random) ?? ""
        let choices: [String] =
            switch map {
            case "aliases": [user, "\(user)@\(domain)", "\(user), \(other)@\(domain)", "\(user)@local.example"]
            case "fqdnaliases": [user, "\(user)@\(domain)", "%1@\(domain)", "\(user)@\(domain), \(other)"]
            case "fqdnroutes":
                [
                    "smtp-lmtp!node!\(user)%2", "smtp-lmtp!other!%1%2", "error!nosuchuser", "error!expired", "ignore!",
                    "smtp!mx!",
                ]
            case "routesdb": ["error!nosuchuser", "smtp!mx.\(domain)", "ignore!", "smtp-lmtp!gw!", "error!gone"]
            default: ["", "", domain]
            }
        return choices.randomElement(using: &random) ?? ""
    }

    func text(_ map: String) -> String {
        (entries[map] ?? []).map { map.hasSuffix("aliases") ? "\($0.key): \($0.value)\n" : "\($0.key) \($0.value)\n" }
            .joined()
    }

    func site(_ type: String) throws -> TestSite {
        var files = [
            "zmailer.conf": "MAILVAR=@SITE@\nhostname=store.example.net\nlocaldoesdomain=1\n",
            "dbases.conf": """
            aliases     \(type) - -la $MAILVAR/aliases -l
            fqdnaliases \(type) - -la $MAILVAR/fqdnaliases -l%
            fqdnroutes  \(type) - -l $MAILVAR/fqdnroutes -l%
            routesdb    \(type) - -l $MAILVAR/routesdb -l%: -d pathalias
            thishost    \(type) - -l $MAILVAR/thishost -l% -d pathalias

            """,
        ]
        for map in Self.names { files[map] = text(map) }
        let site = try TestSite(files)
        if type != "text" {
            let result = try site.run(["newdb", "--allow", "all"])
            guard result.status == 0 else { throw CommandFailure(result.errorText) }
        }
        return site
    }

    /// Every address that could be told apart by its maps: all users, with tails and without, at all domains and at hosts
    /// below them, and the keys.
    static func everyAddress(_ sites: [Maps]) -> [String] {
        var addresses: Set<String> = []
        var names: Set<String> = ["nobody-at-all", "root"]
        var domains = Set(Self.domains + ["store.example.net", "unheard.of", "deep.unheard.of"])
        for domain in Self.domains { domains.insert("host.\(domain)") }
        for site in sites {
            for (map, entries) in site.entries {
                for entry in entries where !map.hasPrefix("t") && !map.hasPrefix("r") {
                    let user = entry.key.split(separator: "@", omittingEmptySubsequences: false)[0]
                    if !user.isEmpty { names.insert(String(user)) }
                }
            }
        }
        for name in names {
            for form in [name, "\(name)+tail", "\(name)--tail", "\(name)+t", "\(name)+own"] {
                addresses.insert(form)
                for domain in domains { addresses.insert("\(form)@\(domain)") }
            }
        }
        return addresses.sorted()
    }
}

private func loader() -> TextTableLoader { TextTableLoader(report: { _ in }, reportUnsettled: { _ in }) }

/// What `diff` says of two sites.
private func changes(_ old: ComparedSite, _ new: ComparedSite) -> (changes: [RouteChange], counts: ComparisonCounts) {
    var found: [RouteChange] = []
    var comparison = RouteComparison(
        old, new, oldTexts: loader(), newTexts: loader(), workers: 2, now: 1_000, report: { found.append($0) },
        progress: { _ in true })
    comparison.compareMaps()
    return (found, comparison.finish())
}

/// What an engine answers for addresses, as a table.
private func answers(_ site: Site, _ addresses: [String]) -> [String: [[String]]] {
    var surroundings = Site.Surroundings()
    surroundings.clock = { 1_000 }
    var resolver = site.makeResolver(texts: loader(), watch: nil, surroundings: surroundings)
    var answers: [String: [[String]]] = [:]
    for address in addresses {
        answers[address] = resolver.resolve(Array(address.utf8).span).routes.map { route in
            [route.channel, route.host, route.user].map { String(decoding: $0, as: UTF8.self) }
        }
    }
    return answers
}

@Suite struct DiffTests {
    /// The addresses that `diff` asks in the place of one whose tail or host nobody knows: of these there is no end.
    static func standIns(_ address: String) -> [String] {
        let parts = address.split(separator: "@", maxSplits: 1).map(String.init)
        var users = [parts[0].replacing("nobody-at-all", with: "zroute-unknown-user")]
        for tail in ["+tail", "--tail", "+t", "+own"] where parts[0].hasSuffix(tail) {
            let base = String(users[0].dropLast(tail.count))
            users += [base + "+Zroute-Tail", base + "--Zroute-Tail"]
        }
        if let plus = users[0].dropFirst().firstIndex(of: "+") { users.append(users[0][..<plus] + "+Zroute-Tail") }
        guard parts.count == 2 else { return users }
        let unknown = "zroute-unknown-host"
        var hosts = [parts[1], unknown, "\(unknown).\(unknown)"]
        let labels = parts[1].split(separator: ".")
        for first in labels.indices.dropFirst() {
            hosts.append(([unknown] + labels[first...].map(String.init)).joined(separator: "."))
        }
        return users.flatMap { user in hosts.map { "\(user)@\($0)" } }
    }

    /// The address of a user whom nobody knows in the place of another, with the same tail.
    static func anybody(_ address: String) -> (address: String, user: String)? {
        let parts = address.split(separator: "@", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { return nil }
        for tail in ["+tail", "--tail", "+t", "+own", ""] where parts[0].hasSuffix(tail) {
            let user = String(parts[0].dropLast(tail.count))
            return ("nobody-at-all\(tail)@\(parts[1])", user)
        }
        return nil
    }

    @Test(
        arguments: [("text", [UInt64](1...16)), ("btree", [UInt64](18...21)), ("cdb", [UInt64](22...25))].flatMap {
            type, seeds in seeds.map { (type, $0) }
        })
    func everythingThatBruteForceFindsIsFound(type: String, seed: UInt64) throws {
        var random = SeededNumbers(seed: seed)
        let before = Maps(random: &random, size: 30)
        var after = before
        var edited: Set<String> = []
        for _ in 0..<(seed % 3 == 0 ? 1 : 10) {
            let map = Maps.names.randomElement(using: &random) ?? ""
            let known = after.entries[map]?.randomElement(using: &random)?.key
            let isNew = known == nil || Int.random(in: 0..<3, using: &random) == 0
            let key = isNew ? Maps.key(map, &random) : known ?? ""
            after.put(map, key, Int.random(in: 0..<3, using: &random) == 0 ? nil : Maps.value(map, &random))
            edited.insert("\(map) \(key)")
        }
        let sites = (old: try before.site(type), new: try after.site(type))
        let old = try ComparedSite(opening: sites.old.path), new = try ComparedSite(opening: sites.new.path)
        let (found, counts) = changes(old, new)
        let reported = Set(found.map { String(decoding: $0.address, as: UTF8.self) })
        #expect(reported.count == found.count, "an address is reported once")
        #expect(counts.uncertain == 0)

        let addresses = Maps.everyAddress([before, after])
        let one = answers(old.site, addresses + reported), other = answers(new.site, addresses + reported)
        let differing = addresses.filter { one[$0] != other[$0] }
        func isReported(_ address: String) -> Bool { Self.standIns(address).contains(where: reported.contains) }
        // Whoever is nobody at a domain fares as all others do who are.
        func isAnybody(_ address: String) -> Bool {
            guard let (nobody, user) = Self.anybody(address), isReported(nobody) else { return false }
            return [one, other].allSatisfy { answers in
                // The last two dashes are written as a plus.
                let plain = user.split(separator: "--").joined(separator: "+")
                let routes = answers[address] ?? [], nobodys = answers[nobody] ?? []
                return zip(routes.flatMap { $0 }, nobodys.flatMap { $0 }).allSatisfy { field, other in
                    field == other
                        || field.replacing(user, with: "nobody-at-all").replacing(plain, with: "nobody-at-all") == other
                } && routes.count == nobodys.count
            }
        }
        let missed = differing.filter { !isReported($0) && !isAnybody($0) }
        #expect(missed.isEmpty, "seed \(seed)")
        for address in missed.prefix(2) {
            print("seed \(seed): missed \(address): \(one[address] ?? []) -> \(other[address] ?? [])")
        }
        if !missed.isEmpty {
            for map in Maps.names {
                let old = before.entries[map] ?? [], new = after.entries[map] ?? []
                for entry in old {
                    let value = new.first { $0.key == entry.key }?.value
                    if value != entry.value { print("  \(map) \(entry) -> \(value ?? "gone")") }
                }
                for entry in new {
                    let isKnown = old.contains { $0.key == entry.key }
                    if !isKnown { print("  \(map) \(entry) is new") }
                }
            }
        }
        for change in found {
            let address = String(decoding: change.address, as: UTF8.self)
            #expect(one[address] != other[address], "\(address)")
            let keys = change.causes.map { cause -> String in
                guard case .entry(let relation, let key, _, _) = cause else { return "\(cause)" }
                return "\(relation) \(String(decoding: key, as: UTF8.self))"
            }
            #expect(!keys.isEmpty && keys.allSatisfy(edited.contains), "\(address): \(keys) of \(edited)")
        }
        print("variants: \(differing.count) of \(addresses.count) addresses differ, \(found.count) reported")
    }
}
