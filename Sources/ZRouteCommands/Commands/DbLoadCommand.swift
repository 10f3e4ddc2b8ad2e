// `zroute db load`: stores many entries while others read.

import ArgumentParser
import Files
import Glibc
import Maps

/// Stores many entries.
struct DbLoadCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "load",
        abstract: "Store the entries of a dump.",
        discussion: """
            The input is read and checked as a whole before the first entry is stored. Keys are stored as they stand. \
            Entries that the map has and the input has not stay. Between two entries the map is free for readers. When \
            the command has exited with 0 all entries are on the disk.
            """)

    @OptionGroup var options: DbOptions

    @Argument(help: "A relation, or a path.")
    var map: String

    @Argument(help: "What 'db dump' or db5.3_dump wrote; '-' for standard input.")
    var input = "-"

    /// How many entries are stored before they are written out.
    private static let batchSize = 5000

    func run() throws {
        let session = try DbSession(map, options)
        let name = input == "-" ? "standard input" : input
        let bytes = try readDump(input, session.log)
        let total = try check(bytes, name, session)
        let map = try session.openForWriting(create: true)
        let progress = ProgressLine(title: session.target.name.file)
        var reader = try parsing(session.log) { () throws(CompileError) in try EntryReader(bytes, file: name) }
        var done = 0
        while let entry = try parsing(session.log, { () throws(CompileError) in try reader.next() }) {
            do throws(MapError) {
                try map.put(entry.key, entry.value)
                done += 1
                if done % Self.batchSize == 0 { try map.sync() }
            } catch {
                progress.clear()
                let state = "\(done) of \(total) entries were stored, run it again"
                session.log.say("\(name):\(reader.line): \(error); \(state)")
                throw DbSession.status(of: error)
            }
            if done % 100 == 0 {
                progress.show(done)
                sched_yield()
            }
        }
        progress.clear()
        try session.reporting("; not all of the \(done) entries are on the disk, run it again") { () throws(MapError) in
            try map.sync()
        }
    }

    /// Reads all entries before the first is stored.
    private func check(_ bytes: [UInt8], _ name: String, _ session: borrowing DbSession) throws -> Int {
        let folding = session.target.folding
        var total = 0
        var unfolded = 0
        try parsing(session.log) { () throws(CompileError) in
            var reader = try EntryReader(bytes, file: name)
            while let entry = try reader.next() {
                total += 1
                if entry.key.contains(where: { folding.fold($0) != $0 }) { unfolded += 1 }
            }
        }
        if unfolded > 0 {
            session.log.say("\(name): \(unfolded) keys have letters that lookups fold, so that they are never found")
        }
        return total
    }

    private func parsing<Answer>(
        _ log: borrowing DiagnosticLog, _ body: () throws(CompileError) -> Answer
    ) throws -> Answer {
        do {
            return try body()
        } catch {
            log.say(error)
            throw ExitCode.unreadableInput
        }
    }
}

/// Reads a dump, from a file or from standard input.
func readDump(_ path: String, _ log: borrowing DiagnosticLog) throws -> [UInt8] {
    let limit = Int(UInt32.max)
    do {
        return path == "-"
            ? try readDescriptor(STDIN_FILENO, name: "standard input", limit: limit)
            : try readFile(path, limit: limit).bytes
    } catch {
        log.say(error)
        throw error.isMissing ? ExitCode.missingInput : ExitCode.inputOutput
    }
}
