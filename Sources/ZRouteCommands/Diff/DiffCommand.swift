// `zroute diff`: which addresses go elsewhere with another configuration, and which entries make the difference.

import ArgumentParser
import Check
import Configuration
import Glibc
import Maps
import System

/// Compares where two configurations send addresses.
struct DiffCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        subcommand: "diff",
        abstract: "Show whose mail goes elsewhere with another configuration, and why.",
        discussion: """
            OLD and NEW are each a zmailer.conf, or a directory: one with a zmailer.conf, or one that is to be taken as \
            MAILVAR. In a copy of a site's directory paths to the original lead into the copy.

            Asked for are all keys of all maps of both, each with a tail, too, and an unknown user of each domain; and the \
            addresses of files. Nothing is printed where no route differs.

            The exit status is 0 if no route differs, 1 if one does, 75 if that is not certain because a map could not be \
            asked, 66 or 74 if a file cannot be read, 78 if a configuration cannot be used.

            Examples:

              # Whose mail goes elsewhere with the changes of a working copy?
              zroute diff /etc/zmailer ~/checkout
              # For all addresses of a log, too, as a table.
              zroute diff --addresses /var/log/mail.log --format tsv /etc/zmailer new
            """)

    @Argument(help: "The configuration to compare with.")
    var old: String

    @Argument(help: "The other configuration.")
    var new: String

    @Option(
        help: ArgumentHelp(
            "Ask for the addresses of this file, too: a list, a table of routes, a control file, or the log of zroute, ZMailer or Postfix; '-' for standard input, a directory for all files in it.",
            valueName: "file"))
    var addresses: [String] = []

    @Flag(name: .customLong("no-maps"), help: "Ask only for the addresses of files.")
    var leavesOutMaps = false

    @Option(help: "The form of the output: text, tsv or json.")
    var format = DiffFormat.text

    @Option(name: .long, help: ArgumentHelp("Read this zmailer.conf for a directory that has none.", valueName: "file"))
    var config: String?

    @Option(name: .customLong("set"), help: ArgumentHelp("Override a setting of both.", valueName: "NAME=VALUE"))
    var overrides: [Override] = []

    @Option(help: ArgumentHelp("Use this many threads for each of the two.", valueName: "n"))
    var jobs: Int?

    @OptionGroup var log: LogOptions

    func validate() throws {
        guard jobs.map((1...256).contains) ?? true else { throw ValidationError("--jobs must be from 1 to 256.") }
        guard !leavesOutMaps || !addresses.isEmpty else { throw ValidationError("--no-maps needs --addresses.") }
    }

    func run() throws {
        let log = DiagnosticLog(self.log.form)
        let sides: (old: ComparedSite, new: ComparedSite)
        do {
            let settings = overrides.map { (name: $0.name, value: $0.value) }
            sides = (
                try ComparedSite(opening: old, config: config, overrides: settings),
                try ComparedSite(opening: new, config: config, overrides: settings)
            )
        } catch {
            log.say(error)
            throw ExitCode(unusableConfiguration: error)
        }
        signal(SIGPIPE, SIG_IGN)
        let signals = TerminationSignals()
        let run = DiffRun(
            sides.old, sides.new, format: format, workers: jobs ?? min(onlineProcessors(), 8), log: self.log.form,
            signals: signals)
        let status = run.run(files: addresses, withMaps: !leavesOutMaps)
        signals.release()
        guard status == .ok else { throw status }
    }
}

/// The forms of what differs.
enum DiffFormat: KeywordOption {
    case text
    case tsv
    case json

    static let choices = [(word: "text", choice: DiffFormat.text), ("tsv", .tsv), ("json", .json)]
}
