// The maps of the chain, asked by name. Here a map's failure becomes the failure of the address.

import MailAddress
public import Maps

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

/// The relations of one worker, and the two sources that dbases.conf does not name.
public struct RoutingMaps {
    private var set: MapSet
    private let ids: [MapSet.RelationID]
    private let accounts: any Table
    private let includes: any Table

    /// Puts the maps of the chain together.
    ///
    /// - Parameters:
    ///   - set: the relations of dbases.conf.
    ///   - accounts: the accounts that local users must have, where the rules demand it.
    ///   - includes: the files that `:include:` names.
    public init(_ set: MapSet, accounts: any Table, includes: any Table) {
        self.set = set
        self.accounts = accounts
        self.includes = includes
        ids = RelationName.chain.map { set.relation($0.rawValue) }
    }

    /// Lets changed files be noticed: within one address each map is of one generation.
    mutating func beginAddress() {
        set.beginAddress()
        _ = accounts.refresh()
    }

    /// The hash of a key in lower case, which serves for every relation that is asked for it.
    func hash(ofFolded key: Piece, of text: borrowing ByteBlock) -> KeyHash {
        set.hash(of: text.bytes.span.extracting(key))
    }

    /// Looks up a key in lower case, whose hash is known.
    ///
    /// - Returns: false only where the key certainly does not exist.
    mutating func find(
        _ relation: RelationName, folded key: Piece, of text: borrowing ByteBlock, _ hash: KeyHash,
        into hit: inout MapHit
    ) throws(ResolutionFailure) -> Bool {
        do {
            // Nearly every key is in none of them, which is soon known.
            if set.certainlyLacks(folded: text.bytes.span.extracting(key), hash, in: ids[relation.index]) {
                return false
            }
            return try set.find(
                folded: text.bytes.span.extracting(key), hash, in: ids[relation.index], into: &hit)
        } catch {
            throw .map(error)
        }
    }

    /// Looks a key up.
    ///
    /// - Returns: false only where the key certainly does not exist.
    mutating func find(
        _ relation: RelationName, _ key: Piece, of text: borrowing ByteBlock, defaults: DefaultKeys = .none,
        into hit: inout MapHit
    ) throws(ResolutionFailure) -> Bool {
        try find(relation, text.bytes.span.extracting(key), defaults: defaults, into: &hit)
    }

    /// Looks a key up.
    ///
    /// - Returns: false only where the key certainly does not exist.
    mutating func find(
        _ relation: RelationName, _ key: Span<UInt8>, defaults: DefaultKeys = .none, into hit: inout MapHit
    ) throws(ResolutionFailure) -> Bool {
        do {
            switch relation {
            case .accounts:
                return try hit.lookUp(key, in: accounts)
            case .include:
                return try hit.lookUp(key, in: includes)
            default:
                return try set.find(key, in: ids[relation.index], defaults: defaults.keys, into: &hit)
            }
        } catch {
            throw .map(error)
        }
    }
}

extension SubstitutionArguments {
    /// Sets an argument to a piece of text.
    mutating func set(_ number: Int, to piece: Piece, of text: borrowing ByteBlock) {
        set(number, to: text.bytes.span.extracting(piece))
    }
}
