// `zroute makedb`: ZMailer's makedb, which compiles one source into one database.

import ArgumentParser
import Files
import Glibc
import Maps

/// Compiles one source into one database.
struct MakedbCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        subcommand: "makedb",
        abstract: "Compile one source into a database.",
        discussion: """
            The source is INPUT, standard input for '-', or the file BASE itself where no input is named. The database \
            is BASE.db (btree) or BASE.dbh (bhash); it is written beside the old one and takes its place when it is \
            whole.

            With -A the entries of the source are added to those of the old database; of two entries with one key the \
            older stands, as within a source.
            """)

    @Flag(name: .customShort("l"), help: "Fold keys to lower case.")
    var foldsLower = false

    @Flag(name: .customShort("u"), help: "Fold keys to upper case.")
    var foldsUpper = false

    @Flag(name: .customShort("a"), help: "The source is in aliases form, 'key: value'; its keys are always folded.")
    var isAliases = false

    @Flag(name: .customShort("A"), help: "Add to the database.")
    var appends = false

    @Flag(name: .customShort("s"), help: "Say nothing but errors.")
    var isSilent = false

    @Flag(name: .customShort("v"), help: "Show progress, on whatever standard error is.")
    var isVerbose = false

    @OptionGroup var logging: LogOptions

    @Argument(help: "btree or bhash.")
    var type: DatabaseKindName

    @Argument(help: "The database, without .db or .dbh.")
    var base: String

    @Argument(help: "The source; '-' for standard input.")
    var input: String?

    func validate() throws {
        guard !foldsLower || !foldsUpper else { throw ValidationError("-l and -u exclude each other.") }
        guard !isSilent || !isVerbose else { throw ValidationError("-s and -v exclude each other.") }
    }

    func run() throws {
        let log = DiagnosticLog(logging.form)
        let job = CompileJob(
            source: try readSource(log), form: isAliases ? .aliases : .plain,
            folding: foldsUpper ? .upper : foldsLower ? .lower : .none, kind: type.kind, base: base)
        var outcome = NewdbOutcome()
        let compiler = MapCompiler()
        let progress = ProgressLine(title: job.target, isForced: isVerbose)
        do throws(CompileError) {
            let report = try compiler.prepare(job, appending: appends) { progress.show($0) }
            try compiler.commit()
            progress.clear()
            guard !isSilent else { return }
            for warning in report.warnings { log.say(Diagnosis(finding: warning)) }
            var output = OutputStream(descriptor: STDOUT_FILENO)
            output.write("\(report.entries)\t\(job.target)\n")
            if report.kept > 0 {
                log.say("\(job.target): \(report.kept) keys were there already; their values stand", .notice)
            }
            output.flush()
        } catch {
            progress.clear()
            outcome.take(error, of: job, log)
        }
        try outcome.finish()
    }

    private func readSource(_ log: borrowing DiagnosticLog) throws -> CompileJob.Source {
        let path = input ?? base
        guard path == "-" else {
            do {
                _ = try FileIdentity(path: path)
            } catch {
                log.say(error)
                throw error.isMissing ? ExitCode.missingInput : ExitCode.inputOutput
            }
            return .file(path)
        }
        do {
            let name = "standard input"
            return .bytes(try readDescriptor(STDIN_FILENO, name: name, limit: Int(UInt32.max)), name: name)
        } catch {
            log.say(error)
            throw ExitCode.inputOutput
        }
    }
}

/// ZMailer's names of the kinds of database.
enum DatabaseKindName: Choice {
    case btree
    case bhash

    static let choices = [(word: "btree", choice: DatabaseKindName.btree), ("bhash", .bhash)]

    var kind: DatabaseKind { self == .bhash ? .hash : .btree }
}
