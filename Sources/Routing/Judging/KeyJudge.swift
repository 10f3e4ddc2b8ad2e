// Judges keys: whether the chain ever asks for them (SEMANTICS 2, 4, 6), in the form in which they are stored.

import Bytes
import Configuration
import MailSyntax
import Maps

/// What is wrong with one key.
struct KeyJudge {
    let key: [UInt8]
    let value: [UInt8]
    let relation: RelationName
    /// How lookups fold the keys that they ask for.
    let folding: KeyFolding

    private var text: String { String(decoding: key, as: UTF8.self) }

    // MARK: fqdnaliases and fqdnroutes

    /// Faults of `user@domain` and `@domain`.
    func addressFaults() -> [EntryFault] {
        // The comments of ZMailer's own examples promise that these work here, too.
        if isDefaultKey {
            return [
                EntryFault(
                    .keyNeverAsked, "\(relation.rawValue) has no default keys; write '\(text)' in routesdb",
                    severity: .warning)
            ]
        }
        if let fault = patternFault ?? separatorFault ?? caseFault { return [fault] }
        // A command that looks like an address is asked for.
        if key.first == UInt8(ascii: "|"), key.contains(UInt8(ascii: "@")) { return [] }
        let isWholeDomain = key.first == UInt8(ascii: "@")
        let address = isWholeDomain ? Array("user".utf8) + key : key
        guard let read = try? EnvelopeAddress(address), case .mailbox(let at) = read.form, read.text == address else {
            return [neverAsked(reasonAgainstAddress(address))]
        }
        let domain = Array(address[(at + 1)...])
        guard domain.first == UInt8(ascii: "[") || DomainJudge.isDomain(domain) else {
            return [neverAsked("'\(String(decoding: domain, as: UTF8.self))' is no domain that mail has")]
        }
        if let fault = domainCaseFault(domain) { return [fault] }
        guard !isWholeDomain, key.first == UInt8(ascii: "\"") else { return [] }
        return quotedFaults(Array(address[..<at]), rest: Array(address[at...]))
    }

    private func reasonAgainstAddress(_ address: [UInt8]) -> String {
        guard key.contains(UInt8(ascii: "@")) else {
            return "\(relation.rawValue) is asked for user@domain and @domain alone; write one of them"
                + (relation == .fqdnaliases ? ", or put the line into aliases" : ", or put the line into routesdb")
        }
        do {
            _ = try EnvelopeAddress(address)
        } catch {
            // A name was put before the @ of a whole domain.
            let offset = max(error.offset - (address.count - key.count), 0)
            return "it is no address: \(AddressError(error.reason, at: offset).explanation(in: key.span))"
        }
        return "it is not written as addresses are asked for; write user@domain or @domain, without comments"
            + " and brackets"
    }

    // MARK: aliases

    /// Faults of the names of local users.
    func nameFaults() -> [EntryFault] {
        if let fault = patternFault ?? caseFault { return [fault] }
        if key.isEmpty { return [neverAsked("it is empty; write a name before the colon")] }
        if hasUnquotedAt {
            return [
                neverAsked(
                    "aliases is asked for names without a domain; write the name alone, or put the line into fqdnaliases"
                )
            ]
        }
        if key.starts(with: "real-".utf8), key.count > 5 {
            return [neverAsked("a name that begins with 'real-' goes past all aliases; choose another name")]
        }
        guard let first = key.first, !"\\|/".utf8.contains(first), let read = try? EnvelopeAddress(key) else {
            return [neverAsked(reasonAgainstName)]
        }
        switch read.form {
        case .local where read.text == key: return routedNameFault.map { [$0] } ?? []
        // Quotes are what keeps such a name from being routed.
        case .quotedLocal where Self.route(ofName: QuotedString.unquoted(key[...])) != nil: return []
        case .quotedLocal: return quotedFaults(key, rest: [])
        default: return [neverAsked(reasonAgainstName)]
        }
    }

