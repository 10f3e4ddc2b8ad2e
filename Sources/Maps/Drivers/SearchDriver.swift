// The search drivers of a relation (flag -d): which keys of one map are tried, and in which order.

/// The order in which keys derived from the one looked up are tried in a map.
public enum SearchDriver: String, Sendable, Hashable, CaseIterable {
    /// The key alone.
    case none = ""
    /// A domain, then its suffixes with a leading dot, then default keys.
    case pathalias
    /// The suffixes of a domain without a leading dot, never the domain itself.
    case pathaliasNoDot = "pathalias.nodot"
    /// An address, then its domain as `pathalias` does.
    case pathaliasAt = "pathalias.at"
    /// A domain, then its true suffixes with a leading dot, then default keys; an IPv4 address by its prefixes.
    case longestMatch = "longestmatch"
}
