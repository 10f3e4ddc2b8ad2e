// What must be known of a server before its "no entries" can mean "absent": that it knows the attributes that are asked for, and that
// what it has is whole.

import Bytes
import Glibc

/// What a server says of itself.
struct LDAPSchema: Sendable {
    /// Where its trees begin.
    let suffixes: [String]
    /// Its attributes by their names and numbers, in lower case; nil where this user may not read them.
    let attributes: [String: Attribute]?

    /// What is known of an attribute.
    struct Attribute: Sendable {
        /// The rule by which values are equal; nil for that of another attribute.
        let equality: String?
        /// The attribute that it is made of.
        let superior: String?
    }

    /// Asks for no attribute at all (RFC 4511 4.5.1.8).
    static let noAttributes = "1.1"

    /// Reads the root entry and the schema that it names.
    init(readFrom connection: LDAPConnection, until end: UInt64) throws(LDAPFailure) {
        func values(_ base: String, _ attribute: String) throws(LDAPFailure) -> [[UInt8]] {
            let answer = try connection.search(
                base, LDAPSearch.entryAlone, "(objectClass=*)", [attribute], until: end)
            return answer.entries.first ?? []
        }
        suffixes = try values("", "namingContexts").map { String(decoding: $0, as: UTF8.self) }
        guard let place = try values("", "subschemaSubentry").first else {
            attributes = nil
            return
        }
        var known: [String: Attribute] = [:]
        for definition in try values(String(decoding: place, as: UTF8.self), "attributeTypes") {
            Self.add(definition, to: &known)
        }
        attributes = known.isEmpty ? nil : known
    }

    /// Whether it has an attribute.
    func has(_ attribute: String) -> Bool { attributes?[Self.name(of: attribute)] != nil }

    /// Whether values of an attribute that differ in case alone are the same.
    func ignoresCase(_ attribute: String) -> Bool {
        var name = Self.name(of: attribute)
        // An attribute has the rule of the one that it is made of; none is made of so many.
        for _ in 0..<16 {
            guard let known = attributes?[name] else { return false }
            if let rule = known.equality { return rule.hasPrefix("caseignore") }
            guard let next = known.superior else { return false }
            name = next
        }
        return false
    }

    /// The name without options, which do not belong to it: cn;lang-de.
    private static func name(of attribute: String) -> String { attribute.prefix { $0 != ";" }.lowercased() }

    /// Reads a definition (RFC 4512 4.1.2): `( 2.5.4.3 NAME ( 'cn' 'commonName' ) SUP name EQUALITY caseIgnoreMatch ... )`.
    private static func add(_ definition: [UInt8], to known: inout [String: Attribute]) {
        let words = definition.split(whereSeparator: { ASCII.isBlank($0) }).map {
            String(decoding: $0, as: UTF8.self).lowercased()
        }
        guard words.count > 3, words[0] == "(" else { return }
        func value(of word: String) -> String? {
            words.firstIndex(of: word).flatMap { $0 + 1 < words.count ? words[$0 + 1] : nil }
        }
        let attribute = Attribute(equality: value(of: "equality"), superior: value(of: "sup"))
        known[words[1]] = attribute
        guard words[2] == "name" else { return }
        for word in words[3...] where word != "(" {
            guard word.hasPrefix("'") else { return }
            known[word.filter { $0 != "'" }] = attribute
        }
    }
}

/// What a description demands before a key that is not found is absent.
struct LDAPProof: Sendable, Hashable {
    /// An entry that is there in a whole copy alone; nil to go by contextCSN of the tree that is searched.
    var marker: String?
    /// A key that must be found; nil where nobody named one, and nothing is absent.
    var canary: [UInt8]?
    /// Nothing is absent where the server has seen no change for so many seconds; nil where that does not matter.
    var longestLag: Int?

    /// Makes sure that what the server has is whole.
    func showWhole(_ connection: LDAPConnection, base: String, until end: UInt64) throws(LDAPFailure) {
        if let marker {
            let answer = try connection.search(
                marker, LDAPSearch.entryAlone, "(objectClass=*)", [LDAPSchema.noAttributes], until: end)
            guard answer.code == LDAPCode.success, answer.entries.count == 1 else {
                throw LDAPFailure(
                    .unfit,
                    "the marker '\(marker)' is not there, so nothing is certainly absent; wait until the server's copy is"
                        + " whole, or correct the marker")
            }
            return
        }
        guard let suffix = try Self.suffix(of: base, connection, until: end) else {
            throw LDAPFailure(
                .unfit,
                "the server does not say which tree '\(base)' lies in (namingContexts of its root entry), so nothing is"
                    + " certainly absent; correct the base, let this user read the root entry, or name a marker")
        }
        guard try !Self.lastChanges(in: suffix, connection, until: end).isEmpty else {
            throw LDAPFailure(
                .unfit,
                "'\(suffix)' has no contextCSN: the server's copy is not whole, so nothing is certainly absent; wait until it"
                    + " is, or, for a server that copies from nobody, name an entry as the marker")
        }
    }

