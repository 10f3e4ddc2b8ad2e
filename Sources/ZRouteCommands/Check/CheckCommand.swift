// `zroute check`: judges a whole site, before mail does.

import ArgumentParser
import Check
import Configuration
import Glibc
import Maps
import System

/// Says all that is wrong with a site.
struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        subcommand: "check",
        abstract: "Say all that is wrong with a site.",
        discussion: """
            Everything that a site has is read: zmailer.conf, dbases.conf, sleepyenv.conf, scheduler.conf, secrets, TLS files, \
            all maps and their sources, and the spool. Nothing is changed, and with the exception of --probe nothing is connected to.

            Each finding has file, line, severity, text and a name; docs/findings.md lists all names. What is meant as it stands \
            is allowed by --allow NAME, or by a line '# zroute: allow NAME' before the one that is named. Of each file the first 20 \
            errors and warnings are said, and the others counted.

            The exit status is 0 if nothing is found, 1 if there are warnings alone, or tests that fail, 65 if a map or the spool has an error, 78 if a \
            configuration file has one, and 75 if all errors are of files that are being written.

            Examples:

              # All that is wrong with this site.
              zroute check
              # Ask the servers, too, and hold the site to its tests.
              zroute check --probe --tests /etc/zmailer/routes.test
              # For a review of the configuration in a repository.
              zroute check --config site/zmailer.conf --format sarif > findings.sarif
            """)

    /// The forms of output.
    enum Format: KeywordOption {
        case text
        case json
        case sarif

        static let choices = [(word: "text", choice: Format.text), ("json", .json), ("sarif", .sarif)]
    }

    @OptionGroup var site: SiteOptions

    @Option(help: "The form of the output: text, json or sarif (2.1.0, for code scanners).")
    var format = Format.text

    @Flag(
        help:
            "Connect to every server, too: LHLO, TLS, AUTH, and RCPT for a sample of routes, then RSET. Nothing is sent."
    )
    var probe = false

    @Option(
        help: ArgumentHelp(
            "Hold the site to this file of tests, too (docs/diff.md); '-' for standard input.", valueName: "file"))
    var tests: [String] = []

    @Option(
        name: .customLong("allow"),
        help: ArgumentHelp("Accept findings of this name; 'all' for every name.", valueName: "name"),
        transform: AllowedKind.init(word:))
    var allowed: [AllowedKind] = []

    func run() throws {
        let log = DiagnosticLog(site.log.form)
        // Live maps are read inside their environment, which a process that dies there breaks for all others.
        let signals = TerminationSignals()
        defer { signals.release() }
        let report = SiteCheck(site.files, allowing: AllowedKind.all(allowed)).run(
            probes: probe, tests: tests, signals: signals)
        var output = OutputStream(descriptor: STDOUT_FILENO)
        switch format {
        case .text: output.write(FindingText.text(of: report))
        case .json: output.write(FindingText.json(of: report))
        case .sarif: output.write(SARIFReport.text(of: report, version: ZRouteCommand.version))
        }
        guard output.finish(log) else { throw ExitCode.inputOutput }
        let status = ExitCode(report)
        guard status == .ok else { throw status }
    }
}

/// The name of a kind of findings that is allowed, or `all`.
struct AllowedKind: Sendable {
    let word: String

    /// Takes a name.
    ///
    /// - Throws: `ValidationError` with the names that there are, for any other.
    init(word: String) throws {
        var allowed = AllowedFindings()
        guard allowed.allow(word, of: Self.known) else {
            throw ValidationError(
                "'\(word)' is the name of no finding\(suggestion(for: word.lowercased(), among: Self.known.map(\.description)))"
                    + " (names: \(Finding.Name.all(Self.known, nearestTo: word)))")
        }
        self.word = word
    }

    private static var known: [Finding.Name] { FindingKind.all.map(\.name) }

    /// All that is allowed.
    static func all(_ kinds: [AllowedKind]) -> AllowedFindings {
        var allowed = AllowedFindings()
        for kind in kinds { _ = allowed.allow(kind.word, of: known) }
        return allowed
    }
}

extension ExitCode {
    /// The status of a check.
    init(_ report: CheckReport) {
        let errors = report.findings.filter { $0.severity == .error && $0.name != .failedAssertion }
        if errors.isEmpty {
            self = report.findings.isEmpty && report.remainders.isEmpty ? .ok : .absent
        } else if errors.allSatisfy(\.isTemporary) {
            self = .tryAgain
        } else {
            self = errors.contains(where: report.isAboutConfiguration) ? .configuration : .unreadableInput
        }
    }
}
