// The worklist of one address: what is still to be resolved, and how each piece came about. A node knows its parent,
// so that loops, limits and the trace come from one structure.

/// A key that was expanded: the same key further down the same branch is passed over.
struct ExpandedKey: Equatable {
    /// The relation that holds the key.
    let relation: RelationName
    /// The key as stored; a tail is no part of it.
    let key: [UInt8]
}

/// An address that waits to be resolved.
struct Node {
    /// The address.
    var address: [UInt8]
    /// The address that channel `local` shows as its host, and `%4` stands for.
    var origin: [UInt8]
    /// The tail that an alias hands on, with its `+`; often empty.
    var tail: [UInt8] = []
    /// `@domain`, which a bare name belongs to; empty for the default.
    var domain: [UInt8] = []
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
    /// The nodes still to be resolved: the next one last, so that results come in the order of the lists.
    var pending: [Int] = []
    var routes: [Route] = []
    var origins: [Int] = []
    var notices: [String] = []

    mutating func start(_ root: Node) {
        nodes.removeAll(keepingCapacity: true)
        pending.removeAll(keepingCapacity: true)
        nodes.append(root)
        pending.append(0)
        routes = []
        origins = []
        notices = []
    }

    /// Whether the key is being expanded on the way from the root to a node.
    func isExpanding(_ relation: RelationName, _ key: [UInt8], at node: Int) -> Bool {
        var place = node
        while place >= 0 {
            if let expanded = nodes[place].key, expanded.key == key, expanded.relation == relation { return true }
            place = nodes[place].parent
        }
        return false
    }
}
