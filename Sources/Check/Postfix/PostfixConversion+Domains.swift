// Domains of a Postfix: which are ours, where their mail goes, and who of them is refused.

import Bytes

extension PostfixConversion {
    func domains(_ keys: [PostfixAddress]) -> [[UInt8]] {
        var domains: [[UInt8]] = []
        var known: Set<[UInt8]> = [Self.gate]
        func add(_ domain: [UInt8]) {
            if PostfixAddress.isPlainDomain(domain), known.insert(domain).inserted { domains.append(domain) }
        }
        for list in [routing.local, routing.virtualAlias, routing.virtualMailbox, routing.relay] {
            for domain in list.named.domains { add(domain) }
        }
        for entry in routing.transports.entries where !entry.key.contains(UInt8(ascii: "@")) { add(entry.key) }
        for map in [routing.aliases, routing.mailboxes, routing.relayRecipients] {
            for entry in map.entries where entry.key.first == UInt8(ascii: "@") { add(Array(entry.key.dropFirst())) }
        }
        for key in keys { add(key.domain) }
        return domains
    }

    mutating func carry(domain: [UInt8]) {
        let domainClass = routing.domainClass(domain)
        let target = routing.target(ofDomain: domain)
        let key = [UInt8(ascii: "@")] + domain
        var refusesOthers = false
        if target == .local {
            draft.thishost.add(domain, [])
        } else if let value = value(target, of: domain, isWholeDomain: true),
            domainClass != .other || target != .hop(routing.defaultTransport) || !routing.transports.isEmpty
        {
            draft.routesdb.add(domain, value, allowing: "shadowed-entry")
        }
        if routing.aliases[key] != nil {
            // Written when all domains are known.
        } else if domainClass == .virtualAlias {
            draft.fqdnroutes.add(key, Array("error!nosuchuser".utf8))
            refusesOthers = true
        } else if target != .local {
            if case .hop(let hop) = target, Self.isEnd(channels.channel(hop).way) {
                if let value = value(target, of: domain, isWholeDomain: true) { draft.fqdnroutes.add(key, value) }
                refusesOthers = true
            } else if let map = routing.listing(of: domainClass), map[key] == nil {
                if map.isIncomplete || map.hasAccounts {
                    note(
                        .differs, map.parameter,
                        "not all of its users are known, so that every user of '\(string(domain))' is taken to exist; write those"
                            + " who do into fqdnroutes, and '@\(string(domain)) error!nosuchuser'")
                } else {
                    draft.fqdnroutes.add(key, Array("error!nosuchuser".utf8))
                    refusesOthers = true
                }
            }
        }
        plans[domain] = DomainPlan(
            domainClass: domainClass, target: target,
            hasCatchAll: routing.aliases[key] != nil || draft.fqdnroutes.contains(key), refusesOthers: refusesOthers
        )
        expect(PostfixAddress(Self.probe, domain))
    }

    static func isEnd(_ way: NextHopChannel.Way) -> Bool {
        switch way {
        case .refused, .waiting, .discarded: true
        case .route, .ownDomain: false
        }
    }

    /// Domains below others, where the latter are covered as a whole.
    mutating func carryParents() {
        var parents = routing.relay.named.parents + routing.local.named.parents
        parents += routing.virtualAlias.named.parents + routing.virtualMailbox.named.parents
        parents += routing.transports.entries.compactMap { entry in
            if entry.key.first == ASCII.dot { return Array(entry.key.dropFirst()) }
            return routing.transportsCoverSubdomains && !entry.key.contains(UInt8(ascii: "@")) ? entry.key : nil
        }
        for parent in parents where PostfixAddress.isPlainDomain(parent) {
            let below = Self.probe + [ASCII.dot] + parent
            let target = routing.target(ofDomain: below)
            let key = [ASCII.dot] + parent
            if target == .local {
                draft.thishost.add(key, [])
                continue
            }
            let isListed = routing.listing(of: routing.domainClass(below)) != nil || target == .unknown
            let value = isListed ? Array("error!nosuchuser".utf8) : value(target, of: below, isWholeDomain: true)
            if let value { draft.routesdb.add(key, value) }
            // Here the entry covers the domain itself, too.
            if plans[parent] == nil { carry(domain: parent) }
            if !draft.routesdb.contains(parent), !draft.thishost.contains(parent),
                let own = self.value(routing.target(ofDomain: parent), of: parent, isWholeDomain: true)
            {
                draft.routesdb.add(parent, own)
            }
        }
        let anywhere = Array("zroute-probe.invalid".utf8)
        let standard = routing.target(ofDomain: anywhere)
        if standard != .hop(routing.defaultTransport) || !isPlainSMTP(routing.defaultTransport),
            let value = value(standard, of: anywhere, isWholeDomain: true)
        {
            draft.routesdb.add([ASCII.dot], value)
        }
    }

    func isPlainSMTP(_ hop: PostfixRouting.Hop) -> Bool { hop.transport == "smtp" }

    mutating func carry(catchAllOf domain: [UInt8]) {
        let key = [UInt8(ascii: "@")] + domain
        let expansion = routing.expansion(of: PostfixAddress(Self.probe, domain))
        if let problem = expansion.problem { return leaveOut(routing.aliases, key, problem) }
        let members = expansion.recipients.compactMap { recipient in
            guard recipient.local == Self.probe else { return member(recipient, of: key) }
            guard PostfixAddress.isPlainDomain(recipient.domain) else { return member(recipient, of: key) }
            // Whoever it is: past the aliases, which have entries of their own where they know him.
            return bypassing(PostfixAddress(Array("%1".utf8), recipient.domain))
        }
        guard members.count == expansion.recipients.count else { return }
        add(alias: key, members)
    }

    mutating func add(alias key: [UInt8], _ members: [[UInt8]]) {
        var known: Set<[UInt8]> = []
        let list = members.filter { known.insert($0).inserted }
        draft.fqdnaliases.add(key, Array(list.joined(separator: Array(", ".utf8))))
    }
}
