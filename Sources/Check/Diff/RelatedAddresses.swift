// Addresses that no key names and that differ because another one does: a domain that is this host has all of its names, and a
// domain whose catch-all hands the user on (`@a.example: %1@b.example`) has all users of the other.

import Bytes
import Configuration
import MailSyntax
import Maps
import Site

/// Which domains share their users, and what follows from addresses that differ.
struct RelatedAddresses {
    private typealias Domain = [UInt8]

    /// The names of this host, as a domain.
    private static let here: Domain = []

    /// For a domain those whose users are its own, too.
    private var followers: [Domain: Set<Domain>] = [:]
    /// For a domain those whose users it has.
    private var origins: [Domain: Set<Domain>] = [:]
    /// Domains that keys have.
    private var keyDomains: Set<Domain> = []
    private var localDomains: Set<Domain> = []
    private var localSuffixes: Set<Domain> = []
    /// Domains of which some entry differs, or whose unknown users go elsewhere.
    private var changedDomains: Set<Domain> = []
    /// Addresses that differ, for those that follow from them.
    private var differing: [(user: [UInt8], domain: Domain)] = []
    /// So many addresses are asked at the most that follow from others.
    private var left = 20_000_000

    /// Knows what the settings of both sites say.
    init(_ old: Site, _ new: Site) {
        for settings in [old.settings, new.settings] {
            noteLocal(settings.hostnameBytes)
            noteLocal(settings.myDomainBytes)
            for domain in settings.organizationDomainsBytes { noteLocal(domain) }
        }
        guard old.settings.hostname != new.settings.hostname else { return }
        for settings in [old.settings, new.settings] { changedDomains.insert(settings.hostnameBytes) }
    }

    private mutating func noteLocal(_ domain: Domain) {
        guard !domain.isEmpty else { return }
        localDomains.insert(domain)
        followers[Self.here, default: []].insert(domain)
    }

    /// Learns from an entry of one of the sites.
    mutating func note(_ entry: MapEntry, of relation: String, isChanged: Bool) {
        guard let first = entry.key.first else { return }
        let rest = Array(entry.key.dropFirst())
        if relation != "aliases", let at = entry.key.lastIndex(of: UInt8(ascii: "@")) {
            keyDomains.insert(Array(entry.key[(at + 1)...]))
        } else if relation == "routesdb", first != UInt8(ascii: ".") {
            keyDomains.insert(entry.key)
        }
        switch relation {
        case "thishost" where first == UInt8(ascii: "."):
            localSuffixes.insert(rest)
            keyDomains.insert(QuestionMaker.unknownLabel + (rest.isEmpty ? [] : entry.key))
            if rest.isEmpty { keyDomains.insert(QuestionMaker.unknownLabel + entry.key + QuestionMaker.unknownLabel) }
            noteLocal(rest)
            if isChanged, !rest.isEmpty { changedDomains.insert(rest) }
        case "thishost":
            noteLocal(entry.key)
            if isChanged { changedDomains.insert(entry.key) }
        case "routesdb":
            if isChanged { changedDomains.insert(first == UInt8(ascii: ".") ? rest : entry.key) }
        case "fqdnaliases" where first == UInt8(ascii: "@"):
            if isChanged { changedDomains.insert(rest) }
            for origin in Self.origins(in: entry.value) {
                followers[origin, default: []].insert(rest)
                origins[rest, default: []].insert(origin)
            }
        case "fqdnroutes" where first == UInt8(ascii: "@"):
            if isChanged { changedDomains.insert(rest) }
        default: break
        }
    }

    /// Ends learning: what is this host by its suffix is so like others.
    mutating func endLearning() {
        for domain in keyDomains where isLocal(domain) { noteLocal(domain) }
        keyDomains = []
    }

    /// The domains that a value hands its user on to.
    private static func origins(in value: [UInt8]) -> [Domain] {
        guard value.contains(UInt8(ascii: "%")) else { return [] }
        let members = (try? AddressList.members(of: value.span, includes: true)) ?? [value]
        return members.compactMap { member in
            guard member.contains(UInt8(ascii: "%")) else { return nil }
            guard let at = member.lastIndex(of: UInt8(ascii: "@")) else { return here }
            return member[(at + 1)...].map(ASCII.lowercase)
        }
    }

    /// Learns that the route of an address differs.
    mutating func note(_ address: [UInt8]) {
        let at = address.lastIndex(of: UInt8(ascii: "@"))
        let domain = at.map { address[($0 + 1)...].map(ASCII.lowercase) } ?? Self.here
        let user = Array(address[..<(at ?? address.endIndex)])
        guard !user.isEmpty, user.first != UInt8(ascii: "@") else { return }
        if user == QuestionMaker.unknownUser { changedDomains.insert(domain) }
        if followers[domain] != nil { differing.append((user, domain)) }
    }

    /// Adds what follows from the addresses that were noted.
    mutating func takeFollowing(into list: inout FoundAddresses, _ leftOut: inout Int) {
        for (user, domain) in differing {
            for follower in followers[domain] ?? [] where follower != domain {
                add(user, follower, to: &list, &leftOut)
            }
        }
        differing = []
    }

