// The maps of the chain, asked by name. Here a map's failure becomes the failure of the address.

import Bytes
public import Configuration
public import Maps
import System

/// The default keys that routesdb is asked with, where nothing else matches (SEMANTICS 6).
enum DefaultKeys {
    case none
    case recipient
    case sender
    case errorMessage

    private static let recipientKeys = [Array(".:recipient".utf8), Array(".".utf8)]
    private static let senderKeys = [Array(".:sender".utf8), Array(".".utf8)]
    private static let errorMessageKeys = [Array(".:ERROR".utf8)]

    var keys: [[UInt8]] {
        switch self {
        case .none: []
        case .recipient: Self.recipientKeys
        case .sender: Self.senderKeys
        case .errorMessage: Self.errorMessageKeys
        }
    }
}

/// A relation of dbases.conf that is asked by its name.
public struct NamedRelation: Sendable {
    let id: MapSet.RelationID
    /// Whether the chain asks it for whole addresses in lower case, whatever its flags say.
    let isFullyQualified: Bool
    let defaults: DefaultKeys

    init(_ name: String, id: MapSet.RelationID) {
        self.id = id
        let known = RelationName(rawValue: name)
        isFullyQualified = known == .fqdnaliases || known == .fqdnroutes
        defaults = known == .routesdb ? .recipient : .none
    }
}

/// The relations of one worker, and the two sources that dbases.conf does not name.
public struct RoutingMaps: ~Copyable {
    private var set: MapSet
    private let ids: [MapSet.RelationID]
    private var fullyQualified: RelationGroup
    private var thisHost: RelationGroup
    /// When it was last seen to that changed files are noticed, as far as the clock tells times apart.
    private var now: MonotonicTime?
    private let accounts: any Table
    private let includes: any IncludedLists
    /// Where accounts put values.
    private var copied: [UInt8] = []

    /// Puts the maps of the chain together.
    ///
    /// - Parameters:
    ///   - set: the relations of dbases.conf.
    ///   - accounts: the accounts that local users must have, where the rules demand it.
    ///   - includes: the files that `:include:` names.
    public init(_ set: consuming MapSet, accounts: any Table, includes: any IncludedLists = IncludedFiles()) {
        self.accounts = accounts
        self.includes = includes
        var ids: [MapSet.RelationID] = []
        for name in RelationName.chain { ids.append(set.relation(name.rawValue)) }
        fullyQualified = set.group([ids[RelationName.fqdnaliases.index], ids[RelationName.fqdnroutes.index]])
        thisHost = set.group([ids[RelationName.thishost.index]])
        self.ids = ids
        self.set = set
    }

    /// Lets changed files be noticed: within one address each map is of one generation.
    @inline(__always)
    mutating func beginAddress(now: MonotonicTime) {
        if now == self.now { return }
        self.now = now
        set.beginAddress(now: now)
        _ = accounts.refresh()
    }

    /// Looks a key in lower case up in fqdnaliases and fqdnroutes.
    ///
    /// - Parameter first: the index of the first relation that is asked: 0 for fqdnaliases, 1 for fqdnroutes.
    /// - Returns: the answer of the first that has the key; nil only where the key certainly does not exist.
    @inline(__always)
    mutating func findFullyQualified(
        _ key: TextRange, of text: inout TextArena, from first: Int
    ) throws(ResolutionFailure) -> MapHit? {
        do {
            return try set.find(key, isFolded: true, of: &text, in: &fullyQualified, from: first)
        } catch {
            throw .map(error)
        }
    }

    /// Looks a host up in thishost.
    ///
    /// - Returns: nil only where the key certainly does not exist.
    mutating func findThisHost(_ host: TextRange, of text: inout TextArena) throws(ResolutionFailure) -> MapHit? {
        do {
            return try set.find(host, isFolded: false, of: &text, in: &thisHost)
        } catch {
            throw .map(error)
        }
    }

    /// What the file holds that `:include:` names.
    ///
    /// - Parameter authority: the owner of the map that names it.
    func includedFile(_ path: [UInt8], onBehalfOf authority: UInt32) throws(ResolutionFailure) -> [UInt8] {
        do {
            return try includes.content(of: path, onBehalfOf: authority)
        } catch {
            throw .map(error)
        }
    }

