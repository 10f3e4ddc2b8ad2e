// `zroute db delete`: removes one entry, durably.

import ArgumentParser
import Maps

/// Removes an entry.
struct DbDeleteCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete",
        abstract: "Remove a key.",
        discussion: "The exit status is 0 if it was removed, 1 if it did not exist, and 75 if that is not known.")

    @OptionGroup var options: DbOptions

    @Flag(help: "Take the key as it stands, without folding it as lookups do.")
    var raw = false

    @Argument(help: "A relation, or a path.")
    var map: String

    @Argument var key: String

    func run() throws {
        let session = try DbSession(map, options)
        let stored = session.storedKey(key, isRaw: raw)
        try session.withMap(.writing(create: false)) { map, _ in
            guard try map.delete(stored) else { throw ExitCode.absent }
            try map.sync()
        }
    }
}
