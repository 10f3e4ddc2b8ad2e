// The relations that the chain asks, by the names that dbases.conf gives them.

/// A relation of the lookup chain.
public enum RelationName: String, Sendable, Hashable {
    /// Names of local users to addresses.
    case aliases
    /// Whole addresses, and `@domain`, to addresses.
    case fqdnaliases
    /// Whole addresses, and `@domain`, to routes.
    case fqdnroutes
    /// Domains to routes.
    case routesdb
    /// The domains that are this host.
    case thishost
    /// Accounts of the system, asked only where users need one; no relation of dbases.conf.
    case accounts
    /// Files named by `:include:`; no relation of dbases.conf.
    case include

    /// Those that dbases.conf defines.
    static let chain: [RelationName] = [.aliases, .fqdnaliases, .fqdnroutes, .routesdb, .thishost]

    /// The place in `chain`.
    var index: Int {
        switch self {
        case .aliases: 0
        case .fqdnaliases: 1
        case .fqdnroutes: 2
        case .routesdb: 3
        case .thishost, .accounts, .include: 4
        }
    }
}
