// `zroute usage`: which entries of the maps no address uses, and could be removed.

import ArgumentParser
import Bytes
import Check
import Configuration
import Glibc
import Maps
import Routing
import System

/// Shows entries that nothing uses.
struct UsageCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        subcommand: "usage",
        abstract: "Show entries that no address uses.",
        discussion: """
            The addresses of files are resolved by the maps as they are now, and every entry that none of them comes by is \
            shown: a candidate for removal, as far as the files go back. An entry that is only found before another one is \
            used, too.

            The exit status is 0 if all was found out, 75 if some address or map could not be asked, 66 or 74 if a file \
            cannot be read.

            Examples:

              # Entries that no address of the log has needed.
              zroute usage --addresses /var/log/mail.log
              # Entries that the services have not found since they count.
              zroute usage --counters /var/lib/zroute/serve.usage
            """)

    @OptionGroup var site: SiteOptions

    @Option(
        help: ArgumentHelp(
            "Resolve the addresses of this file: a list, a table of routes, a control file, or the log of zroute, ZMailer or Postfix; '-' for standard input, a directory for all files in it.",
            valueName: "file"))
    var addresses: [String] = []

    @Option(
        help: ArgumentHelp(
            "Take what this file of --usage has for used, which serve, route-queue and deliver keep.", valueName: "file"
        ))
    var counters: [String] = []

    @Option(help: "The form of the output: text, tsv or json.")
    var format = DiffFormat.text

    @Option(help: ArgumentHelp("Use this many threads.", valueName: "n"))
    var jobs: Int?

    func validate() throws {
        guard jobs.map((1...256).contains) ?? true else { throw ValidationError("--jobs must be from 1 to 256.") }
        guard !addresses.isEmpty || !counters.isEmpty else {
            throw ValidationError("--addresses or --counters names what is to be looked at, such as a log.")
        }
    }

    func run() throws {
        let log = DiagnosticLog(site.log.form)
        let site: LoggedSite
        do {
            site = try LoggedSite(options: self.site)
        } catch {
            log.say(error)
            throw ExitCode(unusableConfiguration: error)
        }
        signal(SIGPIPE, SIG_IGN)
        let signals = TerminationSignals()
        let status = find(site, signals, log)
        signals.release()
        guard status == .ok else { throw status }
    }

    private func find(_ site: LoggedSite, _ signals: TerminationSignals, _ log: borrowing DiagnosticLog) -> ExitCode {
        let progress = ProgressLine(title: "usage", unit: "addresses")
        var usage = EntryUsage(site.base, texts: site.makeTextLoader(), workers: jobs ?? min(onlineProcessors(), 8))
        var reader = AddressReader()
        var status = ExitCode.ok
        var asked = 0
        for file in addresses where !signals.isPending {
            do throws(FileError) {
                try AddressFiles.read(file, with: &reader, signals: signals) { list in
                    asked += list.count
                    usage.note(&list)
                    progress.show(asked)
                }
            } catch {
                progress.clear()
                log.say(error)
                status = status.worse(error.isMissing ? .missingInput : .inputOutput)
            }
        }
        progress.clear()
        var since: [String] = []
        for file in counters {
            do throws(FileError) {
                let kept = try UsageFile(reading: file)
                since.append(kept.since)
                for entry in kept.entries.keys {
                    usage.note(relation: entry.relation, map: entry.map, key: entry.key)
                }
            } catch {
                log.say(error)
                status = status.worse(error.isMissing ? .missingInput : .inputOutput)
            }
        }
        // What was not read may use anything.
        guard status == .ok, !signals.isPending else { return status }
        var output = OutputStream(descriptor: STDOUT_FILENO, signals: signals)
        let counts = usage.finish { entry in
            output.write { append(entry, to: &$0) }
            return !output.hasFailed && !signals.isPending
        }
        AddressNotes.say(reader, log)
        for failure in counts.failures { log.say(Diagnosis(failure)) }
        if counts.uncertain > 0 {
            log.say(
                "\(counted(counts.uncertain, "address", "addresses")) could not be looked up, and may use entries that are"
                    + " shown: \(counts.uncertainty ?? "")")
        }
        if counts.uncertain > 0 || !counts.failures.isEmpty { status = .tryAgain }
        if format == .text {
            var sources: [String] = []
            if !addresses.isEmpty {
                let span = reader.firstTime.map { " from \($0) to \(reader.lastTime ?? $0)" } ?? ""
                sources.append("\(counted(counts.asked, "address", "addresses"))\(span)")
            }
            if let first = since.min() { sources.append("what was counted since \(first)") }
            output.write(
                "\(counts.used) of \(counted(counts.entries, "entry", "entries")) are used by"
                    + " \(sources.joined(separator: " and "))\n")
        }
        guard output.finish(log) else { return .inputOutput }
        return status
    }

    private func append(_ entry: UnusedEntry, to output: inout [UInt8]) {
        let place = DiffPlace.text(entry.place)
        switch format {
        case .text:
            output.append(
                contentsOf: "\(place): \(entry.place.relation) '\(printable(entry.place.key))' is not used\n".utf8)
        case .tsv:
            var line = TextArena()
            for field in [Array(entry.place.relation.utf8), entry.place.key, entry.value, Array(place.utf8)]
                .enumerated()
            {
                TSVField.append(
                    field.element.span, escapingSeparators: true, then: field.offset == 3 ? ASCII.lineFeed : ASCII.tab,
                    to: &line)
            }
            line.withSpan(0..<line.end) { output.append(from: $0) }
        case .json:
            var json = JSONText()
            json.object { json in
                json.name("relation")
                json.string(entry.place.relation)
                json.name("key")
                json.text(entry.place.key)
                json.name("value")
                json.text(entry.value)
                json.name("file")
                json.string(entry.place.file)
                if let line = entry.place.line {
                    json.name("line")
                    json.number(line)
                }
            }
            output.append(contentsOf: json.bytes)
            output.append(ASCII.lineFeed)
        }
    }
}
