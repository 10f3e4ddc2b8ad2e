// Judges domains: the canonical names of thishost (SEMANTICS 6.1), and what may be one at all.

import Bytes
import Configuration
import MailSyntax
import Maps

/// The looks at domains.
enum DomainJudge {
    /// Whether a name is one that hosts have: labels of letters, digits, `-` and `_`, or of UTF-8.
    static func isDomain(_ name: [UInt8]) -> Bool {
        guard name.allSatisfy({ isHostByte($0) || $0 >= 0x80 }) else { return false }
        let address = Array("user@".utf8) + name
        guard let read = try? EnvelopeAddress(address), case .mailbox = read.form else { return false }
        return read.text == address
    }

    /// Why a name is none that hosts have, and what to do.
    static func whyNoDomain(_ name: [UInt8]) -> String {
        do {
            _ = try EnvelopeAddress(Array("user@".utf8) + name)
            return "it is no domain; write 'domain', or '.domain' for all below it"
        } catch {
            let offset = max(error.offset - "user@".utf8.count, 0)
            let fault = AddressError(error.reason, at: offset)
            return "it is no domain: \(fault.explanation(in: name.span, isDomain: true))"
        }
    }

    /// Whether a route may name it as its host: a name, an address in brackets, or `-` for none.
    static func isHost(_ host: [UInt8]) -> Bool {
        guard host.first == UInt8(ascii: "[") else {
            // DNS knows names with the dot of the root behind them, too.
            let name = host.last == UInt8(ascii: ".") ? host.dropLast() : host
            return host == [UInt8(ascii: "-")] || isDomain(name)
        }
        guard host.last == UInt8(ascii: "]"), (try? EnvelopeAddress(Array("user@".utf8) + host)) != nil else {
            return false
        }
        let inside = host.dropFirst().dropLast()
        guard inside.allSatisfy({ ASCII.isDigit($0) || $0 == UInt8(ascii: ".") }) else { return !inside.isEmpty }
        let parts = inside.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        return parts.count == 4 && parts.allSatisfy { UInt8(String(decoding: $0, as: UTF8.self)) != nil }
    }

    private static func isHostByte(_ byte: UInt8) -> Bool {
        (byte | 0x20) &- UInt8(ascii: "a") < 26 || ASCII.isDigit(byte) || "-_.".utf8.contains(byte)
    }

    /// What other mailers have as the value of a domain of theirs, in small letters.
    private static let habits = ["ok", "yes", "y", "true", "1", "on", "x", "relay", "local", "any"].map {
        Array($0.utf8)
    }

    /// What is wrong with the name that thishost gives a domain.
    static func faults(ofCanonicalName value: [UInt8], substituting arguments: Placeholders?) -> [EntryFault] {
        guard !value.isEmpty else { return [] }
        let text = String(decoding: value, as: UTF8.self)
        if let fault = BlankJudge.trailing(value, of: "the domain's name") { return [fault] }
        if value.contains(where: ASCII.isBlank) {
            return [
                EntryFault(
                    .valueIsNoDomain,
                    "'\(text)' is no domain; write each of several domains on a line of its own")
            ]
        }
        if habits.contains(where: value.map(ASCII.lowercase).elementsEqual) {
            return [
                EntryFault(
                    .valueIsNoDomain,
                    "'\(text)' would become the name of the domain, and its mail would go there; write nothing behind the key"
                )
            ]
        }
        for name in arguments?.variants(of: value) ?? [value] {
            let whole = name.first == UInt8(ascii: ".") ? Array(name.dropFirst()) : name
            if isDomain(whole) || value.first == UInt8(ascii: "[") { return [] }
        }
        let bare = value.last == UInt8(ascii: ".") ? value.dropLast() : value
        let remedy =
            isDomain(bare)
            ? "domains have no final dot here: write '\(String(decoding: bare, as: UTF8.self))'"
            : "write the name by which the key's domain is known, or nothing"
        return [EntryFault(.valueIsNoDomain, "'\(text)' is no domain; \(remedy)")]
    }
}
