// `zroute db count`: the number of entries, after the file was found to be whole.

import ArgumentParser
import Glibc
import Maps

/// Prints the number of entries.
struct DbCountCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "count",
        abstract: "Print the number of entries.",
        discussion: "The file's structure is checked first: in a damaged one entries are passed over without a sign.")

    @OptionGroup var options: DbOptions

    @Argument(help: "A relation, or a path.")
    var map: String

    func run() throws {
        let session = try DbSession(map, options)
        let map = try session.openForChecking()
        var count = 0
        try session.reporting { () throws(MapError) in
            try map.verify()
            try map.forEach { _, _ in count += 1 }
        }
        var output = OutputStream(descriptor: STDOUT_FILENO)
        output.write("\(count)\n")
        output.flush()
    }
}
