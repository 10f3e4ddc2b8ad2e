// The worklist of one address: what is still to be resolved, and how each piece came about. A node knows its parent,
// so that loops, limits and the trace come from one structure. All text stands in one block, and a node is made of places
// in it: an address that expands to nothing costs no allocation.

import Bytes

/// A piece of the text of one address: a range of the block that all its text is in.
typealias TextRange = Range<Int>

extension TextRange {
    /// Nothing.
    static let empty: TextRange = 0..<0
}

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
    /// The place of the `@` that ends the local part, where it is known already.
    var at: Int?
    /// The address that channel `local` shows as its host, and `%4` stands for.
    var origin: TextRange
    /// The tail that an alias hands on, with its `+`; often empty.
    var tail = TextRange.empty
    /// `@domain`, which a bare name belongs to; empty for the default.
    var domain = TextRange.empty
    /// The place of the node that expanded to this one, or -1.
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
        var place = node
        while place >= 0 {
            if let expanded = nodes[place].key, expanded.relation == relation, text.equals(expanded.key, key) {
                return true
            }
            place = nodes[place].parent
        }
        return false
    }
}
