// `zroute db get`: the value of one key, with an exit status that tells "absent" from "not known".

import ArgumentParser
import Configuration
import Maps
import Site

/// What names an entry.
struct DbEntryOptions: ParsableArguments {
    @OptionGroup var options: DbOptions

    @Flag(help: "Take the key as it stands, without folding it as lookups do.")
    var raw = false

    @Argument(help: "A relation, or a path.")
    var map: String

    @Argument(help: "The key.")
    var key: String

    /// Opens the map that the entry is in.
    func session() throws -> DbSession { try DbSession(map, options) }

    /// The key as it is stored, with its NUL.
    func storedKey(in session: borrowing DbSession) -> [UInt8] { session.storedKey(key, isRaw: raw) }

    /// Works on the map that the entry is in, with the key as it is stored.
    func withMap(
        _ purpose: DbSession.Purpose, _ body: (any LiveMap, _ key: [UInt8], _ output: inout OutputStream) throws -> Void
    ) throws {
        let session = try session()
        let stored = storedKey(in: session)
        try session.withMap(purpose) { try body($0, stored, &$1) }
    }
}

/// Prints the value of a key.
struct DbGetCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get",
        abstract: "Print the value of a key.",
        discussion: """
            The exit status is 0 if the key exists, 1 if it certainly does not, and 75 if that is not known.

            Examples:

              zroute db get fqdnroutes bob@example.org
              # A file that no dbases.conf names.
              zroute db get --env /var/db/env /var/db/fqdnroutes.db bob@example.org
            """)

    @OptionGroup var entry: DbEntryOptions

    func run() throws {
        try entry.withMap(.reading) { map, key, output in
            guard let value = try map.get(key) else { throw ExitCode.absent }
            output.write((value.last == 0 ? value.dropLast() : value) + [0x0A])
        }
    }
}

// `zroute db put`: stores one entry, durably.

/// Stores an entry.
struct DbPutCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "put",
        abstract: "Store a value, in the place of the key's old one.",
        discussion: """
            When it has exited with 0 the entry is on the disk, and every reader sees it. An entry that nobody can have \
            meant, such as a value of fqdnroutes that is no route, is refused with 65 (docs/maps.md).

            Examples:

              zroute db put fqdnroutes bob@example.org 'smtp-lmtp!store!bob'
            """)

    @OptionGroup var entry: DbEntryOptions

    @OptionGroup var allow: AllowOptions

    @Argument(help: "The value.")
    var value: String

    func validate() throws {
        guard !(entry.key + value).utf8.contains(0) else { throw ValidationError("A key or value cannot hold a NUL.") }
    }

    func run() throws {
        let session = try entry.session()
        try session.requireChangeable()
        try judge(session)
        let stored = entry.storedKey(in: session)
        try session.withMap(.writing(create: true)) { map, _ in
            try map.put(stored, value.utf8 + [0])
            try map.sync()
            var earlier = EarlierMaps(session)
            for warning in earlier.warnings(about: stored, in: map) { session.log.say(warning, .warning) }
        }
    }

    private func judge(_ session: borrowing DbSession) throws {
        let stored = Array(entry.storedKey(in: session).dropLast())
        var findings = SourceFindings(source: session.target.name.file)
        if let text = session.target.place.refusal(ofKey: entry.storedKey(in: session), value: Array(value.utf8)) {
            findings.add(
                Finding(.unreadableLine, .error, file: findings.source, text: "entry '\(entry.key)': \(text)"))
        }
        let faults = EntryCheck(judge: session.target.judge).faults(ofKey: stored, value: Array(value.utf8))
        for fault in faults where !allow.findings.contains(fault.name) {
            findings.add(
                Finding(fault.name, fault.severity, file: findings.source, text: "entry '\(entry.key)': \(fault.text)"))
        }
        session.log.say(findings)
        guard findings.errorCount > 0 else { return }
        session.log.say(AllowOptions.hint(withComments: false), .notice)
        throw ExitCode.unreadableInput
    }
}

// `zroute db delete`: removes one entry, durably.

/// Removes an entry.
struct DbDeleteCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete",
        abstract: "Remove a key.",
        discussion: """
            The exit status is 0 if it was removed, 1 if it did not exist, and 75 if that is not known.

            Examples:

              zroute db delete fqdnroutes bob@example.org
            """)

    @OptionGroup var entry: DbEntryOptions

    func run() throws {
        try entry.withMap(.writing(create: false)) { map, key, _ in
            guard try map.delete(key) else { throw ExitCode.absent }
            try map.sync()
        }
    }
}

// An entry that an earlier map of its relation has too is never found in a later one.

/// The maps of a relation that are asked before a map.
struct EarlierMaps {
    private let maps: [(definition: MapDefinition, table: any Table)]
    private var failed: Set<Int> = []
    /// How many entries were found to be hidden.
    private(set) var hidden = 0

    /// The maps before the one that a command works with; none where no line of dbases.conf names that.
    init(_ session: borrowing DbSession) {
        guard let site = session.site, let own = session.target.definition else {
            maps = []
            return
        }
        let tables = WorkerTables(.all, for: MapWorker(texts: site.makeTextLoader()))
        maps = site.databases.definitions(of: own.relation).prefix { $0 != own }.map { ($0, tables.makeTable(for: $0)) }
    }

    var isEmpty: Bool { maps.isEmpty }

    /// What is to be said where lookups do not come as far as an entry, because an earlier map has its key.
    ///
    /// - Parameters:
    ///   - stored: the key as it is stored, with its NUL.
    ///   - map: the map in which it is stored; what watches its calls watches these.
    mutating func warnings(about stored: [UInt8], in map: any LiveMap) -> [String] {
        let key = stored.last == 0 ? stored.dropLast() : stored[...]
        var said: [String] = []
        for (index, earlier) in maps.enumerated() where !failed.contains(index) {
            let (definition, table) = earlier
            let folded = key.map { definition.flags.folding.fold($0) }
            do {
                var value: [UInt8] = []
                let isFound = try map.watching { () throws(MapError) in
                    try table.lookUp(folded.span, into: &value)
                }
                guard isFound else { continue }
                hidden += 1
                said.append(
                    "warning: '\(printable(folded))' is stored, and is not found by lookups: \(definition.tableName), "
                        + "which comes first in \(definition.file):\(definition.line), has it with the value "
                        + "'\(printable(value))'; change it there")
                return said
            } catch {
                failed.insert(index)
                said.append(
                    "warning: '\(printable(folded))' is stored; whether an earlier map hides it is not known: \(error)")
            }
        }
        return said
    }
}
