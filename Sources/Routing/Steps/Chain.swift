// The order of everything for one address (SEMANTICS 2): the fully qualified maps first, then the canonical form, then
// the local part, or the domain's route. An address may take several hops: a route through this host, or
// `user%host@here`, is stripped and taken up anew.

import Bytes
import MailSyntax

/// An address on its way through the chain, with what it carries along.
struct WorkingAddress {
    /// The address as it stands.
    var address: TextRange
    /// The tail that still has to be put after the local part.
    var tail: TextRange
    /// `@domain` for a name without one; empty for the default.
    var domain: TextRange
    /// The node of the worklist it belongs to.
    let node: Int
    /// The address that channel `local` shows as its host.
    let origin: TextRange
    let privilege: UInt32
    /// Whether the address is the content of a quoted string.
    var isUnquoted: Bool

    /// Whether it may name a command or a file: no submitter may, not even through a map that hands his words on.
    var isTrusted: Bool

    /// Whether this is what was typed, by itself or stripped, and not what a map expanded to.
    var isTyped: Bool { node == 0 }

    init(_ node: Node, at index: Int) {
        address = node.address
        tail = node.tail
        domain = node.domain
        self.node = index
        origin = node.origin
        privilege = node.privilege
        isUnquoted = node.isUnquoted
        isTrusted = node.isTrusted
    }
}

extension Resolver {
    /// Resolves a node of the worklist to routes, or to further nodes.
    mutating func resolve(node index: Int) throws(ResolutionFailure) {
        let node = expansion.nodes[index]
        var current = WorkingAddress(node, at: index)
        var focus =
            node.at.map(RoutingForm.domain) ?? RoutingForm(current.address, of: text, isUnquoted: current.isUnquoted)
        var hops = 0
        // What follows is the text of this node's hops; the nodes and routes there are have theirs before it.
        let start = text.end
        while true {
            if trace != nil { record(current, focus, hop: hops) }
            if try lookUpFullyQualified(current, focus) { return }
            guard let next = try take(current, focus) else { return }
            current = next
            try checkGrowth(of: current.address)
            // Each current may write the address anew, but only the last one's text is needed.
            if text.end - start > Self.mostTextOfHops { forgetText(from: start, of: &current) }
            focus = RoutingForm(current.address, of: text, isUnquoted: current.isUnquoted)
            // Hops are bounded like expansions: work must not grow faster than an address's length.
            hops += 1
            guard hops <= rules.expansionDepth else { throw limit }
        }
    }

    /// So much text of one node's hops is left alone.
    private static var mostTextOfHops: Int { 1 << 14 }

    private mutating func forgetText(from start: Int, of current: inout WorkingAddress) {
        var pieces = [current.address, current.tail, current.domain]
        text.forget(from: start, but: &pieces)
        (current.address, current.tail, current.domain) = (pieces[0], pieces[1], pieces[2])
    }

    /// One pass below the fully qualified maps.
    ///
    /// - Returns: the address to go on with, or nil when this one is resolved.
    private mutating func take(_ current: WorkingAddress, _ focus: RoutingForm) throws(ResolutionFailure)
        -> WorkingAddress?
    {
        switch focus {
        case .localForm:
            try resolveLocalPart(current)
            return nil
        case .route(let host, let rest):
            return try resolveSourceRoute(current, host: host, rest: rest)
        case .domain(let at):
            return try resolveDomain(current, at: at)
        case .bang(let at):
            return try resolveBangPath(current, at: at)
        case .percent(let at):
            var rewritten = current
            rewritten.address = text.append(copyOf: current.address)
            let offset = rewritten.address.lowerBound + (at - current.address.lowerBound)
            text.replace(at: offset, with: UInt8(ascii: "@"))
            if trace != nil { record(.percent, to: rewritten.address) }
            return try resolveDomain(rewritten, at: offset)
        }
    }

    /// `host!rest` is `rest@host`, and `rest@host.uucp` where the host has no domain (SEMANTICS 7).
    private mutating func resolveBangPath(_ current: WorkingAddress, at bang: Int) throws(ResolutionFailure)
        -> WorkingAddress?
    {
        let host = current.address.lowerBound..<bang
        let rest = (bang + 1)..<current.address.upperBound
        guard !rest.isEmpty, !host.isEmpty else {
            try refuse(current, AddressError(.emptyLocalPart, at: 0))
            return nil
        }
        let start = text.append(copyOf: rest).lowerBound
        let at = text.end
        text.append(UInt8(ascii: "@"))
        text.append(copyOf: host)
        if text.firstIndex(of: UInt8(ascii: "."), in: host) == nil, text.first(host) != UInt8(ascii: "[") {
            text.append(".uucp")
        }
        var rewritten = current
        rewritten.address = start..<text.end
        if trace != nil { record(.bangPath, to: rewritten.address) }
        return try resolveDomain(rewritten, at: at)
    }
}

// The worklist of one address: what is still to be resolved, and how each piece came about. A node knows its parent,
// so that loops, limits and the trace come from one structure. All text stands in one block, and a node is made of ranges
// in it: an address that expands to nothing costs no allocation.

/// A key that was expanded: the same key further down the same branch is passed over.
struct ExpandedKey {
    /// The relation that holds the key.
    let relation: RelationName
    /// The key as stored; a tail is no part of it.
    let key: TextRange
}

/// An address that waits to be resolved.
struct Node {
    /// The address.
    var address: TextRange
    /// The offset of the `@` that ends the local part, where it is known already.
    var at: Int?
    /// The address that channel `local` shows as its host, and `%4` stands for.
    var origin: TextRange
    /// The tail that an alias hands on, with its `+`; often empty.
    var tail = TextRange.empty
    /// `@domain`, which a bare name belongs to; empty for the default.
    var domain = TextRange.empty
    /// The index of the node that expanded to this one, or -1.
    var parent = -1
    /// How many expansions deep the node is.
    var depth = 0
    /// Whose authority its routes carry.
    var privilege = Route.nobody
    /// The key whose value this address stands in.
    var key: ExpandedKey?
    /// Whether the address is the content of a quoted string, in which nothing but a local name is to be seen.
    var isUnquoted = false
    /// Whether it may name a command or a file.
    var isTrusted = true
}

/// The state of resolving one address.
struct Expansion {
    /// All nodes so far; the address that was asked for is the first.
    var nodes: [Node] = []
    /// The nodes still to be resolved, apart from the first: the next one last, so that results come in the order of the
    /// lists.
    var pending: [Int] = []
    var notices: [String] = []

    /// Begins with the address that was asked for, the only node so far.
    @inline(__always)
    mutating func start(_ root: Node) {
        // One node is usual, and replacing it takes a tenth of emptying and filling.
        if nodes.count == 1 {
            nodes[0] = root
        } else {
            nodes.removeAll(keepingCapacity: true)
            nodes.append(root)
        }
        while pending.popLast() != nil {}
        if !notices.isEmpty { notices = [] }
    }

    /// Adds a node that is to be resolved before those that wait.
    mutating func append(_ node: Node) {
        pending.append(nodes.count)
        nodes.append(node)
    }

    /// Whether the key is being expanded on the way from the root to a node.
    func isExpanding(_ relation: RelationName, _ key: TextRange, at node: Int, in text: borrowing TextArena) -> Bool {
        var index = node
        while index >= 0 {
            if let expanded = nodes[index].key, expanded.relation == relation, text.equals(expanded.key, key) {
                return true
            }
            index = nodes[index].parent
        }
        return false
    }
}
