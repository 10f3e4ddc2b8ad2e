// Reads dbases.conf, ZMailer's list of maps: relation, type, privilege, newdb options, file, relation flags.

import Bytes
public import Configuration
import System

/// The maps of a dbases.conf, in its order.
public struct DatabasesConf: Sendable, Hashable {
    /// The file they were read from.
    public let file: String
    /// One definition for each line that can be used, those of type `none` among them.
    public let definitions: [MapDefinition]
    /// Why the file, or what lines of it, cannot be used.
    public let mistakes: [Finding]
    /// Whether the file could be read, whatever became of its lines.
    public var isRead: Bool { !mistakes.contains { $0.line == nil } }
    /// The relations of lines that cannot be used.
    public let faultyRelations: Set<String>

    /// Where dbases.conf is: what the command line names, else `$MAILVAR/db/dbases.conf`, else `$MAILVAR/dbases.conf`.
    ///
    /// - Throws: `ConfigurationError` when nothing is named and `MAILVAR` is not set.
    public static func location(named: String? = nil, settings: Settings) throws(ConfigurationError) -> String {
        guard let first = places(named: named, settings: settings).first else {
            throw settings.missing(
                "MAILVAR", "dbases.conf is looked for in its db; set it, or name the file with --dbases")
        }
        // Anything but a missing file is for the reader to report: it must not make another file stand in.
        do {
            _ = try FileIdentity(path: first)
            return first
        } catch {
            guard error.isMissing else { return first }
            return places(named: named, settings: settings).first { (try? FileIdentity(path: $0)) != nil } ?? first
        }
    }

    /// Where dbases.conf is looked for, in this order; none where nothing says it.
    public static func places(named: String? = nil, settings: Settings) -> [String] {
        if let named { return [named] }
        return settings.mailVar.map { ["\($0)/db/dbases.conf", "\($0)/dbases.conf"] } ?? []
    }

    /// Reads a dbases.conf as far as its lines can be used.
    public init(reading file: String, settings: Settings, types: [MapType]) {
        let read = ConfigurationFile(file) { error in
            error.isMissing
                ? "; make it (dbases.conf.sample shows how), name another with --dbases, or correct MAILVAR" : ""
        }
        self.init(
            reading: read.bytes, FindingList(file, after: read.findings), variables: settings.variables,
            types: types)
    }

    /// Reads a dbases.conf, for callers who can use it only whole.
    ///
    /// - Throws: `ConfigurationError` for a file that cannot be read, and for all lines that cannot be used.
    public init(file: String, settings: Settings, types: [MapType]) throws(ConfigurationError) {
        self.init(reading: file, settings: settings, types: types)
        if let error = ConfigurationError(mistakes) { throw error }
    }

    /// Reads the bytes of a dbases.conf.
    ///
    /// - Parameters:
    ///   - bytes: the whole file.
    ///   - file: what messages call it; relative paths in it are relative to its directory.
    ///   - variables: what `$NAME` stands for; a name that is not set is an error.
    ///   - types: those that maps can have; of two with one name the first counts.
    /// - Throws: `ConfigurationError` for all lines that cannot be used.
    public init(
        _ bytes: [UInt8], file: String, variables: Variables, types: [MapType]
    ) throws(ConfigurationError) {
        self.init(reading: bytes, FindingList(file), variables: variables, types: types)
        if let error = ConfigurationError(mistakes) { throw error }
    }

    private init(reading bytes: [UInt8], _ before: FindingList, variables: Variables, types: [MapType]) {
        var found = before
        var definitions: [MapDefinition] = []
        var faultyRelations: Set<String> = []
        for line in ConfigurationLine.all(in: bytes, &found) {
            let fields = LineFields(words: line.words)
            do throws(FieldError) {
                definitions.append(try fields.definition(file: found.file, line: line.number, variables, types))
            } catch {
                found.error(error.name, error.text, line: line.number)
                if let relation = fields.words.first { faultyRelations.insert(relation) }
            }
        }
        file = found.file
        self.definitions = definitions
        self.faultyRelations = faultyRelations
        mistakes = found.inOrder
    }

    /// The same with each definition as a function gives it.
    public func mapped(_ change: (MapDefinition) -> MapDefinition) -> DatabasesConf {
        DatabasesConf(
            file: file, definitions: definitions.map(change), mistakes: mistakes, faultyRelations: faultyRelations)
    }

    private init(
        file: String, definitions: [MapDefinition], mistakes: [Finding], faultyRelations: Set<String>
    ) {
        (self.file, self.definitions, self.mistakes) = (file, definitions, mistakes)
        self.faultyRelations = faultyRelations
    }

    /// The definitions of one relation, in the order in which they are looked into.
    public func definitions(of relation: String) -> [MapDefinition] {
        definitions.filter { $0.relation == relation && $0.type != .none }
    }

    /// Every relation that is named, each once, in the order of its first line.
    public var relations: [String] {
        var seen: Set<String> = []
        return definitions.map(\.relation).filter { seen.insert($0).inserted }
    }
}

