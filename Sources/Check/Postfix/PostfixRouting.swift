// Where Postfix sends an address: its classes of domains, its aliases and its transports as one value (ADDRESS_CLASS_README,
// virtual(5), transport(5)). The rules were compared with Postfix 3.7 itself.

import Bytes

/// What a Postfix knows of addresses.
struct PostfixRouting: Sendable {
    /// What a domain is to Postfix.
    enum DomainClass: Sendable {
        case local, virtualAlias, virtualMailbox, relay, other
    }

    /// A delivery agent and the next hop that it is given.
    struct Hop: Hashable, Sendable {
        /// The name in master.cf.
        let transport: String
        /// The next hop; nil for the recipient's own domain.
        let nextHop: String?
    }

    let local: DomainList, virtualAlias: DomainList, virtualMailbox: DomainList, relay: DomainList
    let aliases: PostfixMap, mailboxes: PostfixMap, relayRecipients: PostfixMap, localRecipients: PostfixMap
    let transports: PostfixMap, relocated: PostfixMap, localAliases: PostfixMap
    let origin: [UInt8], localDomain: [UInt8]
    let delimiters: [UInt8]
    private let propagates: Bool
    let propagatesThroughLocalAliases: Bool
    private let appendsOrigin: Bool, appendsDomain: Bool
    let transportsCoverSubdomains: Bool
    let localTransport: Hop, virtualTransport: Hop, relayTransport: Hop, defaultTransport: Hop

    init(_ reader: inout PostfixMapReader) throws(ConversionError) {
        let parameters = reader.parameters
        aliases = try reader.map("virtual_alias_maps")
        mailboxes = try reader.map("virtual_mailbox_maps")
        relayRecipients = try reader.map("relay_recipient_maps")
        localAliases = try reader.map("alias_maps")
        localRecipients = try reader.map("local_recipient_maps")
        transports = try reader.map("transport_maps")
        relocated = try reader.map("relocated_maps")
        local = try DomainList("mydestination", &reader)
        virtualAlias = try DomainList("virtual_alias_domains", &reader)
        virtualMailbox = try DomainList("virtual_mailbox_domains", &reader)
        relay = try DomainList("relay_domains", &reader)
        origin = Array(try parameters.value("myorigin").utf8).lowercased
        localDomain = Array(try parameters.value("mydomain").utf8).lowercased
        delimiters = Array(try parameters.value("recipient_delimiter").utf8)
        let propagating = try parameters.words("propagate_unmatched_extensions")
        propagates = propagating.contains("virtual")
        propagatesThroughLocalAliases = propagating.contains("alias")
        appendsOrigin = try parameters.isOn("append_at_myorigin")
        appendsDomain = try parameters.isOn("append_dot_mydomain")
        transportsCoverSubdomains = try parameters.words("parent_domain_matches_subdomains").contains("transport_maps")
        let relayHost = try parameters.value("relayhost")
        func hop(_ parameter: String, orElse nextHop: String? = nil) throws(ConversionError) -> Hop {
            let (transport, own) = Self.divided(try parameters.value(parameter))
            return Hop(transport: transport, nextHop: own.isEmpty ? nextHop : own)
        }
        localTransport = try hop("local_transport")
        virtualTransport = try hop("virtual_transport")
        relayTransport = try hop("relay_transport", orElse: relayHost.isEmpty ? nil : relayHost)
        defaultTransport = try hop("default_transport", orElse: relayHost.isEmpty ? nil : relayHost)
    }

    /// `transport:nexthop` in its parts.
    static func divided(_ text: String) -> (transport: String, nextHop: String) {
        guard let colon = text.firstIndex(of: ":") else { return (text.trimmingBlanks, "") }
        return (text[..<colon].trimmingBlanks, text[text.index(after: colon)...].trimmingBlanks)
    }

    // MARK: Domains

    /// The class of a domain; mydestination comes before all others.
    func domainClass(_ domain: [UInt8]) -> DomainClass {
        if local.contains(domain) { return .local }
        if virtualAlias.contains(domain) { return .virtualAlias }
        if virtualMailbox.contains(domain) { return .virtualMailbox }
        return relay.contains(domain) ? .relay : .other
    }