    /// A name that is an address of another host, and so never comes to aliases unless it is in quotes.
    private var routedNameFault: EntryFault? {
        guard let address = Self.route(ofName: key) else { return nil }
        return EntryFault(
            .keyNeverAsked,
            "nothing asks for the key '\(text)': it is routed as \(address) before aliases are asked; "
                + (address.contains("@") ? "write '\(address)' in fqdnaliases" : "choose another name"),
            severity: .warning)
    }

    /// Where a name leads by its form (SEMANTICS 4, 7); nil for one that is just a name.
    private static func route(ofName name: [UInt8]) -> String? {
        func string(_ bytes: ArraySlice<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }
        if let bang = name.firstIndex(of: UInt8(ascii: "!")), bang > 0, bang + 1 < name.count {
            let host = name[..<bang]
            let domain = host.contains(UInt8(ascii: ".")) ? "" : ".uucp"
            return "\(string(name[(bang + 1)...]))@\(string(host))\(domain)"
        }
        if let percent = name.lastIndex(of: UInt8(ascii: "%")), percent > 0, percent + 1 < name.count {
            return "\(string(name[..<percent]))@\(string(name[(percent + 1)...]))"
        }
        let colon = UInt8(ascii: ":")
        guard zip(name, name.dropFirst()).contains(where: { $0 == (colon, colon) }) else { return nil }
        return "an address of DECnet"
    }

    private var reasonAgainstName: String {
        do {
            _ = try EnvelopeAddress(key)
            return "it is no name of a user; write a name"
        } catch {
            return "it is no name: \(error.explanation(in: key.span))"
        }
    }

    private var hasUnquotedAt: Bool {
        var isQuoted = false
        var index = 0
        while index < key.count {
            switch key[index] {
            case UInt8(ascii: "\""): isQuoted.toggle()
            case UInt8(ascii: "\\"): index += 1
            case UInt8(ascii: "@") where !isQuoted: return true
            default: break
            }
            index += 1
        }
        return false
    }

    // MARK: routesdb and thishost

    /// Faults of `domain`, `.domain` and default keys.
    func domainFaults() -> [EntryFault] {
        if let fault = defaultKeyFault { return fault }
        if let fault = patternFault ?? caseFault { return [fault] }
        if key.contains(UInt8(ascii: "@")) {
            return [
                neverAsked("\(relation.rawValue) is asked for domains; write 'domain', or '.domain' for all below it")
            ]
        }
        if let fault = literalFault { return [fault] }
        var name = key
        if relation == .routesdb, key.reversed().starts(with: ":sender".utf8.reversed()) { name.removeLast(7) }
        if let fault = KeyJudge(key: name, value: value, relation: relation, folding: folding).separatorFault {
            return [fault]
        }
        if name.first == UInt8(ascii: ".") { name.removeFirst() }
        guard DomainJudge.isDomain(name) else { return [neverAsked(DomainJudge.whyNoDomain(name))] }
        return domainCaseFault(name).map { [$0] } ?? []
    }

    /// An address in brackets: no map of domains is ever asked for one (SEMANTICS 6.1).
    private var literalFault: EntryFault? {
        guard key.first == UInt8(ascii: "[") else { return nil }
        guard relation == .thishost else {
            return neverAsked("an address in brackets goes straight to that host, past routesdb; remove the line")
        }
        let end = key.lastIndex(of: UInt8(ascii: "]")) ?? key.count
        let address = String(decoding: key[1..<max(end, 1)], as: UTF8.self)
        return EntryFault(
            .keyNeverAsked,
            "nothing ever asks for the key '\(text)': addresses in brackets are ours where the setting localaddresses has "
                + "them; add '\(address)' to localaddresses in zmailer.conf, and remove the line", severity: .warning)
    }

    private var isDefaultKey: Bool { key == [UInt8(ascii: ".")] || key.starts(with: ".:".utf8) }

    /// - Returns: nil where the key is no default key.
    private var defaultKeyFault: [EntryFault]? {
        guard isDefaultKey else { return nil }
        if key.count == 1 { return [] }
        if relation == .routesdb {
            for known in [".:recipient", ".:sender", ".:ERROR"] where key.elementsEqual(known.utf8) { return [] }
            if key.map(ASCII.lowercase).elementsEqual(".:error".utf8) {
                return [
                    EntryFault(
                        .keyNeverAsked,
                        "'.:ERROR' is asked for in capitals, and is stored as '\(text)'; put it into a map without -l",
                        severity: .warning)
                ]
            }
        }
        let known = relation == .routesdb ? "'.', '.:recipient', '.:sender' and '.:ERROR'" : "'.' alone"
        return [neverAsked("of default keys \(relation.rawValue) is asked for \(known)")]
    }