/// The words of one line.
private struct LineFields {
    let words: [String]

    func definition(
        file: String, line: Int, _ variables: Variables, _ types: [MapType]
    ) throws(FieldError) -> MapDefinition {
        guard words.count >= 5 else {
            throw FieldError(
                .missingField,
                "the line has \(words.count) fields; write relation, type, privilege, newdb options, file and flags,"
                    + " '-' for none")
        }
        guard !words.contains(where: { $0.utf8.contains(0) }) else {
            throw FieldError(.nulByte, "the line has a NUL; remove it")
        }
        // What stands where owner, group and mode should begins as the options do: a field was left out.
        guard words[2] == "-" || words[2].utf8.first != UInt8(ascii: "-") else {
            throw FieldError(
                .missingField,
                "the third field, the privilege, is '\(words[2])', which looks like the newdb options; write"
                    + " owner:group:mode, or '-' for none, before it")
        }
        guard words[3].utf8.first != UInt8(ascii: "/"), !words[3].hasPrefix("$MAIL"), !words[3].hasPrefix("${MAIL")
        else {
            throw FieldError(
                .missingField,
                "the fourth field, the newdb options, is '\(words[3])', which looks like the file; write -l, -la or -r, or"
                    + " '-' for none, before it")
        }
        let relation = words[0]
        guard relation.utf8.allSatisfy(Self.isNameByte) else {
            throw FieldError(
                .invalidRelation, "'\(relation)' is no relation name; use letters, digits, '_', '-' and '.'")
        }
        var type = try Self.type(try Self.expand(words[1], variables), among: types)
        let privilege = try Self.expand(words[2], variables)
        let options = try Self.expand(words[3], variables)
        // Flags are split again after expansion, so that one variable can hold several of them.
        let flagWords = try Self.expand(words[5...].joined(separator: " "), variables)
            .utf8.split(whereSeparator: ASCII.isBlank)
        var flags = try RelationFlags(words: flagWords.map { String(Substring($0)) })
        flags.environmentFile = flags.environmentFile.map { Self.path($0, beside: file) }
        let named = words[4] == "-" ? flags.file : try Self.expand(words[4], variables)
        let path = named.map { type.namesFile ? Self.path($0, beside: file) : $0 }
        if let path { type = types.first { $0.name == type.name && $0.isMeant(by: path) } ?? type }
        guard path != nil || !type.needsFile else {
            throw FieldError(.missingField, "a map of type \(type.name) needs a file in the fifth field")
        }
        let compile = try CompileOptions(field: options)
        if let database = flags.database {
            guard type.holdsDatabases else {
                throw FieldError(
                    .invalidFlag,
                    "files of type \(type.name) hold no named databases; remove the relation flag -D \(database)")
            }
            guard compile.isLive else {
                throw FieldError(
                    .invalidFlag,
                    "the relation flag -D names a database in a file of others, which is never compiled; write the newdb"
                        + " options -r")
            }
        }
        return MapDefinition(
            relation: relation, type: type,
            privilege: privilege == "-" ? nil : try MapPrivilege(field: privilege), compile: compile,
            path: type.needsFile ? path : nil,
            unreadPath: type.needsFile ? nil : path, flags: flags, file: file,
            line: line)
    }

    /// A path from the root: inside an environment the library takes others from the environment's directory.
    private static func path(_ path: String, beside file: String) -> String {
        path.utf8.first == UInt8(ascii: "/") ? path : "\(absolutePath(directory(of: file)))/\(path)"
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        (byte | 0x20) &- UInt8(ascii: "a") < 26 || ASCII.isDigit(byte) || "_-.".utf8.contains(byte)
    }

    private static func type(_ text: String, among types: [MapType]) throws(FieldError) -> MapType {
        // What follows a comma, a subtype, means nothing to the types here.
        let name = String(Substring(text.utf8.prefix { $0 != UInt8(ascii: ",") }))
        if let type = types.first(where: { $0.name == name }) { return type }
        if name.uppercased() == MapType.none.name { return .none }
        let known = names(of: types).joined(separator: ", ")
        guard !MapType.foreign.contains(name) else {
            throw FieldError(.unknownType, "maps of ZMailer's type '\(name)' are not read here; use one of \(known)")
        }
        throw FieldError(
            .unknownType,
            "the type '\(name)' is unknown; use one of \(known)"
                + suggestion(for: name, among: names(of: types)))
    }

    /// Each name once.
    private static func names(of types: [MapType]) -> [String] {
        types.map(\.name).reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    }

    private static func expand(_ text: String, _ variables: Variables) throws(FieldError) -> String {
        let expansion = variables.expand(text)
        if let name = expansion.unset.first {
            throw FieldError(
                .unsetVariable,
                "$\(name) is not set; set it in zmailer.conf, or with --set \(name)=VALUE"
                    + suggestion(for: name, among: variables.names))
        }
        return expansion.text
    }
}
