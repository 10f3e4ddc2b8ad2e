// `zroute db put`: stores one entry, durably.

import ArgumentParser
import Maps

/// Stores an entry.
struct DbPutCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "put",
        abstract: "Store a value, in the place of the key's old one.",
        discussion: "When it has exited with 0 the entry is on the disk, and every reader sees it.")

    @OptionGroup var options: DbOptions

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
        let stored = session.storedKey(key, isRaw: raw)
        try session.withMap(.writing(create: true)) { map, _ in
            try map.put(stored, value.utf8 + [0])
            try map.sync()
            session.warnOfHiding(stored, in: map)
        }
    }
}