    private mutating func add(_ user: [UInt8], _ domain: Domain, to list: inout FoundAddresses, _ leftOut: inout Int) {
        guard left > 0 else {
            leftOut += 1
            return
        }
        left -= 1
        list.append(user + [UInt8(ascii: "@")] + domain)
    }

    /// Adds a user with a tail and without.
    private mutating func addForms(
        of user: [UInt8], _ domain: Domain, to list: inout FoundAddresses, _ leftOut: inout Int
    ) {
        add(user, domain, to: &list, &leftOut)
        guard user.first != UInt8(ascii: "\"") else { return }
        add(user + [UInt8(ascii: "+")] + QuestionMaker.tail, domain, to: &list, &leftOut)
        if user.contains(UInt8(ascii: "-")) {
            add(user + Array("--".utf8) + QuestionMaker.tail, domain, to: &list, &leftOut)
        }
    }

    // MARK: Domains that changed as a whole

    /// The domains whose users have to be asked for the users of others.
    struct Watch {
        /// For a domain those that its users are to be asked at.
        fileprivate(set) var domains: [[UInt8]: [[UInt8]]] = [:]
        /// Whether there are none.
        var isEmpty: Bool { domains.isEmpty }
        /// Those that the names of this host are to be asked at.
        var here: [[UInt8]] { domains[[]] ?? [] }
    }

    /// Takes the domains that changed since this was asked last.
    mutating func takeWatch() -> Watch {
        var watch = Watch()
        for domain in changedDomains {
            if isLocal(domain) { watch.domains[Self.here, default: []].append(domain) }
            for origin in origins[domain] ?? [] where origin != domain {
                watch.domains[origin, default: []].append(domain)
                if isLocal(origin) { watch.domains[Self.here, default: []].append(domain) }
            }
        }
        changedDomains = []
        return watch
    }

    private func isLocal(_ domain: Domain) -> Bool {
        if localDomains.contains(domain) || localSuffixes.contains([]) || localSuffixes.contains(domain) { return true }
        for dot in domain.indices
        where domain[dot] == UInt8(ascii: ".") && localSuffixes.contains(Array(domain[(dot + 1)...])) {
            return true
        }
        return false
    }

    /// Adds a user at the domains that watch his own.
    mutating func add(
        key: [UInt8], of relation: String, _ watch: Watch, to list: inout FoundAddresses, _ leftOut: inout Int
    ) {
        guard let at = key.lastIndex(of: UInt8(ascii: "@")) else {
            guard relation == "aliases" else { return }
            for domain in watch.here { addForms(of: key, domain, to: &list, &leftOut) }
            return
        }
        guard at > key.startIndex, let domains = watch.domains[Array(key[(at + 1)...])] else { return }
        for domain in domains { addForms(of: Array(key[..<at]), domain, to: &list, &leftOut) }
    }
}

// Keys with a tail of their own (`base+tail`) in aliases: they are reached with the tail of an address that expands to the base.

/// Which names hand a tail on to an alias that has it in its key.
struct TailedAliases {
    /// For a name the tails, with their `+`, that lead to a key that differs.
    private var tails: [[UInt8]: Set<[UInt8]>] = [:]
    private var hasGrown = false

    /// Whether there are none.
    var isEmpty: Bool { tails.isEmpty }

    /// Whether names were found that were not known when this was asked last.
    mutating func takeGrowth() -> Bool {
        defer { hasGrown = false }
        return hasGrown
    }

    /// Learns that the entry of a key of aliases differs, or that a name of this host goes elsewhere.
    mutating func note(_ name: [UInt8]) {
        guard let plus = name.dropFirst().firstIndex(of: UInt8(ascii: "+")), name.first != UInt8(ascii: "\""),
            !name.contains(UInt8(ascii: "@"))
        else { return }
        let tail = Array(name[plus...])
        // Every name was asked with this one.
        guard !tail.dropFirst().elementsEqual(QuestionMaker.tail) else { return }
        add(tail.map(ASCII.lowercase), to: name[..<plus].map(ASCII.lowercase))
    }

    private mutating func add(_ tail: [UInt8], to name: [UInt8]) {
        if tails[name, default: []].insert(tail).inserted { hasGrown = true }
    }

    /// Adds the addresses of an entry of aliases or fqdnaliases that hands tails on to a name that is known.
    mutating func add(_ entry: MapEntry, to list: inout FoundAddresses) {
        let at = entry.key.lastIndex(of: UInt8(ascii: "@"))
        let user = entry.key[..<(at ?? entry.key.endIndex)]
        guard !user.isEmpty, !user.contains(UInt8(ascii: "+")),
            let members = try? AddressList.members(of: entry.value.span, includes: true)
        else { return }
        for member in members {
            let name = member[..<(member.lastIndex(of: UInt8(ascii: "@")) ?? member.endIndex)].map(ASCII.lowercase)
            for tail in tails[name] ?? [] {
                list.append(user + tail + entry.key[user.endIndex...])
                if at == nil { add(tail, to: Array(user)) }
            }
        }
    }
}
