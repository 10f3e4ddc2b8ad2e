// Which addresses are to be asked, so that no difference between two sites goes unseen: what an entry decides is asked by its
// key, with a tail, as a user whom nobody knows, and as a host below a domain.

import Bytes
import Maps

/// Makes addresses of the keys of maps.
struct QuestionMaker {
    /// A local part that no map has.
    static let unknownUser = Array("zroute-unknown-user".utf8)
    /// A label that no map has.
    static let unknownLabel = Array("zroute-unknown-host".utf8)
    /// A tail that no key has; its capitals show whether a site keeps them.
    static let tail = Array("Zroute-Tail".utf8)

    /// The domains that were asked for already, as hashes.
    private var domains: Set<UInt64> = []

    /// The questions that do not come from any key.
    mutating func addGeneral(_ list: inout FoundAddresses) {
        for name in [Self.unknownUser, Array("root".utf8), Array("postmaster".utf8)] {
            list.append(name)
            list.append(name + [UInt8(ascii: "+")] + Self.tail)
        }
        add(domain: Self.unknownLabel + [UInt8(ascii: ".")] + Self.unknownLabel, to: &list)
        add(domain: Self.unknownLabel, to: &list)
        add(domain: Array("[192.0.2.1]".utf8), to: &list)
    }

    /// The questions about a domain: a user whom nobody knows, with and without a tail; each domain once.
    mutating func add(domain: some Collection<UInt8>, to list: inout FoundAddresses) {
        guard !domain.isEmpty, domains.insert(EntryHash.of(Array(domain))).inserted else { return }
        let at = [UInt8(ascii: "@")] + domain
        list.append(Self.unknownUser + at)
        list.append(Self.unknownUser + [UInt8(ascii: "+")] + Self.tail + at)
    }

    /// The questions about a key.
    mutating func add(key: [UInt8], of relation: String, to list: inout FoundAddresses) {
        guard let first = key.first else { return }
        if let at = key.lastIndex(of: UInt8(ascii: "@")) {
            if at > key.startIndex, first != UInt8(ascii: "@") { add(user: key[..<at], at: key[at...], to: &list) }
            add(domain: key[(at + 1)...], to: &list)
            // A source route, or an address that another driver looks up.
            if first == UInt8(ascii: "@"), at > key.startIndex { list.append(key) }
        } else if relation == "aliases" {
            add(user: key[...], at: [], to: &list)
            if !Self.isAtom(key) { list.append([UInt8(ascii: "\"")] + key + [UInt8(ascii: "\"")]) }
        } else {
            add(domainKey: key, to: &list)
        }
    }

    /// Addresses that reach routesdb although `@domain` in a map of whole addresses hides it.
    func addHidden(domainKey key: [UInt8], to list: inout FoundAddresses) {
        let domain = Array(Self.domain(of: key))
        guard !domain.isEmpty, !domain.contains(UInt8(ascii: "@")) else { return }
        let rest = [UInt8(ascii: ":")] + Self.unknownUser + [UInt8(ascii: "@")] + Self.unknownLabel
        list.append([UInt8(ascii: "@")] + domain + rest)
        list.append([UInt8(ascii: "@")] + Self.unknownLabel + [UInt8(ascii: ".")] + domain + rest)
    }

    private func add(user: ArraySlice<UInt8>, at domain: ArraySlice<UInt8>, to list: inout FoundAddresses) {
        list.append(user + domain)
        guard let last = user.last, user.first != UInt8(ascii: "\"") else { return }
        list.append(user + [UInt8(ascii: "+")] + Self.tail + domain)
        // Dashes divide from the end: with some in the key the two forms of a tail are no longer the same.
        if user.contains(UInt8(ascii: "-")) {
            list.append(user + [UInt8(ascii: "-"), UInt8(ascii: "-")] + Self.tail + domain)
        }
        // `base+` is asked for where something follows.
        if last == UInt8(ascii: "+") { list.append(user + Self.tail + domain) }
    }

    private static func domain(of key: [UInt8]) -> ArraySlice<UInt8> {
        let name = key.prefix { $0 != UInt8(ascii: ":") }
        return name.first == UInt8(ascii: ".") ? name.dropFirst() : name
    }

    private mutating func add(domainKey key: [UInt8], to list: inout FoundAddresses) {
        if key.first == UInt8(ascii: "[") { return add(domain: key, to: &list) }
        let domain = Self.domain(of: key)
        if let slash = domain.firstIndex(of: UInt8(ascii: "/")) {
            // A prefix of IPv4 addresses.
            add(domain: domain[..<slash], to: &list)
            add(domain: [UInt8(ascii: "[")] + domain[..<slash] + [UInt8(ascii: "]")], to: &list)
        } else if !domain.isEmpty {
            add(domain: domain, to: &list)
            add(domain: Self.unknownLabel + [UInt8(ascii: ".")] + domain, to: &list)
        }
    }

    private static let atomSpecials = ByteSet(" \t\"(),:;<>@[\\]")

    private static func isAtom(_ name: [UInt8]) -> Bool {
        name.allSatisfy { !atomSpecials.contains($0) && !ASCII.isControl($0) }
    }
}
