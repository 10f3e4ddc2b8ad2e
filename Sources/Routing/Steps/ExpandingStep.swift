// Expanding the value of an alias, and the lines of an included file, into further addresses (SEMANTICS 8).

import MailAddress
import Maps

extension Resolver {
    /// Expands the value that a lookup found.
    ///
    /// A value that is no address list goes to root, with the tail, as in ZMailer: somebody must get the mail.
    mutating func expand(value: Piece, like template: Node, of parent: Int) throws(ResolutionFailure) {
        // Most aliases stand for one mailbox.
        if let at = AddressList.onlyMailbox(value, of: text) {
            return try expand(to: value, at: at, like: template, of: parent)
        }
        let members: [[UInt8]]
        do {
            members = try text.withSpan(value) { value throws(AddressError) in try AddressList.members(of: value) }
        } catch {
            let explanation = text.withSpan(value) { error.explanation(in: $0) }
            return try expandToRoot(because: error, explanation, like: template, of: parent)
        }
        try expand(to: members, like: template, of: parent)
    }

    /// Expands `:include:path`: one address list a line, `#` first on a line makes it a comment.
    mutating func include(_ path: Piece, _ hop: Hop) throws(ResolutionFailure) {
        guard hop.isTrusted else { throw .syntax(nil) }
        guard let hit = try maps.find(.include, path, of: &text),
            !expansion.isExpanding(.include, path, at: hop.node, in: text)
        else {
            return try add(channel: text.append("local"), host: hop.origin, user: hop.address, hop)
        }
        var template = Node(address: .empty, origin: hop.origin)
        template.domain = hop.domain
        template.privilege = hit.privilege
        template.key = ExpandedKey(relation: .include, key: path)
        let members: [[UInt8]]
        do {
            members = try Self.includedMembers(of: text[hit.value])
        } catch {
            return try expandToRoot(because: error, "\(error); correct the file", like: template, of: hop.node)
        }
        try expand(to: members, like: template, of: hop.node)
    }

    private static func includedMembers(of content: [UInt8]) throws(AddressError) -> [[UInt8]] {
        var members: [[UInt8]] = []
        for line in content.split(separator: UInt8(ascii: "\n")) {
            let text = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
            guard text.first != UInt8(ascii: "#"), !text.allSatisfy(ASCII.isBlank) else { continue }
            members += try AddressList.members(of: Array(text).span)
        }
        guard !members.isEmpty else { throw AddressError(.emptyMember, at: 0) }
        return members
    }

    private mutating func expandToRoot(
        because error: AddressError, _ explanation: String, like template: Node, of parent: Int
    ) throws(ResolutionFailure) {
        trace?.record(.deviation(.aliasError, "no address list (\(error)): goes to root"))
        if let key = template.key {
            let name = String(decoding: text[key.key], as: Unicode.UTF8.self)
            expansion.notices.append(
                "\(key.relation.rawValue) '\(name)': value is no address list, and goes to root: \(explanation)")
        }
        try expand(to: [Array("root".utf8)], like: template, of: parent)
    }
}
