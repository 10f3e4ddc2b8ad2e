// `zroute newdb`: compiles the sources of dbases.conf, as ZMailer's newdb does for all maps of a site, but all or none.

import ArgumentParser
import Configuration
import Glibc
import Maps
import System

/// Compiles the maps of dbases.conf.
struct NewdbCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        subcommand: "newdb",
        abstract: "Compile the maps of dbases.conf.",
        discussion: """
            Every source is read and written into a new file first; only when all are good do the new files take the \
            place of the old ones. Readers notice within a second. Live maps (-r) and text maps are left alone.

            For each map one line is printed: relation, number of entries and file, separated by TABs.

            A line that nobody can have meant is an error, such as a value of fqdnroutes that is no route: docs/maps.md \
            has all of them. The first 20 errors and warnings of each source are named, and the others counted.

            With --tests nothing is published unless the tests of the files hold; --diff shows first which addresses go \
            elsewhere, and --ask asks then (docs/diff.md).

            The exit status is 0 if all is done, 1 if a test fails or nothing is to be published, 65 if a source has an \
            error, 66 if one is missing, 73 or 74 if a file cannot be written or read, 75 if a source is being written; then \
            every map is as it was.

            Examples:

              # Compile all maps, or those of one relation.
              zroute newdb
              zroute newdb aliases
              # Publish nothing that breaks these tests, and ask before.
              zroute newdb --tests routes.test --ask
              # Only say what is wrong with the sources.
              zroute newdb --check
            """)

    @OptionGroup var site: SiteOptions

    @OptionGroup var allow: AllowOptions

    @OptionGroup var review: ReviewOptions

    @Flag(help: "Only read the sources, those of text maps too, and say what is wrong with them.")
    var check = false

    @Argument(help: "The relations to compile; all if none is named.")
    var relations: [String] = []

    func validate() throws {
        guard !check || review.isEmpty else {
            throw ValidationError(
                "--check only reads sources; without it --tests, --diff and --ask look at the maps before they are published."
            )
        }
    }

    func run() throws {
        let log = DiagnosticLog(site.log.form)
        guard !check else { return try checkSources(try plan(log), log) }
        let lock = try DatabasesConfLock.take(site, log)
        try compile(try plan(log), log)
        lock.unlock()
    }

    private func plan(_ log: borrowing DiagnosticLog) throws -> NewdbPlan {
        do {
            let site = try LoggedSite(options: self.site)
            site.warnOfConfiguration()
            return try NewdbPlan(site.base, relations: relations, allowing: allow.findings, isCheck: check)
        } catch {
            log.say(error)
            throw ExitCode(unusableConfiguration: error)
        }
    }

    private func checkSources(_ plan: NewdbPlan, _ log: borrowing DiagnosticLog) throws {
        var outcome = NewdbOutcome()
        var output = OutputStream(descriptor: STDOUT_FILENO)
        for step in plan.steps where outcome.accepts(source: step.source, log) {
            do throws(CompileError) {
                let report = try MapCompiler.check(step.job)
                log.say(report.findings)
                if let finding = report.emptiness(of: step.job) { log.say(Diagnosis(finding: finding)) }
                output.write("\(step.relation)\t\(report.entries)\t\(step.source)\n")
            } catch {
                outcome.take(error, of: step.job, log)
            }
        }
        if let error = plan.backEndError { outcome.take(error, log) }
        plan.sayPrivileges(log)
        outcome.sayHint(log)
        if !output.finish(log), outcome.status == .ok { throw ExitCode.inputOutput }
        try outcome.finish()
    }

    private func compile(_ plan: NewdbPlan, _ log: borrowing DiagnosticLog) throws {
        var outcome = NewdbOutcome()
        var summary = ""
        let compiler = MapCompiler()
        // What is only prepared is of use to nobody: a signal ends the run at once, and leaves no file behind.
        let signals = TerminationSignals()
        let turn = ReviewTurn()
        signals.endWhenPending { turn.take { compiler.end() } }
        for step in plan.steps where outcome.accepts(source: step.source, log) {
            let progress = ProgressLine(title: step.job.target)
            do throws(CompileError) {
                let report = try compiler.prepare(step.job) { progress.show($0) }
                progress.clear()
                log.say(report.findings)
                summary += "\(step.relation)\t\(report.entries)\t\(step.job.target)\n"
                if let finding = report.emptiness(of: step.job) { log.say(Diagnosis(finding: finding)) }
            } catch {
                progress.clear()
                outcome.take(error, of: step.job, log)
            }
        }
        if outcome.status != .ok {
            compiler.discard()
            log.say("nothing was replaced: every map is as it was")
            outcome.sayHint(log)
            try outcome.finish()
        }
        if !review.isEmpty {
            let status = turn.take {
                NewdbReview(
                    plan.site, compiler.preparedFiles, options: review, form: site.log.form, signals: signals
                ).run()
            }
            if status != .ok {
                compiler.discard()
                log.say("nothing was replaced: every map is as it was")
                throw status
            }
        }
        do {
            try compiler.commit()
        } catch {
            log.say(error)
            throw ExitCode.cannotCreate
        }
        plan.sayPrivileges(log)
        var output = OutputStream(descriptor: STDOUT_FILENO)
        output.write(summary)
        guard output.finish(log) else { throw ExitCode.inputOutput }
    }
}

/// What the exit status has to say of all maps together: the first error decides.
struct NewdbOutcome {
    private(set) var status = ExitCode.ok
    /// Whether something was refused that can be allowed.
    private var hasAllowable = false

    /// Notices a source that is not there, which is told apart from one with an error in it.
    mutating func accepts(source: String, _ log: borrowing DiagnosticLog) -> Bool {
        do {
            _ = try FileIdentity(path: source)
            return true
        } catch {
            log.say(error, rest: "; \(error.sourceRemedy)\(error.isMissing ? " in dbases.conf" : "")")
            note(error.isMissing ? .missingInput : .inputOutput)
            return false
        }
    }

    /// Notices an error of the source, or of the file that was to be written.
    mutating func take(_ error: CompileError, of job: CompileJob, _ log: borrowing DiagnosticLog) {
        if let findings = error.findings {
            log.say(findings)
            if findings.first.contains(where: { AllowedName.known.contains($0.name) && $0.severity == .error }) {
                hasAllowable = true
            }
        } else {
            log.say(error)
        }
        note(error.isTemporary ? .tryAgain : error.file == job.source.name ? .unreadableInput : .cannotCreate)
    }

    /// Notices an error of the configuration that lookups would meet.
    mutating func take(_ error: ConfigurationError, _ log: borrowing DiagnosticLog) {
        log.say(error)
        note(ExitCode(unusableConfiguration: error))
    }

    /// Says how what was refused can be allowed, where it can.
    func sayHint(_ log: borrowing DiagnosticLog) {
        if hasAllowable { log.say(AllowOptions.hint(withComments: true), .notice) }
    }

    func finish() throws {
        guard status == .ok else { throw status }
    }

    private mutating func note(_ new: ExitCode) {
        if status == .ok { status = new }
    }
}
