// One line of dbases.conf as a value: a map of a relation.

package import Configuration

/// A map as dbases.conf defines it.
public struct MapDefinition: Sendable, Hashable {
    /// The relation that the map is a part of, such as `fqdnroutes`.
    public let relation: String
    /// How it is stored.
    public let type: MapType
    /// Whom its file is to belong to; nil where the line does not say.
    public let privilege: MapPrivilege?
    /// How its source is compiled or, as text, read.
    public let compile: CompileOptions
    /// The source, variables replaced, without the compiled file's extension; nil where the line has `-`.
    public var path: String?
    /// The file of a line whose type reads none.
    public let unreadPath: String?
    /// How it is looked into.
    public var flags: RelationFlags
    /// The dbases.conf that defines it.
    public let file: String
    /// The line there, counted from 1.
    public let line: Int

    /// Defines a map.
    public init(
        relation: String, type: MapType, privilege: MapPrivilege? = nil,
        compile: CompileOptions = CompileOptions(), path: String?, unreadPath: String? = nil,
        flags: RelationFlags = RelationFlags(),
        file: String, line: Int
    ) {
        self.relation = relation
        self.type = type
        self.privilege = privilege
        self.compile = compile
        self.path = path
        self.unreadPath = unreadPath
        self.flags = flags
        self.file = file
        self.line = line
    }

    /// A file that lookups read in the place of the usual one, such as one that newdb is about to publish.
    public var readInstead: String?

    /// The file that lookups read: the source, or what newdb compiles it to; nil where there is none.
    public var tablePath: String? {
        readInstead ?? path.map { $0 + (type.compiledExtension ?? "") }
    }

    /// The description of the environment that the map lives in; nil for a type that lives in none, whatever its flags.
    public var environmentFile: String? {
        type.livesInEnvironments ? flags.environmentFile : nil
    }

    /// How many answers are cached: what `-s` says, else 10 for unordered text and none for other types.
    public var cacheSize: Int {
        flags.cacheSize ?? type.standardCacheSize
    }

    /// What messages call the map.
    public var tableName: TableName {
        TableName(relation: relation, backEnd: type.name, file: tablePath ?? "-")
    }
}

// The fourth field of dbases.conf: how newdb compiles the map's source, which is also how a text map is read.

/// How a map's source is to be understood.
public struct CompileOptions: Sendable, Hashable {
    /// How keys are folded when they are stored.
    public let folding: KeyFolding
    /// Whether the source is in the form of aliases, `key: value, value` (`-a`), not in the plain form.
    public let isAliases: Bool
    /// Whether the map is live (`-r`): other programs write it, newdb leaves it alone.
    public let isLive: Bool

    /// Describes how a source is compiled.
    public init(folding: KeyFolding = .none, isAliases: Bool = false, isLive: Bool = false) {
        self.folding = folding
        self.isAliases = isAliases
        self.isLive = isLive
    }

    /// Reads the field: `-`, or a `-` and the letters `l`, `u`, `a`, `r`; `s` and `v` only make newdb talk less or more.
    init(field: String) throws(FieldError) {
        guard field != "-" else {
            self.init()
            return
        }
        guard field.utf8.first == UInt8(ascii: "-") else {
            throw FieldError(.invalidOption, "the newdb options '\(field)' do not begin with '-'; write '-' for none")
        }
        let letters = Array(field.unicodeScalars.dropFirst())
        for letter in letters where !"luarsv".unicodeScalars.contains(letter) {
            throw FieldError(.invalidOption, "the newdb option '\(letter)' is unknown; l, u, a, r are known")
        }
        guard !letters.contains("l") || !letters.contains("u") else {
            throw FieldError(.invalidOption, "the newdb options l and u exclude each other; keep one")
        }
        guard !letters.contains("r") || !letters.contains(where: "lua".unicodeScalars.contains) else {
            throw FieldError(
                .invalidOption, "the newdb option r (a live map, not compiled) excludes l, u and a; keep one")
        }
        // Keys of aliases are never case-sensitive: newdb folds them even without -l.
        let folding: KeyFolding =
            letters.contains("u") ? .upper : letters.contains("l") || letters.contains("a") ? .lower : .none
        self.init(folding: folding, isAliases: letters.contains("a"), isLive: letters.contains("r"))
    }
}

extension CompileOptions: CustomStringConvertible {
    /// The options as dbases.conf has them; `-` for none.
    public var description: String {
        // Those of aliases fold to lower case by themselves, but people write the letter.
        let fold = folding == .none ? "" : folding == .lower ? "l" : "u"
        let letters = fold + (isAliases ? "a" : "") + (isLive ? "r" : "")
        return letters.isEmpty ? "-" : "-\(letters)"
    }
}

/// What is wrong with one field of a line; the line's place is added where it is known.
struct FieldError: Error {
    let name: Finding.Name
    let text: String

    init(_ name: Finding.Name, _ text: String) {
        self.name = name
        self.text = text
    }
}

extension Finding.Name {
    /// A field that a line of dbases.conf needs and lacks.
    package static let missingField = Finding.Name("missing-field")
    /// The name of a relation that can be none.
    static let invalidRelation = Finding.Name("invalid-relation")
    /// A type of maps that is not read here.
    static let unknownType = Finding.Name("unknown-type")
    /// An owner, group and mode that are none.
    static let invalidPrivilege = Finding.Name("invalid-privilege")
    /// An option of newdb that there is not, or that excludes another one.
    static let invalidOption = Finding.Name("invalid-option")
    /// A flag of a relation that there is not, or whose value is none.
    static let invalidFlag = Finding.Name("invalid-flag")
}
