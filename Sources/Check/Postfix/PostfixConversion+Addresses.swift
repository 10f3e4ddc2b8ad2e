// Addresses of a Postfix: lists, and routes of their own.

import Bytes

extension PostfixConversion {
    mutating func carry(_ address: PostfixAddress) {
        expect(address)
        let found = routing.alias(of: address)
        if let found, found.isWholeDomain, isSaid(byDomainOf: address) {
            if routing.listing(of: routing.domainClass(address.domain))?.entry(address.key) != nil {
                note(
                    .remark, routing.aliases.parameter,
                    "'\(string(address.text))' is a mailbox, and '@\(string(address.domain))' has an alias that comes first: its mail"
                        + " goes where the alias says, as in Postfix")
            }
            return
        }
        guard found != nil else { return carry(ownRouteOf: address) }
        let expansion = routing.expansion(of: address)
        if let problem = expansion.problem { return leaveOut(routing.aliases, address.key, problem) }
        let isItself = expansion.recipients.count == 1 && expansion.recipients[0].key == address.key
        if isItself { return carry(ownRouteOf: address, isKnown: true) }
        // With an extension that nobody has, what becomes of it?
        let extended =
            routing.delimiters.contains(UInt8(ascii: "+"))
            ? routing.expansion(of: address.adding(Array("+".utf8) + Self.probe)).recipients : []
        let kept = expansion.recipients.map { recipient in
            let longer = recipient.adding(Array("+".utf8) + Self.probe)
            return extended.contains { $0.key == longer.key }
        }
        if expansion.recipients.count == 1, kept[0], let route = routeWithExtension(expansion.recipients[0]) {
            draft.fqdnroutes.add(address.key, route)
        } else {
            let members = zip(expansion.recipients, kept).compactMap { recipient, isKept in
                member(recipient, keepsExtension: isKept || extended.isEmpty, of: address.key)
            }
            guard members.count == expansion.recipients.count else { return }
            add(alias: address.key, members)
        }
        carryExtensions(of: address, expansion.visited)
    }

    /// Whether an address comes to what the entry of its domain says of everybody.
    func isSaid(byDomainOf address: PostfixAddress) -> Bool {
        let everybody = routing.expansion(of: PostfixAddress(Self.probe, address.domain))
        let own = routing.expansion(of: address)
        guard everybody.problem == nil, own.problem == nil else { return own.problem == everybody.problem }
        let expected = everybody.recipients.map {
            $0.local == Self.probe ? PostfixAddress(address.local, $0.domain).key : $0.key
        }
        return Set(expected) == Set(own.recipients.map(\.key))
            // By a transport of his own he goes elsewhere than the others of his domain.
            && own.recipients.allSatisfy {
                $0.local != address.local || routing.target(of: $0) == routing.target(ofDomain: $0.domain)
            }
    }

    /// A route to a single recipient who has a transport of his own: a member of a list would lose the extension there.
    mutating func routeWithExtension(_ address: PostfixAddress) -> [UInt8]? {
        let target = routing.target(of: address)
        guard address.isPlain, routing.divided(address.local) == nil, case .hop(let hop) = target,
            target != routing.target(ofDomain: address.domain), case .route = channels.channel(hop).way,
            let value = value(target, of: address.domain, isWholeDomain: false)
        else { return nil }
        return value + Array("!".utf8) + address.local + Array("%2@".utf8) + address.domain
    }