    /// Makes sure that what the server has is not older than it may be.
    func showYoung(_ connection: LDAPConnection, base: String, until end: UInt64) throws(LDAPFailure) {
        guard let longestLag else { return }
        let now = Glibc.time(nil)
        let youngest = try lastChanges(connection, base: base, until: end).compactMap(Self.time(of:)).max()
        guard let youngest, now - youngest <= longestLag else {
            throw LDAPFailure(
                .unfit,
                "the last change that the server has seen \(youngest.map { "was \(now - $0) s ago" } ?? "is not known"), and max_lag"
                    + " is \(longestLag) s; see that it follows its provider, and that the provider has a change to pass on that often"
            )
        }
    }

    /// When a change was made, by its number (`20261128145415.059371Z#...`), in seconds since 1970; nil for what is no number of one.
    private static func time(of number: [UInt8]) -> Int? {
        guard number.count > 14, number.prefix(14).allSatisfy(ASCII.isDigit) else { return nil }
        // Four digits at the most.
        func part(_ range: Range<Int>) -> Int32 { number[range].reduce(0) { $0 * 10 + Int32($1 & 15) } }
        // A plain structure; its pointer is not used.
        var moment = unsafe tm()
        unsafe (moment.tm_year, moment.tm_mon, moment.tm_mday) = (part(0..<4) - 1900, part(4..<6) - 1, part(6..<8))
        unsafe (moment.tm_hour, moment.tm_min, moment.tm_sec) = (part(8..<10), part(10..<12), part(12..<14))
        return unsafe timegm(&moment)
    }

    /// The numbers of the last changes of the tree that has a base (contextCSN); none where the server does not say them.
    func lastChanges(
        _ connection: LDAPConnection, base: String, until end: UInt64
    ) throws(LDAPFailure) -> [[UInt8]] {
        guard let suffix = try Self.suffix(of: base, connection, until: end) else { return [] }
        return try Self.lastChanges(in: suffix, connection, until: end)
    }

    /// Where the tree that has a base begins; nil where the server does not say so.
    private static func suffix(
        of base: String, _ connection: LDAPConnection, until end: UInt64
    ) throws(LDAPFailure) -> String? {
        try connection.knownSchema(until: end).suffixes.filter { lies(base, in: $0) }.max {
            $0.utf8.count < $1.utf8.count
        }
    }

    /// The numbers of the last changes in a tree; none where the server's copy is not whole.
    private static func lastChanges(
        in suffix: String, _ connection: LDAPConnection, until end: UInt64
    ) throws(LDAPFailure) -> [[UInt8]] {
        let answer = try connection.search(
            suffix, LDAPSearch.entryAlone, "(objectClass=*)", ["contextCSN"], until: end)
        guard answer.code == LDAPCode.success, answer.entries.count == 1 else { return [] }
        return answer.entries[0]
    }

    /// Makes sure that the server knows what it is asked for.
    func showKnown(
        _ attributes: [String], _ connection: LDAPConnection, until end: UInt64
    ) throws(LDAPFailure) {
        let schema = try connection.knownSchema(until: end)
        guard schema.attributes != nil else {
            throw LDAPFailure(
                .unfit,
                "the server does not show its schema, so a misspelt attribute would make every key absent; let this user read"
                    + " the entry that subschemaSubentry of the root entry names")
        }
        for attribute in attributes where !schema.has(attribute) {
            throw LDAPFailure(
                .unfit,
                "the server knows no attribute '\(attribute)', so nothing is certainly absent; correct its name in the"
                    + " description, or the server's schema")
        }
    }

    /// Whether an entry lies in a tree; both as they are written, without regard to case and blanks beside separators.
    private static func lies(_ name: String, in tree: String) -> Bool {
        let (name, tree) = (normal(name), normal(tree))
        return tree.isEmpty || name == tree || name.hasSuffix("," + tree)
    }

    private static func normal(_ name: String) -> String {
        var bytes: [UInt8] = []
        for byte in name.utf8 {
            let isSeparator = byte == UInt8(ascii: ",") || byte == UInt8(ascii: "=")
            if isSeparator { while let last = bytes.last, ASCII.isBlank(last) { bytes.removeLast() } }
            let follows = bytes.last == UInt8(ascii: ",") || bytes.last == UInt8(ascii: "=") || bytes.isEmpty
            if ASCII.isBlank(byte), follows { continue }
            bytes.append(ASCII.lowercase(byte))
        }
        while let last = bytes.last, ASCII.isBlank(last) { bytes.removeLast() }
        return String(decoding: bytes, as: UTF8.self)
    }
}
