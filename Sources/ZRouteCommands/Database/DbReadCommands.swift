// `zroute db count`: the number of entries, after the file was found to be whole.

import ArgumentParser
import Maps

/// Prints the number of entries.
struct DbCountCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "count",
        abstract: "Print the number of entries.",
        discussion: """
            The file's structure is checked first: in a damaged one entries are passed over without a sign.

            Examples:

              zroute db count fqdnroutes
            """)

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

// `zroute db dump`: all entries as text, after the file was found to be whole.

/// Writes all entries as text.
struct DbDumpCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dump",
        abstract: "Write all entries as text that 'db load' reads.",
        discussion: """
            One entry a line, KEY TAB VALUE; \\\\ \\t \\n \\r \\0 and \\xHH stand for bytes that a line cannot hold, and \
            \\c at the end for a missing NUL. The file's structure is checked first: a damaged one is not dumped, \
            because entries would be missing without a sign. Readers are not held up.

            Examples:

              zroute db dump fqdnroutes > fqdnroutes.dump
            """)

    /// The forms of a dump.
    enum Format: KeywordOption {
        case text
        case db

        static let choices = [(word: "text", choice: Format.text), ("db", .db)]
    }

    @OptionGroup var options: DbOptions

    @Option(help: "The form of the output: text, or db for that of db5.3_dump.")
    var format = Format.text

    @Argument(help: "A relation, or a path.")
    var map: String

    func run() throws {
        let session = try DbSession(map, options)
        try session.withMap(.checking) { map, output in
            try session.reporting("; not dumped, entries would be missing") { () throws(MapError) in try map.verify() }
            if format == .db { output.write(EntryText.header(type: map.dumpType)) }
            try session.reporting("; the dump is cut short") { () throws(MapError) in
                try map.forEach { key, value throws(MapError) in
                    output.write { append(key, value, to: &$0) }
                    // Nobody is left to read it.
                    if output.hasFailed { throw MapError.stopped(map.name) }
                }
            }
            if format == .db { output.write(EntryText.footer) }
        }
    }

    private func append(_ key: [UInt8], _ value: [UInt8], to buffer: inout [UInt8]) {
        switch format {
        case .text: EntryText.append(key: key, value: value, to: &buffer)
        case .db: EntryText.appendHexadecimal(key: key, value: value, to: &buffer)
        }
    }
}
