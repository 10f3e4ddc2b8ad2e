// `zroute convert postfix` and `zroute convert aliases`: what other mail servers are configured by as sites of ours.

import ArgumentParser
import Check
import Configuration
import Glibc
import System

/// Converts a Postfix.
struct ConvertPostfixCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "postfix",
        abstract: "Make a site of a Postfix.",
        discussion: """
            Read are the main.cf, the master.cf beside it, and the tables that they name, from the files that Postfix itself \
            reads. Nothing is asked, run or connected to.

            The exit status is 0 if everything was carried over, 1 if something was not, 66 or 74 if a file cannot be read or \
            written, 78 if main.cf cannot be used. Without a site the status is never 0 or 1.

            Examples:

              # A new site in newsite, and a list of what was not carried over.
              zroute convert postfix /etc/postfix/main.cf newsite
            """)

    @Argument(help: "The main.cf.")
    var main: String

    @Argument(help: "The directory of the new site; empty, or not there.")
    var directory: String

    @OptionGroup var log: LogOptions

    func run() throws {
        try ConversionOutput(log.form).say { () throws(ConversionError) in
            try PostfixSite.convert(main: main, to: directory)
        }
    }
}

/// Converts alias files.
struct ConvertAliasesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "aliases",
        abstract: "Make a site of alias files of sendmail, Exim or Postfix.",
        discussion: """
            The files are read in the order given; of entries for one name the first counts. Keys without a domain are names \
            of local users, user@domain and @domain are whole addresses.

            The exit status is 0 if everything was carried over, 1 if something was not, 66 or 74 if a file cannot be read or \
            written.

            Examples:

              # A new site of two files, whose names are users of example.org.
              zroute convert aliases --domain example.org /etc/aliases lists newsite
            """)

    @Argument(help: "The alias files, and behind them the directory of the new site; empty, or not there.")
    var paths: [String]

    @Option(
        name: .long,
        help: ArgumentHelp(
            "A domain whose users the names of the files are; by default this host's name.", valueName: "domain"))
    var domain: [String] = []

    @OptionGroup var log: LogOptions

    func validate() throws {
        guard paths.count >= 2 else { throw ValidationError("Name alias files, and behind them the new directory.") }
    }

    func run() throws {
        try ConversionOutput(log.form).say { () throws(ConversionError) in
            try AliasSite.convert(
                files: Array(paths.dropLast()), domains: domain.isEmpty ? [Settings.systemHostname()] : domain,
                to: paths[paths.count - 1])
        }
    }
}

/// What a conversion prints, and its exit status.
private struct ConversionOutput {
    private let form: LogForm

    init(_ form: LogForm) { self.form = form }

    func say(_ convert: () throws(ConversionError) -> ConversionReport) throws {
        let log = DiagnosticLog(form)
        let report: ConversionReport
        do throws(ConversionError) {
            report = try convert()
        } catch {
            switch error {
            case .file(let failure):
                log.say(Diagnosis(failure))
                throw failure.isMissing ? ExitCode.missingInput : ExitCode.inputOutput
            case .unusable(let file, let line, _):
                log.say(Diagnosis("\(error)", file: file, line: line))
                throw ExitCode.configuration
            }
        }
        var output = OutputStream(descriptor: STDOUT_FILENO)
        output.write(report.text)
        guard output.finish(log) else { throw ExitCode.inputOutput }
        if report.isIncomplete { throw ExitCode.absent }
    }
}
