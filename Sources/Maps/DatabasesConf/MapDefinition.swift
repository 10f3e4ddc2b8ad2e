// One line of dbases.conf as a value: a map of a relation.

/// A map as dbases.conf defines it.
public struct MapDefinition: Sendable, Hashable {
    /// The relation that the map is a part of, such as `fqdnroutes`.
    public let relation: String
    /// How it is stored.
    public let type: MapType
    /// What follows the type after a comma; nothing here has a use for it.
    public let subtype: String?
    /// Whom its file is to belong to; nil where the line does not say.
    public let privilege: MapPrivilege?
    /// How its source is compiled or, as text, read.
    public let compile: CompileOptions
    /// The source, variables replaced, without the compiled file's extension; nil where the line has `-`.
    public let path: String?
    /// How it is looked into.
    public let flags: RelationFlags
    /// The dbases.conf that defines it.
    public let file: String
    /// The line there, counted from 1.
    public let line: Int

    /// Defines a map.
    public init(
        relation: String, type: MapType, subtype: String? = nil, privilege: MapPrivilege? = nil,
        compile: CompileOptions = CompileOptions(), path: String?, flags: RelationFlags = RelationFlags(),
        file: String, line: Int
    ) {
        self.relation = relation
        self.type = type
        self.subtype = subtype
        self.privilege = privilege
        self.compile = compile
        self.path = path
        self.flags = flags
        self.file = file
        self.line = line
    }

    /// The file that lookups read: the source, or what newdb compiles it to; nil where there is none.
    public var tablePath: String? {
        path.map { $0 + (type.compiledExtension ?? "") }
    }

    /// The configuration of the Berkeley DB environment; nil for a map that is no Berkeley DB, whatever its flags.
    public var environmentFile: String? {
        type.compiledExtension == nil ? nil : flags.environmentFile
    }

    /// How many answers are cached: what `-s` says, else 10 for unordered text and none for other types.
    public var cacheSize: Int {
        flags.cacheSize ?? (type == .unordered ? 10 : 0)
    }

    /// What messages call the map.
    public var tableName: TableName {
        TableName(relation: relation, backEnd: type.rawValue, file: tablePath ?? "-")
    }
}
