// `zroute db get`: the value of one key, with an exit status that tells "absent" from "not known".

import ArgumentParser
import Glibc
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
        let map = try session.openForReading()
        let stored = session.storedKey(key, isRaw: raw)
        let found = try session.reporting { () throws(MapError) in try map.get(stored) }
        guard let value = found else { throw ExitCode.absent }
        var output = OutputStream(descriptor: STDOUT_FILENO)
        output.write((value.last == 0 ? value.dropLast() : value) + [0x0A])
        output.flush()
        if output.hasFailed { throw ExitCode.inputOutput }
    }
}