    /// Whether aliases are asked for the local part alone, too.
    func hasBareNames(_ domain: [UInt8]) -> Bool { domain == origin || local.contains(domain) }

    /// Whether Postfix's local(8), with its aliases, delivers what is in mydestination.
    var deliversLocally: Bool { localTransport.transport == "local" }

    // MARK: Extensions

    /// A local part without its extension, and the extension with its delimiter; nil where there is none.
    func divided(_ local: [UInt8]) -> (base: [UInt8], rest: [UInt8])? {
        guard let place = local.firstIndex(where: delimiters.contains), place > 0 else { return nil }
        let folded = local.lowercased
        guard !["mailer-daemon", "double-bounce"].contains(where: { folded == Array($0.utf8) }) else { return nil }
        return (Array(local[..<place]), Array(local[place...]))
    }

    // MARK: Aliases

    /// The address that a word of a list stands for.
    func address(_ name: [UInt8]) -> PostfixAddress { PostfixAddress(name, origin) }

    private func completed(_ address: PostfixAddress) -> PostfixAddress {
        guard appendsDomain, !address.domain.contains(ASCII.dot), address.domain.first != UInt8(ascii: "[") else {
            return address
        }
        return PostfixAddress(address.local, address.domain + [ASCII.dot] + localDomain)
    }

    /// An alias that an address has.
    struct Found {
        let key: [UInt8]
        let value: [UInt8]
        /// What of the local part the key has not.
        let rest: [UInt8]
        /// Whether the key is that of the whole domain.
        let isWholeDomain: Bool
    }

    /// The alias of an address; nil for none.
    func alias(of address: PostfixAddress) -> Found? {
        for (key, rest, isWholeDomain) in keys(of: address) {
            if let value = aliases[key] {
                return Found(key: key, value: value, rest: rest, isWholeDomain: isWholeDomain)
            }
        }
        return nil
    }

    /// What an address is looked up by in maps of users, in order.
    private func keys(of address: PostfixAddress) -> [(key: [UInt8], rest: [UInt8], isWholeDomain: Bool)] {
        let folded = address.folded
        let parts = divided(address.local)
        var keys: [(key: [UInt8], rest: [UInt8], isWholeDomain: Bool)] = [(folded.text, [], false)]
        if let parts { keys.append((PostfixAddress(parts.base.lowercased, address.domain).text, parts.rest, false)) }
        if hasBareNames(address.domain) {
            keys.append((folded.local, [], false))
            if let parts { keys.append((parts.base.lowercased, parts.rest, false)) }
        }
        keys.append(([UInt8(ascii: "@")] + address.domain, [], true))
        return keys
    }

    /// What an alias leads to at once.
    func members(_ found: Found, of address: PostfixAddress) -> [PostfixAddress]? {
        let rest = propagates ? found.rest : []
        let own = found.rest.isEmpty ? address.local : Array(address.local.dropLast(found.rest.count))
        var members: [PostfixAddress] = []
        for member in RecipientList().members(of: found.value) {
            switch member {
            case .address(let address): members.append(completed(address).adding(rest))
            case .name(let name):
                guard appendsOrigin else { return nil }
                members.append(self.address(name).adding(rest))
            case .domain(let domain): members.append(completed(PostfixAddress(own, domain)).adding(rest))
            case .other: return nil
            }
        }
        return members.isEmpty ? nil : members
    }

    /// What becomes of an address by aliases.
    struct Expansion {
        /// Whom the message is for in the end, each once.
        var recipients: [PostfixAddress] = []
        /// All addresses on the way.
        var visited: Set<PostfixAddress> = []
        /// Why Postfix could not expand it; nil where it can.
        var problem: String?
    }

    /// So many addresses, and so many steps for one, does Postfix follow (virtual_alias_expansion_limit and
    /// virtual_alias_recursion_limit).
    private static let expansionLimit = 1000