    /// The relation of a name; one that has no key where dbases.conf does not have the name.
    func id(of name: String) -> MapSet.RelationID { set.relation(name) }

    /// Looks a key up in a relation that is asked by its name.
    ///
    /// - Returns: nil only where the key certainly does not exist.
    mutating func find(
        _ relation: NamedRelation, _ key: TextRange, of text: inout TextArena
    ) throws(ResolutionFailure) -> MapHit? {
        do {
            return try set.find(key, of: &text, in: relation.id, defaults: relation.defaults.keys)
        } catch {
            throw .map(error)
        }
    }

    /// Looks a key up.
    ///
    /// - Returns: nil only where the key certainly does not exist.
    mutating func find(
        _ relation: RelationName, _ key: TextRange, of text: inout TextArena, defaults: DefaultKeys = .none
    ) throws(ResolutionFailure) -> MapHit? {
        do {
            switch relation {
            case .accounts:
                return try accounts.find(key, in: &text, copying: &copied)
            default:
                return try set.find(key, of: &text, in: ids[relation.index], defaults: defaults.keys)
            }
        } catch {
            throw .map(error)
        }
    }
}

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

    /// The index in `chain`.
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

// Judges the relations that a dbases.conf names: a relation of the chain whose name is misspelt is asked for nothing, and
// each of its users would be a certain "no such user".

extension RelationName {
    /// Relations that ZMailer's scripts ask and that the chain here does not: their lines are passed over.
    private static let zmailer: Set<String> = [
        "expired", "fqdnaliasesldap", "fqlists", "fullnamemap", "fullnames", "iproutesdb", "lists", "listserv",
        "mailman",
        "mboxmap", "newsgroup", "otherservers", "smtproutes", "uucproutes", "bitnetroutes", "userdb",
    ]

    /// The relations beside those of the chain whose keys are domains that are served here, by ZMailer's names.
    public static let policies = ["smtp-policy.relay", "smtp-policy.relay.manual", "smtp-policy.manual"]

    /// What is wrong with the relations of a dbases.conf.
    ///
    /// - Returns: an error for each line of a relation that nobody asks, and a warning where a relation of the chain has
    ///   no line at all. One of type `NONE` is a line: it says that the relation is meant to be empty.
    public static func findings(in databases: DatabasesConf) -> [Finding] {
        let known = chain.map(\.rawValue)
        var findings: [Finding] = []
        // A relation whose line is there, and has a mistake of which something is said already.
        var meant = Set(databases.faultyRelations.compactMap { nearestName(to: $0, among: known) })
        for definition in databases.definitions
        where !known.contains(definition.relation) && !zmailer.contains(definition.relation)
            && !definition.relation.hasPrefix("smtp-policy")
        {
            if let relation = nearestName(to: definition.relation, among: known) { meant.insert(relation) }
            findings.append(
                Finding(
                    .unknownRelation, .error, file: definition.file, line: definition.line,
                    text:
                        "no relation '\(definition.relation)' is known, so nothing would ever be found in it; write one"
                        + " of \(known.joined(separator: ", "))\(suggestion(for: definition.relation, among: known))"))
        }
        let missing = known.filter { name in !databases.definitions.contains { $0.relation == name } }
        let unmentioned = missing.filter { !meant.contains($0) }
        // Nothing is said of lines where the file could not be read.
        if !unmentioned.isEmpty, databases.isRead {
            // Without any line every address would leave by SMTP.
            let severity: Finding.Severity = missing.count == known.count ? .error : .warning
            findings.append(
                Finding(
                    .relationWithoutLine, severity, file: databases.file,
                    text:
                        "there is no line for \(unmentioned.joined(separator: ", ")), where nothing is found then; add the"
                        + " lines, or for what is meant to be empty '\(unmentioned[0]) NONE - - - -'"))
        }
        return findings
    }
}

extension Finding.Name {
    /// A relation that nobody asks.
    static let unknownRelation = Finding.Name("unknown-relation")
    /// A relation of the chain that no line defines.
    static let relationWithoutLine = Finding.Name("relation-without-line")
}
