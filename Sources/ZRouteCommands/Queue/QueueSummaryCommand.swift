// `zroute queue summary`: how many recipients wait by channel, host and reason, and for how long.

import ArgumentParser
import Bytes
import Glibc
import QueueRouting
import Spool
import System

/// Counts what waits in a spool.
struct QueueSummaryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "summary",
        abstract: "Count what waits by channel, host and reason, with ages.",
        discussion: """
            A table for each of channel, host and reason, or for those that --by names. The columns are the recipients in \
            all, the age of the oldest, and how many are up to so many minutes old. Nothing is changed.

            The exit status is that of 'queue list'.

            Examples:

              # Where does it stand still?
              zroute queue summary --by host
            """)

    /// What is counted by.
    enum Aspect: KeywordOption {
        case channel
        case host
        case reason

        static let choices = [(word: "channel", choice: Aspect.channel), ("host", .host), ("reason", .reason)]

        var counted: QueueSummary.Aspect {
            switch self {
            case .channel: .channel
            case .host: .host
            case .reason: .reason
            }
        }
    }

    @OptionGroup var site: SiteOptions

    @OptionGroup var filter: QueueFilterOptions

    @Option(name: .customLong("by"), help: "Count by channel, host or reason; several may be named.")
    var aspects: [Aspect] = []

    @Option(help: ArgumentHelp("The most rows of a table of text.", valueName: "number"))
    var limit = 20

    @Option(help: "The form of the output: text or json.")
    var format = QueueFormat.text

    func validate() throws {
        guard limit > 0 else { throw ValidationError("--limit takes a number from 1.") }
    }

    func run() throws {
        let session = try QueueSession(site)
        let log = session.log
        let now = Int64(time(nil))
        var summary = QueueSummary()
        var isUnreadable = false
        do throws(FileError) {
            try session.postOffice.eachWaitingRecipient { recipient in
                if recipient.arrival == nil { isUnreadable = true }
                if filter.includes(recipient, now: now) { summary.add(recipient, now: now) }
            } failed: { message, reason in
                isUnreadable = true
                log.say("message \(message): \(reason)")
            }
        } catch {
            log.say(error)
            throw ExitCode.tryAgain
        }
        var output = OutputStream(descriptor: STDOUT_FILENO)
        let wanted = aspects.isEmpty ? Aspect.choices.map(\.choice) : aspects
        for (index, aspect) in wanted.enumerated() {
            switch format {
            case .text:
                if index > 0 { output.write("\n") }
                output.write(table(summary, aspect))
            case .json: writeObjects(summary, aspect, to: &output)
            }
        }
        guard output.finish(log) else { throw ExitCode.inputOutput }
        guard !isUnreadable else { throw ExitCode.unreadableInput }
    }

    private static func word(_ aspect: Aspect) -> String { Aspect.choices.first { $0.choice == aspect }?.word ?? "" }

    // MARK: Text

    /// The names of reasons may be long: they come last, and nothing is cut.
    private func table(_ summary: QueueSummary, _ aspect: Aspect) -> String {
        let rows = summary.rows(by: aspect.counted)
        let minutes = QueueSummary.bounds.map { "\($0 / 60)" }
        let lines =
            [
                ["total", "oldest"] + minutes + ["\(minutes.last ?? "")+", Self.word(aspect)],
                cells(summary.all, "all"),
            ]
            + rows.prefix(limit).map { cells($0, printable($0.name)) }
        let widths = lines[0].indices.map { column in lines.map { $0[column].unicodeScalars.count }.max() ?? 0 }
        var text = ""
        for line in lines {
            for (column, cell) in line.enumerated() where column < line.count - 1 {
                text += String(repeating: " ", count: widths[column] - cell.unicodeScalars.count) + cell + "  "
            }
            text += (line.last ?? "") + "\n"
        }
        if rows.count > limit { text += "and \(rows.count - limit) more; --limit shows them\n" }
        return text
    }

    private func cells(_ row: QueueSummary.Row, _ name: String) -> [String] {
        ["\(row.total)", row.oldest.map(QueueReport.span) ?? "-"] + row.counts.map { $0 == 0 ? "." : "\($0)" } + [name]
    }

    // MARK: JSON

    private func writeObjects(_ summary: QueueSummary, _ aspect: Aspect, to output: inout OutputStream) {
        for row in summary.rows(by: aspect.counted) {
            var json = JSONText()
            json.object { json in
                json.name("by")
                json.string(Self.word(aspect))
                json.name("name")
                json.text(row.name)
                json.name("total")
                json.number(row.total)
                if let oldest = row.oldest {
                    json.name("oldest")
                    json.number(Int(clamping: oldest))
                }
                json.name("ages")
                json.array { json in
                    for (index, count) in row.counts.enumerated() {
                        json.object { json in
                            if index < QueueSummary.bounds.count {
                                json.name("upTo")
                                json.number(Int(QueueSummary.bounds[index]))
                            }
                            json.name("recipients")
                            json.number(count)
                        }
                    }
                }
            }
            output.write(json.bytes + [0x0A])
        }
    }
}
