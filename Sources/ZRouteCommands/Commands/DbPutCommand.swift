// `zroute db put`: stores one entry, durably.

import ArgumentParser
import Configuration
import Maps

/// Stores an entry.
struct DbPutCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "put",
        abstract: "Store a value, in the place of the key's old one.",
        discussion: """
            When it has exited with 0 the entry is on the disk, and every reader sees it. An entry that nobody can have \
            meant, such as a value of fqdnroutes that is no route, is refused with 65 (docs/maps.md).
            """)

    @OptionGroup var options: DbOptions

    @OptionGroup var allow: AllowOptions

    @Flag(help: "Take the key as it stands, without folding it as lookups do.")
    var raw = false

    @Argument(help: "A relation, or a path.")
    var map: String

    @Argument var key: String

    @Argument var value: String

    func validate() throws {
        guard !(key + value).utf8.contains(0) else { throw ValidationError("A key or value cannot hold a NUL.") }
    }

    func run() throws {
        let session = try DbSession(map, options)
        try session.requireChangeable()
        try judge(session)
        let stored = session.storedKey(key, isRaw: raw)
        try session.withMap(.writing(create: true)) { map, _ in
            try map.put(stored, value.utf8 + [0])
            try map.sync()
            var earlier = EarlierMaps(session)
            for warning in earlier.warnings(about: stored, in: map) { session.log.say(warning, .warning) }
        }
    }

    private func judge(_ session: borrowing DbSession) throws {
        let stored = Array(session.storedKey(key, isRaw: raw).dropLast())
        var findings = SourceFindings(source: session.target.name.file)
        let faults = EntryCheck(judge: session.target.judge).faults(ofKey: stored, value: Array(value.utf8))
        for fault in faults where !allow.findings.contains(fault.name) {
            findings.add(
                Finding(fault.name, fault.severity, file: findings.source, text: "entry '\(key)': \(fault.text)"))
        }
        session.log.say(findings)
        guard findings.errorCount > 0 else { return }
        session.log.say(AllowOptions.hint(withComments: false), .notice)
        throw ExitCode.unreadableInput
    }
}