    /// Addresses whose extension leads elsewhere further on have an entry of their own.
    mutating func carryExtensions(of address: PostfixAddress, _ visited: Set<PostfixAddress>) {
        guard routing.divided(address.local) == nil else { return }
        var rests: Set<[UInt8]> = []
        for node in visited where node != address { rests.formUnion(extensions[node.key] ?? []) }
        for rest in rests.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
            let longer = address.adding(rest)
            guard !draft.fqdnaliases.contains(longer.key), routing.aliases.entry(longer.key) == nil else { continue }
            let expansion = routing.expansion(of: longer)
            guard expansion.problem == nil else {
                leaveOut(routing.aliases, longer.key, expansion.problem ?? "")
                continue
            }
            let members = expansion.recipients.compactMap { member($0, of: longer.key) }
            if members.count == expansion.recipients.count { add(alias: longer.key, members) }
            expect(longer)
        }
    }

    /// An address that stands for itself.
    mutating func carry(ownRouteOf address: PostfixAddress, isKnown: Bool = false) {
        guard let plan = plans[address.domain] else { return }
        let target = routing.target(of: address)
        let exists = isKnown || routing.exists(address)
        guard exists else {
            // Where everybody else is taken, who is not there must be named.
            if !plan.refusesOthers, target != .local {
                draft.fqdnroutes.add(address.key, Array("error!nosuchuser".utf8))
            }
            return
        }
        switch target {
        case .local:
            if plan.hasCatchAll { add(alias: address.key, [bypassing(address)]) }
        case .unknown:
            draft.fqdnroutes.add(address.key, Array("error!nosuchuser".utf8))
        case .hop:
            guard plan.hasCatchAll || target != plan.target || plan.domainClass == .virtualMailbox else { return }
            if let value = value(target, of: address.domain, isWholeDomain: false) {
                draft.fqdnroutes.add(address.key, value)
            }
        }
    }

    /// A recipient as a member of a list.
    ///
    /// - Parameter keepsExtension: whether what is behind the list's own name goes to him, too.
    mutating func member(_ address: PostfixAddress, keepsExtension: Bool = true, of key: [UInt8]) -> [UInt8]? {
        guard address.isPlain else {
            leaveOut(
                routing.aliases, key,
                "'\(string(address.text))' would need quotes, or leads elsewhere ('%', '!'); write the entry by hand")
            return nil
        }
        let target = routing.target(of: address)
        switch target {
        case .unknown: return address.text
        case .local: break
        case .hop(let hop):
            if keepsExtension, target == routing.target(ofDomain: address.domain) { break }
            if Self.isEnd(channels.channel(hop).way), routing.alias(of: address) == nil { return address.text }
            return named(address, target) ?? address.text
        }
        guard let plan = plans[address.domain], plan.hasCatchAll || draftMayHave(address) else { return address.text }
        return bypassing(address)
    }

    /// A name for a recipient whose route is his own, or who is to be told without an extension: a whole address, which a list
    /// can name and fqdnroutes has.
    mutating func named(_ address: PostfixAddress, _ target: PostfixRouting.Target) -> [UInt8]? {
        guard let value = value(target, of: address.domain, isWholeDomain: true) else { return nil }
        let name = address.local + [UInt8(ascii: "=")] + address.domain + [UInt8(ascii: "@")] + Self.gate
        let isSMTP = value == Array("smtp!".utf8)
        let route = isSMTP ? Array("smtp!".utf8) + address.domain : value
        let isRefused = route.starts(with: Array("error!".utf8)) || route.starts(with: Array("hold!".utf8))
        let isWhole = isRefused || route.starts(with: Array("bitbucket!".utf8))
        draft.fqdnroutes.add(name.lowercased, isWhole ? route : route + [UInt8(ascii: "!")] + address.text)
        return name
    }

    /// Whether a key of a table is the address, with or without its extension.
    func draftMayHave(_ address: PostfixAddress) -> Bool {
        let found = routing.alias(of: address)
        return found != nil || plans[address.domain]?.domainClass == .virtualMailbox
            || routing.transports[address.key] != nil || routing.relayRecipients.entry(address.key) != nil
    }

    func bypassing(_ address: PostfixAddress) -> [UInt8] {
        address.domain + [UInt8(ascii: "!")] + address.local + [UInt8(ascii: "@")] + Self.gate
    }
}
