// `zroute db count`: the number of entries, after the file was found to be whole.

import ArgumentParser
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
        try session.withMap(.checking) { map, output in
            var count = 0
            try map.verify()
            try map.forEach { _, _ in count += 1 }
            output.write("\(count)\n")
        }
    }
}
