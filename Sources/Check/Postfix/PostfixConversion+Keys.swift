// The keys of Postfix's tables as the addresses that they are about.

import Bytes

extension PostfixConversion {
    /// The addresses that tables have entries for, and those that names without a domain stand for.
    mutating func addressKeys() -> [PostfixAddress] {
        var keys: [PostfixAddress] = []
        var known: Set<PostfixAddress> = []
        let locals = routing.local.named.domains
        let bareDomains = locals.contains(routing.origin) ? locals : locals + [routing.origin]
        for map in [routing.aliases, routing.mailboxes, routing.relayRecipients, routing.transports, routing.relocated]
        {
            for entry in map.entries {
                switch keyForm(entry.key, in: map) {
                case .address(let address):
                    if known.insert(address).inserted { keys.append(address) }
                case .bare(let name):
                    for domain in bareDomains {
                        let address = PostfixAddress(name, domain)
                        if known.insert(address).inserted { keys.append(address) }
                    }
                case .domain: break
                case .useless(let reason): leaveOut(entry, map, reason)
                }
            }
        }
        if !routing.deliversLocally {
            for entry in routing.localRecipients.entries where PostfixAddress.isPlainLocalPart(entry.key) {
                for domain in locals {
                    let address = PostfixAddress(entry.key, domain)
                    if known.insert(address).inserted { keys.append(address) }
                }
            }
        }
        return keys
    }

    enum KeyForm {
        case address(PostfixAddress), bare([UInt8]), domain, useless(String)
    }

    func keyForm(_ key: [UInt8], in map: PostfixMap) -> KeyForm {
        let isTransport = map.parameter == "transport_maps"
        guard key == key.lowercased else {
            return .useless("Postfix asks in lower case, and never finds it; correct the key, or remove it")
        }
        if let address = PostfixAddress(key) {
            return address.isPlain
                ? .address(address)
                : .useless(
                    "its local part would need quotes, or leads elsewhere ('%', '!'), or is not UTF-8; write the entry by hand"
                )
        }
        if key.first == UInt8(ascii: "@") {
            if isTransport { return .useless("transport_maps are not asked for '@domain'; write the domain alone") }
            return PostfixAddress.isPlainDomain(Array(key.dropFirst())) ? .domain : .useless("it names no domain")
        }
        if isTransport {
            let domain = key.first == ASCII.dot ? Array(key.dropFirst()) : key
            return key == [UInt8(ascii: "*")] || PostfixAddress.isPlainDomain(domain)
                ? .domain : .useless("it names no domain that can be written here")
        }
        if routing.virtualAlias.contains(key) || routing.virtualMailbox.contains(key) { return .domain }
        if map.parameter == "virtual_alias_maps" {
            return PostfixAddress.isPlainLocalPart(key)
                ? .bare(key) : .useless("it is neither an address nor the name of a user; correct it, or remove it")
        }
        return .useless("it is no address, and never asked for; write user@domain")
    }

    mutating func noteExtensions(of keys: [PostfixAddress]) {
        for key in keys {
            guard let parts = routing.divided(key.local) else { continue }
            extensions[PostfixAddress(parts.base, key.domain).text, default: []].append(parts.rest)
        }
    }

    /// Addresses of domains that stand for others (`@a.example @b.example`) whose users have an entry of their own there.
    func keysThroughDomains(_ keys: [PostfixAddress]) -> [PostfixAddress] {
        var sources: [[UInt8]: [[UInt8]]] = [:]
        for entry in routing.aliases.entries where entry.key.first == UInt8(ascii: "@") {
            let domain = Array(entry.key.dropFirst())
            for node in routing.expansion(of: PostfixAddress(Self.probe, domain)).visited
            where node.local == Self.probe && node.domain != domain {
                sources[node.domain, default: []].append(domain)
            }
        }
        guard !sources.isEmpty else { return [] }
        var known = Set(keys)
        var found: [PostfixAddress] = []
        for key in keys {
            for domain in sources[key.domain] ?? [] {
                let address = PostfixAddress(key.local, domain)
                if known.insert(address).inserted { found.append(address) }
            }
        }
        return found
    }
}
