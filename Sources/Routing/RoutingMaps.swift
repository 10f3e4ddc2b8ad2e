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
    /// Where accounts and includes put values.
    private var copied: [UInt8] = []

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
    @inline(__always)
    func hash(ofFolded key: Piece, of text: borrowing ByteBlock) -> KeyHash {
        set.hash(key, of: text)
    }

    /// Looks up a key in lower case, whose hash is known.
    ///
    /// - Returns: nil only where the key certainly does not exist.
    mutating func find(
        _ relation: RelationName, folded key: Piece, of text: inout ByteBlock, _ hash: KeyHash
    ) throws(ResolutionFailure) -> MapHit? {
        // Nearly every key is in none of them, which is soon known.
        if set.certainlyLacks(folded: key, of: text, hash, in: ids[relation.index]) { return nil }
        do {
            return try set.find(folded: key, of: &text, hash, in: ids[relation.index])
        } catch {
            throw .map(error)
        }
    }

    /// Looks a key up.
    ///
    /// - Returns: nil only where the key certainly does not exist.
    mutating func find(
        _ relation: RelationName, _ key: Piece, of text: inout ByteBlock, defaults: DefaultKeys = .none
    ) throws(ResolutionFailure) -> MapHit? {
        do {
            switch relation {
            case .accounts:
                return try accounts.find(key, in: &text, copying: &copied)
            case .include:
                return try includes.find(key, in: &text, copying: &copied)
            default:
                return try set.find(key, of: &text, in: ids[relation.index], defaults: defaults.keys)
            }
        } catch {
            throw .map(error)
        }
    }
}
