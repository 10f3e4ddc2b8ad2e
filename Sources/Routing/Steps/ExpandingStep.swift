// Expanding the value of an alias, and the lines of an included file, into further addresses (SEMANTICS 8).

import Bytes
import MailSyntax
import Maps

extension Resolver {
    /// Expands the value that a lookup found.
    ///
    /// A value that is no address list goes to root, with the tail, as in ZMailer: somebody must get the mail.
    mutating func expand(value: TextRange, like template: Node, of parent: Int) throws(ResolutionFailure) {
        // Most aliases stand for one mailbox.
        if let at = AddressList.onlyMailbox(value, of: text) {
            return try expand(to: value, at: at, like: template, of: parent)
        }
        let members: [[UInt8]]
        do {
            members = try text.withSpan(value) { value throws(AddressError) in
                try AddressList.members(of: value, includes: true, atMost: rules.expansionSize)
            }
        } catch {
            let explanation = text.withSpan(value) { error.explanation(in: $0) }
            return try expandToRoot(because: error, explanation, like: template, of: parent)
        }
        try expand(to: members, readAs: .list, like: template, of: parent)
    }

    /// Expands `:include:path`: one address list a line, `#` first on a line makes it a comment.
    ///
    /// The members have the authority of the map that names the file, and get no tail. A file that is being expanded is
    /// passed over: all its members are on the way already.
    mutating func include(_ path: TextRange, _ current: WorkingAddress) throws(ResolutionFailure) {
        guard current.isTrusted else { throw .syntax(nil) }
        guard !expansion.isExpanding(.include, path, at: current.node, in: text) else {
            trace?.record(.deviation(.duplicate, "this file is already being included: passed over"))
            return
        }
        let content = try includedFile(text[path], current)
        var template = Node(address: .empty, origin: current.origin)
        template.domain = current.domain
        template.privilege = current.privilege
        template.key = ExpandedKey(relation: .include, key: path)
        let members: [[UInt8]]
        do {
            members = try Self.includedMembers(of: content, atMost: rules.expansionSize)
        } catch {
            return try expandToRoot(because: error, "\(error); correct the file", like: template, of: current.node)
        }
        try expand(to: members, readAs: .include, like: template, of: current.node)
    }

    private func includedFile(_ path: [UInt8], _ current: WorkingAddress) throws(ResolutionFailure) -> [UInt8] {
        let name = TableName(includedList: path)
        do throws(ResolutionFailure) {
            let content = try maps.includedFile(path, onBehalfOf: current.privilege)
            trace?.record(.lookup(name, key: path, answer: .found(content)))
            return content
        } catch {
            if case .map(let error) = error { trace?.record(.lookup(name, key: path, answer: .failed(error.text))) }
            throw error
        }
    }

    private static func includedMembers(of content: [UInt8], atMost limit: Int) throws(AddressError) -> [[UInt8]] {
        var members: [[UInt8]] = []
        var start = 0
        while start < content.count {
            let end = content[start...].firstIndex(of: UInt8(ascii: "\n")) ?? content.count
            var line = content.span.extracting(start..<end)
            start = end + 1
            if !line.isEmpty, line[line.count - 1] == UInt8(ascii: "\r") { line = line.extracting(droppingLast: 1) }
            guard !line.isEmpty, line[0] != UInt8(ascii: "#"), !line.indices.allSatisfy({ ASCII.isBlank(line[$0]) })
            else { continue }
            members += try AddressList.members(of: line, includes: true, atMost: limit - members.count)
        }
        guard !members.isEmpty else { throw AddressError(.emptyMember, at: 0) }
        return members
    }

    /// Sends on to root what has no recipient although it was expanded.
    mutating func expandToRootForNobody() throws(ResolutionFailure) {
        trace?.record(.step(.nobodyLeft))
        var template = Node(address: .empty, origin: expansion.nodes[0].origin)
        template.key = expansion.nodes.last { $0.key != nil }?.key
        try expandToRoot(
            because: AddressError(.emptyMember, at: 0), "every member is the list itself; name a recipient",
            like: template,
            of: 0)
    }

    private mutating func expandToRoot(
        because error: AddressError, _ explanation: String, like template: Node, of parent: Int
    ) throws(ResolutionFailure) {
        if case .tooManyMembers = error.reason { throw limit }
        trace?.record(.deviation(.aliasError, "no address list (\(error)): goes to root"))
        if let key = template.key {
            let name = String(decoding: text[key.key], as: Unicode.UTF8.self)
            expansion.notices.append(
                "\(key.relation.rawValue) '\(name)': value is no address list, and goes to root: \(explanation)")
        }
        try expand(to: [Array("root".utf8)], readAs: .root, like: template, of: parent)
    }
}
