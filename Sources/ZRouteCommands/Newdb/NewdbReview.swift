// What newdb is about to publish is looked at first: by test files, and against the maps that are in place.

import ArgumentParser
import Check
import Configuration
import Glibc
import Maps
import Site
import Synchronization
import System

/// What is to be looked at before maps are published.
struct ReviewOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Publish nothing unless these tests hold (docs/diff.md); '-' for standard input.", valueName: "file"))
    var tests: [String] = []

    @Flag(name: .customLong("diff"), help: "Show which addresses go elsewhere with what is published.")
    var showsDifferences = false

    @Flag(help: "Show that, and ask before anything is published.")
    var ask = false

    /// Whether nothing is to be looked at.
    var isEmpty: Bool { tests.isEmpty && !showsDifferences && !ask }
}

/// Keeps a signal from ending the process while maps are looked at: inside the environments of live maps nothing may end.
final class ReviewTurn: Sendable {
    private let turn = Mutex(())

    /// Does something while nobody else does.
    func take<Answer: Sendable>(_ body: () -> Answer) -> Answer { turn.withLock { _ in body() } }
}

/// A look at maps that are prepared and not yet published.
struct NewdbReview {
    private let inPlace: Site
    private let prepared: Site
    private let options: ReviewOptions
    private let form: LogForm
    private let signals: TerminationSignals

    /// Prepares it.
    ///
    /// - Parameters:
    ///   - site: the site with the maps that are in place.
    ///   - files: what was prepared, and what it is to replace.
    ///   - signals: those that are held back: when one comes, the look ends.
    init(
        _ site: Site, _ files: [(temporary: String, target: String)], options: ReviewOptions, form: LogForm,
        signals: TerminationSignals
    ) {
        inPlace = site
        prepared = site.changing { definition in
            guard let file = files.first(where: { $0.target == definition.tablePath }) else { return definition }
            var definition = definition
            definition.readInstead = file.temporary
            return definition
        }
        self.options = options
        self.form = form
        self.signals = signals
    }

    /// Looks, and asks where that is wanted.
    ///
    /// - Returns: 0 where the maps are to be published.
    func run() -> ExitCode {
        let log = DiagnosticLog(form)
        if !options.tests.isEmpty {
            let status = SiteTests(prepared, form: form, signals: signals).run(options.tests)
            guard status == .ok else { return status }
        }
        guard options.showsDifferences || options.ask else { return .ok }
        let status = DiffRun(
            ComparedSite(name: "in place", site: inPlace), ComparedSite(name: "to be published", site: prepared),
            format: .text, workers: min(onlineProcessors(), 8), log: form, signals: signals
        ).run()
        guard status == .ok || status == .absent || status == .tryAgain else { return status }
        guard options.ask, status != .ok else { return .ok }
        guard isConfirmed() else {
            log.say("not confirmed", .notice)
            return .absent
        }
        return .ok
    }

    /// Whether the answer is yes.
    private func isConfirmed() -> Bool {
        var question = OutputStream(descriptor: STDERR_FILENO)
        question.write("Publish the maps? [y/N] ")
        question.flush()
        var reader = LineBlockReader(descriptor: STDIN_FILENO, name: "standard input", signals: signals)
        guard let lines = try? reader.next() else { return false }
        let answer = String(decoding: lines.prefix { $0 != 0x0A && $0 != 0x0D }, as: UTF8.self).lowercased()
        return answer == "y" || answer == "yes"
    }
}

/// Test files that a site is held to.
struct SiteTests {
    private let site: Site
    private let form: LogForm
    private let signals: TerminationSignals

    init(_ site: Site, form: LogForm, signals: TerminationSignals) {
        self.site = site
        self.form = form
        self.signals = signals
    }

    /// Asks for the addresses of files, and says which of them do not go where they are expected.
    ///
    /// - Returns: 0 if all do, 1 if one does not, 65 if a line is no test, 66 or 74 if a file cannot be read, 75 if only maps that
    ///   cannot be asked are the reason.
    func run(_ files: [String]) -> ExitCode {
        let log = DiagnosticLog(form)
        let texts = TextTableLoader(report: { _ in }, reportUnsettled: { _ in })
        var status = ExitCode.ok
        var run = AssertionRun(site, texts: texts, workers: min(onlineProcessors(), 8)) { [form] finding in
            DiagnosticLog(form).say(Diagnosis(finding: finding))
        }
        for file in files where !signals.isPending {
            do throws(FileError) {
                try run.check(file, signals: signals)
            } catch {
                log.say(error)
                status = status.worse(error.isMissing ? .missingInput : .inputOutput)
            }
        }
        let counts = run.finish()
        if counts.failed > 0 {
            log.say("\(counted(counts.failed, "test fails", "tests fail")) of \(counts.checked)")
        }
        if counts.mistakes > 0 { status = status.worse(.unreadableInput) }
        guard status == .ok, counts.failed > 0 else { return status }
        return counts.deferred == counts.failed ? .tryAgain : .absent
    }
}
