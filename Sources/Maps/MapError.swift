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
