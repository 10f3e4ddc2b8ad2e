// The maps of the chain, asked by name. Here a map's failure becomes the failure of the address.

import Files
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
    /// - Parameter first: the place of the first relation that is asked: 0 for fqdnaliases, 1 for fqdnroutes.
    /// - Returns: the answer of the first that has the key; nil only where the key certainly does not exist.
    @inline(__always)
    mutating func findFullyQualified(
        _ key: Piece, of text: inout ByteBlock, from first: Int
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
    mutating func findThisHost(_ host: Piece, of text: inout ByteBlock) throws(ResolutionFailure) -> MapHit? {
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
            default:
                return try set.find(key, of: &text, in: ids[relation.index], defaults: defaults.keys)
            }
        } catch {
            throw .map(error)
        }
    }
}
