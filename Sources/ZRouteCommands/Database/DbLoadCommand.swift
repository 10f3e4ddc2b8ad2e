// `zroute db load`: stores many entries while others read.

import ArgumentParser
import Configuration
import Glibc
import Maps
import System

/// Stores many entries.
struct DbLoadCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "load",
        abstract: "Store the entries of a dump.",
        discussion: """
            The input is read and checked as a whole before the first entry is stored: one that nobody can have meant is \
            refused with 65 (docs/maps.md), and nothing is stored. Keys are stored as they stand. \
            Entries that the map has and the input has not stay. Between two entries the map is free for readers. When \
            the command has exited with 0 all entries are on the disk.

            Examples:

              zroute db load fqdnroutes fqdnroutes.dump
              # Make a live map that is not there yet, empty.
              zroute db load fqdnroutes < /dev/null
            """)

    @OptionGroup var options: DbOptions

    @OptionGroup var allow: AllowOptions

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
        try session.withMap(.writing(create: true)) { map, _ in
            var room = DbLoadRoom(map)
            try makeSure(&room, bytes, name, in: map, session)
            var reader = try parsing(session.log) { () throws(CompileError) in try EntryReader(bytes, file: name) }
            try store(&reader, total, name, &room, in: map, session)
            warnOfHiding(bytes, name, in: map, session)
        }
    }

    /// Warns of entries that an earlier map hides: of the first ones, and of how many more there are.
    private func warnOfHiding(_ bytes: [UInt8], _ name: String, in map: any LiveMap, _ session: borrowing DbSession) {
        var earlier = EarlierMaps(session)
        guard !earlier.isEmpty, var reader = try? EntryReader(bytes, file: name) else { return }
        var said = 0
        // Each of them was read before.
        while let entry = try? reader.next() {
            for warning in earlier.warnings(about: entry.key, in: map) where said < SourceFindings.limit {
                session.log.say(warning, .warning)
                said += 1
            }
        }
        let rest = earlier.hidden - said
        if rest > 0 {
            let entries = counted(rest, "more entry is", "more entries are")
            session.log.say("warning: \(entries) hidden by earlier maps", .warning)
        }
    }

    /// Refuses to begin where the disk could be full before the end.
    private func makeSure(
        _ room: inout DbLoadRoom, _ bytes: [UInt8], _ name: String, in map: any LiveMap, _ session: borrowing DbSession
    ) throws {
        var all = try parsing(session.log) { () throws(CompileError) in try EntryReader(bytes, file: name) }
        while let entry = try parsing(session.log, { () throws(CompileError) in try all.next() }) {
            room.add(key: entry.key, value: entry.value)
        }
        guard try !room.isEnough() else { return }
        // It is tight: what the map has already needs no room.
        room = DbLoadRoom(map)
        all = try parsing(session.log) { () throws(CompileError) in try EntryReader(bytes, file: name) }
        while let entry = try parsing(session.log, { () throws(CompileError) in try all.next() }) {
            let old = try map.get(entry.key)?.count ?? -1
            if old < entry.value.count { room.add(key: entry.key, value: entry.value) }
        }
        try session.reporting("; nothing was stored") { () throws(MapError) in try room.check(wholly: true) }
    }

    private func store(
        _ reader: inout EntryReader, _ total: Int, _ name: String, _ room: inout DbLoadRoom, in map: any LiveMap,
        _ session: borrowing DbSession
    ) throws {
        let progress = ProgressLine(title: map.name.file)
        defer { progress.clear() }
        var done = 0
        while let entry = try parsing(session.log, { () throws(CompileError) in try reader.next() }) {
            do throws(MapError) {
                try map.put(entry.key, entry.value)
                done += 1
                room.remove(key: entry.key, value: entry.value)
                if done % Self.batchSize == 0 {
                    try map.sync()
                    try room.check(wholly: false)
                }
            } catch {
                progress.clear()
                let reason = error.isStop ? "\(map.name): \(error.text)" : "\(name):\(reader.line): \(error)"
                let entries = counted(total, "entry was", "entries were")
                session.log.say("\(reason); \(done) of \(entries) stored, run it again")
                // What was stored is to be as good as what was there before.
                if error.isStop { try map.sync() }
                throw error.isStop ? error as any Error : DbSession.status(of: error)
            }
            if done % 100 == 0 {
                progress.show(done)
                sched_yield()
            }
        }
        try session.reporting("; not all of the \(counted(done, "entry", "entries")) are on the disk, run it again") {
            () throws(MapError) in try map.sync()
        }
    }

    /// Reads all entries before the first is stored.
    private func check(_ bytes: [UInt8], _ name: String, _ session: borrowing DbSession) throws -> Int {
        let check = EntryCheck(judge: session.target.judge)
        let allowed = allow.findings
        var findings = SourceFindings(source: name)
        var total = 0
        var repetitions = RepeatedKeys()
        var reader = try parsing(session.log) { () throws(CompileError) in try EntryReader(bytes, file: name) }
        while true {
            do throws(CompileError) {
                guard let entry = try reader.next() else { break }
                total += 1
                repetitions.add(entry.key)
                let place = session.target.place
                if let text = place.refusal(ofKey: entry.key, value: entry.value) {
                    findings.add(Finding(.unreadableLine, .error, file: name, line: reader.line, text: text))
                }
                let key = place.findsKeysWithoutNUL && entry.key.last != 0 ? entry.key + [0] : entry.key
                for fault in check.faults(ofStoredKey: key, value: entry.value) where !allowed.contains(fault.name) {
                    findings.add(Finding(fault.name, fault.severity, file: name, line: reader.line, text: fault.text))
                }
            } catch {
                findings.add(
                    Finding(.unreadableLine, .error, file: name, line: error.line, text: error.text))
                guard reader.canGoOn else { break }
            }
        }
        if repetitions.mayExist, findings.errorCount == 0, !allowed.contains(.duplicateKey) {
            reader = try parsing(session.log) { () throws(CompileError) in try EntryReader(bytes, file: name) }
            while let entry = try parsing(session.log, { () throws(CompileError) in try reader.next() }) {
                guard let text = repetitions.look(at: entry.key, line: reader.line) else { continue }
                findings.add(Finding(.duplicateKey, .warning, file: name, line: reader.line, text: text))
            }
        }
        session.log.say(findings)
        guard findings.errorCount == 0 else {
            session.log.say("\(name): nothing was stored")
            session.log.say(AllowOptions.hint(withComments: false), .notice)
            throw ExitCode.unreadableInput
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
            : try readInput(path, limit: limit)
    } catch {
        log.say(error, rest: "; \(error.sourceRemedy)")
        throw error.isMissing ? ExitCode.missingInput : ExitCode.inputOutput
    }
}
