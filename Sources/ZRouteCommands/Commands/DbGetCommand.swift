// `zroute db get`: the value of one key, with an exit status that tells "absent" from "not known".

import ArgumentParser
import Maps

/// Prints the value of a key.
struct DbGetCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get",
        abstract: "Print the value of a key.",
        discussion: "The exit status is 0 if the key exists, 1 if it certainly does not, and 75 if that is not known.")

    @OptionGroup var options: DbOptions

    @Flag(help: "Take the key as it stands, without folding it as lookups do.")
    var raw = false

    @Argument(help: "A relation, or a path.")
    var map: String

    @Argument var key: String

    func run() throws {
        let session = try DbSession(map, options)
        let stored = session.storedKey(key, isRaw: raw)
        try session.withMap(.reading) { map, output in
            guard let value = try map.get(stored) else { throw ExitCode.absent }
            output.write((value.last == 0 ? value.dropLast() : value) + [0x0A])
        }
    }
}