    /// Expands an address as cleanup(8) does: each address of the list is looked up until it has no alias; one whose own list
    /// names it is not looked up a second time.
    func expansion(of address: PostfixAddress) -> Expansion {
        var expansion = Expansion()
        var list = [address]
        var named: Set<[UInt8]> = []
        var place = 0
        while place < list.count {
            var steps = 0
            expansion.visited.insert(list[place].folded)
            while !named.contains(list[place].key), let found = alias(of: list[place]) {
                guard steps < Self.expansionLimit, list.count <= Self.expansionLimit else {
                    expansion.problem =
                        "it leads back to itself, or to more than 1,000 addresses; Postfix does not deliver this either"
                    return expansion
                }
                guard let members = members(found, of: list[place]) else {
                    expansion.problem =
                        "'\(string(found.value))' is no list of addresses; write addresses, separated by commas"
                    return expansion
                }
                if members.contains(where: { $0.key == list[place].key }) { named.insert(list[place].key) }
                list[place] = members[0]
                list += members.dropFirst()
                expansion.visited.insert(list[place].folded)
                steps += 1
            }
            place += 1
        }
        var known: Set<[UInt8]> = []
        expansion.recipients = list.filter { known.insert($0.key).inserted }
        return expansion
    }

    // MARK: Transports

    /// Where one recipient is sent, aliases aside.
    enum Target: Hashable, Sendable {
        /// To an agent.
        case hop(Hop)
        /// To local(8) and its aliases.
        case local
        /// Nowhere: the domain has aliases alone.
        case unknown
    }

    /// Where Postfix sends a recipient.
    func target(of address: PostfixAddress) -> Target {
        let domainClass = domainClass(address.domain)
        // What is in a domain of aliases alone is refused before the transport counts.
        if domainClass == .virtualAlias { return .unknown }
        if !relocated.isEmpty, let place = self.keys(of: address).lazy.compactMap({ relocated[$0.key] }).first {
            return .hop(Hop(transport: "error", nextHop: "5.1.6 user has moved to \(string(place))"))
        }
        let parts = divided(address.local)
        var keys = [address.key]
        if let parts { keys.append(PostfixAddress(parts.base.lowercased, address.domain).text) }
        return target(of: domainClass, asking: keys + domainKeys(address.domain))
    }

    /// Where Postfix sends the recipients of a domain of whom it knows nothing more.
    func target(ofDomain domain: [UInt8]) -> Target {
        let domainClass = domainClass(domain)
        return domainClass == .virtualAlias ? .unknown : target(of: domainClass, asking: domainKeys(domain))
    }

    private func domainKeys(_ domain: [UInt8]) -> [[UInt8]] {
        let parents = DomainList.parents(of: domain).map { transportsCoverSubdomains ? $0 : [ASCII.dot] + $0 }
        return [domain] + parents + [[UInt8(ascii: "*")]]
    }

    private func target(of domainClass: DomainClass, asking keys: [[UInt8]]) -> Target {
        let standard: Hop
        switch domainClass {
        case .local: standard = localTransport
        case .virtualMailbox: standard = virtualTransport
        case .relay: standard = relayTransport
        case .virtualAlias, .other: standard = defaultTransport
        }
        var hop = standard
        if !transports.isEmpty, let value = keys.lazy.compactMap({ transports[$0] }).first {
            let (transport, nextHop) = Self.divided(string(value))
            switch (transport.isEmpty, nextHop.isEmpty) {
            case (true, true): break
            case (true, false): hop = Hop(transport: standard.transport, nextHop: nextHop)
            case (false, true): hop = Hop(transport: transport, nextHop: nil)
            case (false, false): hop = Hop(transport: transport, nextHop: nextHop)
            }
        }
        return domainClass == .local && hop.transport == "local" ? .local : .hop(hop)
    }

    // MARK: Who exists

    /// Whether users of a domain must be in a map to exist; nil for a domain whose users nobody lists.
    func listing(of domainClass: DomainClass) -> PostfixMap? {
        switch domainClass {
        case .local: localRecipients.isEmpty ? nil : localRecipients
        case .virtualMailbox: mailboxes.isEmpty ? nil : mailboxes
        case .relay: relayRecipients.isEmpty ? nil : relayRecipients
        case .virtualAlias, .other: nil
        }
    }

    /// Whether smtpd(8) takes a recipient that has no alias and that no transport refuses.
    func exists(_ address: PostfixAddress) -> Bool {
        let domainClass = domainClass(address.domain)
        if domainClass == .virtualAlias { return false }
        guard let map = listing(of: domainClass) else { return true }
        return keys(of: address).contains { map[$0.key] != nil }
    }
}