    // MARK: Parts

    private func neverAsked(_ reason: String) -> EntryFault {
        EntryFault(.keyNeverAsked, "nothing ever asks for the key '\(text)': \(reason)")
    }

    /// `*` where a pattern has it, and `/pattern/`.
    private var patternFault: EntryFault? {
        let star = UInt8(ascii: "*")
        let at = key.lastIndex(of: UInt8(ascii: "@"))
        let isName = relation == .aliases || at != nil
        let local = isName ? key[..<(at ?? key.count)] : []
        let domain = isName ? key[((at ?? key.count - 1) + 1)...] : key[...]
        let slash = UInt8(ascii: "/")
        let isExpression =
            key.count > 2 && key.first == slash
            && (key.last == slash || key.dropLast().last == slash && key.last == UInt8(ascii: "i"))
        guard local.first == star || local.last == star || domain.contains(star) || isExpression else { return nil }
        let remedy =
            switch relation {
            case .aliases: "write each name; a tail, as in name+tail, finds 'name'"
            case .fqdnaliases, .fqdnroutes: "write '@domain' for everyone in a domain"
            default: "write '.domain' for a domain and all below it"
            }
        return EntryFault(
            .patternKey, "the key '\(text)' is a pattern, and keys are none: it stands for itself; \(remedy)")
    }

    /// What a program of another kind writes between key and value, without a blank.
    private var separatorFault: EntryFault? {
        guard value.isEmpty, relation != .thishost || key.contains(UInt8(ascii: ":")) else { return nil }
        var from = key.firstIndex(of: UInt8(ascii: "@")) ?? 0
        // The colons of an address in brackets are its own.
        if key[from...].dropFirst().first == UInt8(ascii: "["), let end = key.lastIndex(of: UInt8(ascii: "]")) {
            from = max(from, end)
        }
        guard let sign = key[from...].first(where: { "=:>,;|\t!".utf8.contains($0) }) else { return nil }
        let character = Character(Unicode.Scalar(sign))
        return EntryFault(
            .separator,
            "'\(text)' is a key without a value: '\(character)' ends no key; write a blank between key and value")
    }

    private var caseFault: EntryFault? {
        guard folding != .none, key.contains(where: { folding.fold($0) != $0 }) else { return nil }
        let (asked, option) = folding == .lower ? ("lower", "-l") : ("upper", "-u")
        return EntryFault(
            .keyCase,
            "nothing ever asks for the key '\(text)': keys are asked for in \(asked) case; write it so, or compile the map "
                + "with \(option)")
    }

    /// Letters outside of ASCII are not folded: a domain that people write in small letters is not found.
    private func domainCaseFault(_ domain: [UInt8]) -> EntryFault? {
        guard domain.contains(where: { $0 >= 0x80 }) else { return nil }
        let capitals = String(decoding: domain, as: UTF8.self).unicodeScalars.filter {
            !$0.isASCII && $0.properties.isUppercase
        }
        guard let capital = capitals.first else { return nil }
        return EntryFault(
            .keyCase,
            "the domain of the key '\(text)' has the capital '\(Character(capital))', and only letters of ASCII are folded; "
                + "write domains in small letters")
    }

    /// Quotes that a name does not need belong to the key.
    private func quotedFaults(_ local: [UInt8], rest: [UInt8]) -> [EntryFault] {
        let bare = QuotedString.unquoted(local[...])
        guard let read = try? EnvelopeAddress(bare), read.form == .local, read.text == bare else { return [] }
        let without = String(decoding: bare + rest, as: UTF8.self)
        return [
            EntryFault(
                .quotedKey,
                "the quotes belong to the key '\(text)', which '\(without)' does not find; write it without quotes",
                severity: .warning)
        ]
    }
}
