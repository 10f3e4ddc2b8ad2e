// `zroute db dump`: all entries as text, after the file was found to be whole.

import ArgumentParser
import Glibc
import Maps

/// Writes all entries as text.
struct DbDumpCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dump",
        abstract: "Write all entries as text that 'db load' reads.",
        discussion: """
            One entry a line, KEY TAB VALUE; \\\\ \\t \\n \\r \\0 and \\xHH stand for bytes that a line cannot hold, and \
            \\c at the end for a missing NUL. The file's structure is checked first: a damaged one is not dumped, \
            because entries would be missing without a sign. Readers are not held up.
            """)

    /// The forms of a dump.
    enum Format: Choice {
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
        let map = try session.openForChecking()
        var buffer: [UInt8] = []
        var hasFailed = false
        func flush() {
            var output = OutputStream(descriptor: STDOUT_FILENO)
            output.write(buffer)
            output.flush()
            hasFailed = hasFailed || output.hasFailed
            buffer.removeAll(keepingCapacity: true)
        }
        try session.reporting("; not dumped, entries would be missing") { () throws(MapError) in try map.verify() }
        if format == .db { buffer += EntryText.header(map.kind).utf8 }
        try session.reporting("; the dump is cut short") { () throws(MapError) in
            try map.forEach { key, value in
                switch format {
                case .text: EntryText.append(key: key, value: value, to: &buffer)
                case .db: EntryText.appendHexadecimal(key: key, value: value, to: &buffer)
                }
                if buffer.count >= 1 << 16 { flush() }
            }
        }
        if format == .db { buffer += EntryText.footer.utf8 }
        flush()
        guard !hasFailed else {
            session.log.say("standard output: cannot be written; the dump is cut short")
            throw ExitCode.inputOutput
        }
    }
}
