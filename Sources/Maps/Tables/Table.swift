// The one protocol that every back end speaks, and that wrappers (tracing, injected failure) speak too.

public import Bytes

/// One file of keys and values that can be looked into.
///
/// A table belongs to one worker at a time; it opens its file at the first lookup and keeps it open. Keys and values
/// are bytes, without the NUL that Berkeley DB files of ZMailer end them with.
public protocol Table: AnyObject {
    /// What messages call this table.
    var name: TableName { get }

    /// Looks a key up, exactly as given: folding, search order and substitution are done above.
    ///
    /// - Parameters:
    ///   - key: the bytes of the key.
    ///   - value: replaced by the value when the key is found, otherwise of no meaning.
    /// - Returns: true if the key was found, false if it certainly does not exist.
    /// - Throws: `MapError` whenever neither is certain.
    func lookUp(_ key: Span<UInt8>, into value: inout [UInt8]) throws(MapError) -> Bool

    /// Notices that the file was replaced or changed (relation flag `-m`), so that the next lookup reads the new one.
    ///
    /// Called between addresses only, so that within one address a map is of one generation.
    ///
    /// - Returns: true if answers given before may no longer hold.
    func refresh() -> Bool

    /// Whether it changes by itself, so that it is refreshed whatever the flags of its map say.
    var isLive: Bool { get }

    /// The user whose authority an expansion from this table carries: the file's owner, or nobody (65534) where the
    /// file is writable by others (SEMANTICS 9, `priv`). Meaningful after a successful lookup.
    var privilege: UInt32 { get }
}

extension Table {
    /// Only its files change.
    public var isLive: Bool { false }
}

// What messages call a map: relation, back end and file, so that an administrator knows which file to look at.

/// The identity of one map, as messages and the trace show it.
public struct TableName: Sendable, Hashable, CustomStringConvertible {
    /// The relation of dbases.conf that the map belongs to, such as `fqdnroutes`.
    public let relation: String
    /// The kind of file, such as `btree` or `text`.
    public let backEnd: String
    /// The path of the file that is read.
    public let file: String

    /// Names a map.
    public init(relation: String, backEnd: String, file: String) {
        self.relation = relation
        self.backEnd = backEnd
        self.file = file
    }

    /// The form of messages: `fqdnroutes (btree:/var/mail/db/fqdnroutes.db)`.
    public var description: String { "\(relation) (\(backEnd):\(file))" }
}

// The failure of a lookup, which is never the same as an absent key: an error taken for "no such user" bounces a real
// person's mail.

/// A map could not say whether a key exists.
///
/// Whoever catches it defers; nobody may treat it as an absence (DEVIATIONS, map errors).
public struct MapError: Error, Sendable, CustomStringConvertible {
    /// The map that failed.
    public let table: TableName
    /// The key that was asked for, as bytes; nil where the failure was not about one key.
    public let key: [UInt8]?
    /// The number of the failure: errno where positive, Berkeley DB's code where negative, 0 where there is none.
    public let code: Int32
    /// What went wrong and what to do about it, in one line.
    public let text: String

    /// Records a failure.
    public init(table: TableName, key: [UInt8]? = nil, code: Int32 = 0, text: String) {
        self.table = table
        self.key = key
        self.code = code
        self.text = text
    }

    /// The form of messages: `map fqdnroutes (btree:/db/fqdnroutes.db) key 'a@b': page not found`.
    public var description: String {
        let about = key.map { " key '\(String(decoding: $0, as: UTF8.self))'" } ?? ""
        return "map \(table)\(about): \(text)"
    }
}

// Lookups in a table itself: the key as it stands, the value as it stands.

extension Table {
    /// Looks a key up in a table that belongs to no relation.
    ///
    /// - Parameters:
    ///   - key: where the key stands in the text.
    ///   - text: gets the value as another piece.
    ///   - buffer: where the table puts values; kept by the caller, so that no lookup allocates.
    /// - Returns: the answer; nil only where the key certainly does not exist.
    /// - Throws: `MapError` when the table cannot say whether it has the key.
    public func find(
        _ key: Range<Int>, in text: inout TextArena, copying buffer: inout [UInt8]
    ) throws(MapError) -> MapHit? {
        guard let value = try value(of: key, in: &text, copying: &buffer) else { return nil }
        var hit = MapHit(value: value, key: key)
        hit.privilege = privilege
        return hit
    }

    /// Looks a key up and notes the value.
    func value(
        of key: Range<Int>, in text: inout TextArena, copying buffer: inout [UInt8]
    ) throws(MapError) -> Range<Int>? {
        let isFound = try text.withSpan(key) { key throws(MapError) in try lookUp(key, into: &buffer) }
        return isFound ? text.append(buffer) : nil
    }
}
