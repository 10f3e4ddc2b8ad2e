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
