// Judges the values of aliases and fqdnaliases: lists of addresses (SEMANTICS 8), of which one fault makes the whole void.

import Bytes
import Configuration
import MailSyntax
import Maps

/// What is wrong with one list.
struct ListJudge {
    let relation: RelationName
    let key: [UInt8]
    /// So many members are judged: the list of a whole country would take much memory.
    private static let mostMembers = 100_000

    /// The faults of a list.
    func faults(_ value: [UInt8], substituting arguments: Placeholders?) -> [EntryFault] {
        if let fault = remarkFault(value) ?? redirectItemFault(value) ?? commandFault(value) { return [fault] }
        for list in arguments?.variants(of: value) ?? [value] {
            do {
                let members = try AddressList.members(of: list.span, includes: true, atMost: Self.mostMembers)
                if let fault = members.lazy.compactMap({ self.fault(ofMember: $0) }).first { return [fault] }
            } catch {
                // A list so long is judged when it is used.
                if case .tooManyMembers = error.reason { continue }
                let word = error.faultyWord(of: list.span)
                if error.reason != .emptyMember, let fault = FileTarget.fault(ofUnreadableWord: word) { return [fault] }
                return [
                    EntryFault(
                        .valueIsNoList,
                        "the value is no list of addresses: \(error.explanation(in: list.span)); mail for it would go to root"
                    )
                ]
            }
        }
        return []
    }

    private func remarkFault(_ value: [UInt8]) -> EntryFault? {
        guard let start = BlankJudge.remark(in: value) else { return nil }
        let text = String(decoding: value[start...], as: UTF8.self)
        return EntryFault(
            .remarkInValue,
            "'\(text)' is no comment: each word of it would get the mail; write it on a line of its own before the entry"
        )
    }

    private static let redirectItems = [":fail:", ":defer:", ":unknown:", ":error:", ":user:", ":true:"]

    /// `:blackhole:`, `:fail:` and others of Exim.
    private func redirectItemFault(_ value: [UInt8]) -> EntryFault? {
        guard value.first == UInt8(ascii: ":"), !value.starts(with: ":include:".utf8),
            let end = value.dropFirst().firstIndex(of: UInt8(ascii: ":"))
        else { return nil }
        let item = String(decoding: value[...end], as: UTF8.self)
        if let fault = FileTarget.fault(ofUnreadableWord: Array(value)) { return fault }
        guard Self.redirectItems.contains(item.lowercased()) || DiscardHabit.isOne(Array(value[...end])) else {
            return EntryFault(
                .valueIsNoList,
                "the value begins with ':', as behind a key with two colons; write one colon, and no name with '::', which"
                    + " is an address of DECnet")
        }
        let remedy =
            DiscardHabit.isOne(Array(value[...end]))
            ? "to discard mail write /dev/null" : "to refuse an address write error!nosuchuser for it in fqdnroutes"
        return EntryFault(.valueIsNoList, "'\(item)' means nothing here, and mail for it would go to root; \(remedy)")
    }

    /// A command whose words would become members of the list.
    private func commandFault(_ value: [UInt8]) -> EntryFault? {
        guard value.first == UInt8(ascii: "|"), value.contains(where: ASCII.isBlank) else { return nil }
        let text = String(decoding: value, as: UTF8.self)
        return EntryFault(
            .valueIsNoList,
            "each word of '\(text)' behind the first would get the mail; write the whole command in quotes, as \"\(text)\""
        )
    }

    private func fault(ofMember member: [UInt8]) -> EntryFault? {
        let text = String(decoding: member, as: UTF8.self)
        if let why = whyNobody(member) {
            return EntryFault(.valueIsNoList, "'\(text)' \(why): mail for it would reach nobody; write an address")
        }
        for sign in ["=", "=>", "->", ":=", "→", "⇒"] where member.elementsEqual(sign.utf8) {
            return EntryFault(.separator, "'\(sign)' would be an address of its own; remove it")
        }
        if member.first != UInt8(ascii: "\""), let character = InvisibleCharacter.first(in: member.span) {
            return EntryFault(.invisibleCharacter, "\(character) is part of the address '\(text)'; remove it")
        }
        return routeFault(member, text) ?? FileTarget.fault(ofMember: member)
    }

    /// A route, which in a list is an address of a host that nobody has.
    private func routeFault(_ member: [UInt8], _ text: String) -> EntryFault? {
        guard let bang = member.firstIndex(of: UInt8(ascii: "!")), !member.contains(UInt8(ascii: "@")) else {
            return nil
        }
        let channel = member[..<bang]
        let channels = ["smtp", "local", "error", "hold", "ignore", "dns"]
        guard channels.contains(where: { channel.elementsEqual($0.utf8) }) || channel.starts(with: "smtp-".utf8) else {
            return nil
        }
        let host = String(decoding: channel, as: UTF8.self)
        return EntryFault(
            .routeInList,
            "'\(text)' is no route in a list: it is an address of the host \(host).uucp; routes belong in fqdnroutes",
            severity: .warning)
    }

    /// Why a member, which can be read as one, can be nobody.
    private func whyNobody(_ member: [UInt8]) -> String? {
        if member.elementsEqual("\"\"".utf8) { return "is an empty name" }
        guard let first = member.first, let last = member.last, !"\"\\/:[".utf8.contains(first) else {
            return member.starts(with: "/*".utf8) ? "begins a remark of another kind" : nil
        }
        if member.count == 1, !(ASCII.isDigit(first) || (first | 0x20) &- UInt8(ascii: "a") < 26 || first >= 0x80) {
            return "is no name"
        }
        if first == UInt8(ascii: "|") { return nil }
        let bang = UInt8(ascii: "!")
        if first == bang || last == bang { return "lacks a side of its '!'" }
        for quote in ["'", "`", "\u{2018}", "\u{2019}", "\u{201C}", "\u{201D}"]
        where member.starts(with: quote.utf8) && (member.count > quote.utf8.count) {
            return "begins with a quote that is none here, where only '\"' is"
        }
        if Placeholders.isForeign(in: member) { return "has a pattern of another mailer, which nothing replaces" }
        guard let at = member.lastIndex(of: UInt8(ascii: "@")), first != UInt8(ascii: "@") else { return nil }
        let domain = Array(member[(at + 1)...])
        let isDomain = domain.first == UInt8(ascii: "[") ? DomainJudge.isHost(domain) : DomainJudge.isDomain(domain)
        guard !isDomain else { return nil }
        return "has the domain '\(String(decoding: domain, as: UTF8.self))', which no domain can be"
    }
}
