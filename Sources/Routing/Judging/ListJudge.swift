// Judges the values of aliases and fqdnaliases: lists of addresses (SEMANTICS 8), of which one fault makes the whole void.

import Configuration
import MailAddress
import Maps

/// What is wrong with one list.
struct ListJudge {
    let relation: RelationName
    let key: [UInt8]
    /// So many members are judged: the list of a whole country would take much memory.
    private static let mostMembers = 100_000

    /// The faults of a list.
    func faults(_ value: [UInt8], substituting arguments: Placeholders?) -> [EntryFault] {
        if let fault = remarkFault(value) ?? redirectItemFault(value) { return [fault] }
        for list in arguments?.variants(of: value) ?? [value] {
            do {
                let members = try AddressList.members(of: list.span, includes: true, atMost: Self.mostMembers)
                if let fault = members.lazy.compactMap({ self.fault(ofMember: $0) }).first { return [fault] }
            } catch {
                // A list so long is judged when it is used.
                if case .tooManyMembers = error.reason { continue }
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
        guard let place = BlankJudge.remark(in: value) else { return nil }
        let text = String(decoding: value[place...], as: UTF8.self)
        return EntryFault(
            .remarkInValue,
            "'\(text)' is no comment: each word of it would get the mail; write it on a line of its own before the entry"
        )
    }

    /// `:blackhole:`, `:fail:` and others of Exim.
    private func redirectItemFault(_ value: [UInt8]) -> EntryFault? {
        guard value.first == UInt8(ascii: ":"), !value.starts(with: ":include:".utf8),
            let end = value.dropFirst().firstIndex(of: UInt8(ascii: ":"))
        else { return nil }
        let item = String(decoding: value[...end], as: UTF8.self)
        return EntryFault(
            .valueIsNoList,
            "'\(item)' means nothing here, and mail for it would go to root; to refuse an address write "
                + "error!nosuchuser for it in fqdnroutes")
    }

    private func fault(ofMember member: [UInt8]) -> EntryFault? {
        let text = String(decoding: member, as: UTF8.self)
        for sign in ["=", "=>", "->", ":=", "→", "⇒"] where member.elementsEqual(sign.utf8) {
            return EntryFault(.separator, "'\(sign)' would be an address of its own; remove it")
        }
        if member.first != UInt8(ascii: "\""), let character = InvisibleCharacter.first(in: member.span) {
            return EntryFault(.invisibleCharacter, "\(character) is part of the address '\(text)'; remove it")
        }
        if let fault = routeFault(member, text) { return fault }
        return nil
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
}
