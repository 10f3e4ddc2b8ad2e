// `zroute makedb`: ZMailer's makedb, which compiles one source into one database.

import ArgumentParser
import Configuration
import Glibc
import Maps
import Routing
import Site
import System

/// Compiles one source into one database.
struct MakedbCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        subcommand: "makedb",
        abstract: "Compile one source into a database.",
        discussion: """
            The source is INPUT, standard input for '-', or the file BASE itself where no input is named. The database \
            is BASE.db (btree) or BASE.dbh (bhash), and BASE may have that ending already; it is written beside the old one and takes its place when it is \
            whole.

            With -A the entries of the source are added to those of the old database; of two entries with one key the \
            older stands, as within a source.

            Examples:

              # aliases.db of the source aliases.
              zroute makedb -a btree aliases
              # A constant map, judged as one of fqdnroutes.
              zroute makedb -l --relation fqdnroutes cdb routes routes.txt
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

    @OptionGroup var allow: AllowOptions

    @OptionGroup var site: SiteOptions

    @Option(
        help: ArgumentHelp(
            "Judge the entries as those of this relation; without it as those of the line of dbases.conf that has BASE.",
            valueName: "name"))
    var relation: String?

    @Argument(help: "The type of the database.")
    var type: CompiledTypeName

    @Argument(help: "The database, without its ending.")
    var base: String

    @Argument(help: "The source; '-' for standard input.")
    var input: String?

    func validate() throws {
        guard !foldsLower || !foldsUpper else { throw ValidationError("-l and -u exclude each other.") }
        guard !isSilent || !isVerbose else { throw ValidationError("-s and -v exclude each other.") }
    }

    func run() throws {
        let log = DiagnosticLog(site.log.form)
        let name = baseName(log)
        var job = CompileJob(
            source: try readSource(base: name, log), form: isAliases ? .aliases : .plain,
            folding: foldsUpper ? .upper : foldsLower ? .lower : .none,
            format: MapBackEnds.all.format(of: type.type), base: name)
        job.judge = try judge(of: job.target, base: name, log)
        job.allowed = allow.findings
        var outcome = NewdbOutcome()
        let compiler = MapCompiler()
        let signals = TerminationSignals()
        signals.endWhenPending { compiler.end() }
        let progress = ProgressLine(title: job.target, isForced: isVerbose)
        var isWritten = true
        do throws(CompileError) {
            let report = try compiler.prepare(job, appending: appends) { progress.show($0) }
            try compiler.commit()
            progress.clear()
            guard !isSilent else { return }
            log.say(report.findings)
            if let finding = report.emptiness(of: job) { log.say(Diagnosis(finding: finding)) }
            if !job.allowed.contains(.writableByAll), case .file(let path) = job.source,
                let finding = SourcePrivilege.finding(about: path)
            {
                log.say(Diagnosis(finding: finding))
            }
            var output = OutputStream(descriptor: STDOUT_FILENO)
            output.write("\(report.entries)\t\(job.target)\n")
            if report.kept > 0 {
                let keys = counted(report.kept, "key was", "keys were")
                log.say("\(job.target): \(keys) there already; the old value stands", .notice)
            }
            isWritten = output.finish(log)
        } catch {
            progress.clear()
            outcome.take(error, of: job, log)
        }
        outcome.sayHint(log)
        try outcome.finish()
        guard isWritten else { throw ExitCode.inputOutput }
    }

    /// BASE without an extension of databases, which makedb puts behind it.
    private func baseName(_ log: borrowing DiagnosticLog) -> String {
        let known = MapBackEnds.all.compiledTypes.compactMap(\.compiledExtension)
        guard let end = known.first(where: { base.hasSuffix($0) && base != $0 }) else { return base }
        let name = String(base.utf8.dropLast(end.utf8.count)) ?? base
        // `.db` alone is the name of a hidden file.
        guard name.utf8.last != UInt8(ascii: "/") else { return base }
        log.say(
            "\(base): BASE is taken without \(end): the database is \(name)\(type.type.compiledExtension ?? "")",
            .notice)
        return name
    }

    /// Knows what the entries are for: from the relation's name, or from the line of dbases.conf that has the same file.
    ///
    /// - Parameters:
    ///   - job: the database that is written.
    ///   - base: the same without its extension.
    /// - Throws: the exit status where that is a live map.
    private func judge(
        of job: String, base: String, _ log: borrowing DiagnosticLog
    ) throws -> RelationJudge? {
        let databases: DatabasesConf?
        do {
            databases = try LoggedSite(options: site).databases
        } catch {
            // makedb serves without a site, too.
            guard site.config == nil, site.dbases == nil else {
                log.say(error)
                throw ExitCode(unusableConfiguration: error)
            }
            databases = nil
        }
        // Where the directory cannot be examined, nothing is written either.
        let location = try? FileLocation(job)
        let live = databases?.definitions.first { definition in
            guard definition.environmentFile != nil, let file = definition.tablePath else { return false }
            return location != nil && (try? FileLocation(file)) == location
        }
        if let live {
            log.say(
                "\(job): is a live map, which lives in an environment (\(live.file):\(live.line)): what its users have put in"
                    + " would be lost; fill it with zroute db load \(live.relation)")
            throw ExitCode.usage
        }
        guard let relation else {
            let path = absolutePath(base)
            return databases?.definitions.first { $0.path == path && $0.type.compiledExtension != nil }
                .flatMap { RelationJudge($0) }
        }
        if let definition = databases?.definitions(of: relation).first { return RelationJudge(definition) }
        var flags = RelationFlags()
        flags.folding = foldsUpper ? .upper : .lower
        flags.substitutes = relation != RelationName.aliases.rawValue
        // A domain is looked for by its suffixes.
        flags.driver = [RelationName.routesdb, .thishost].contains { $0.rawValue == relation } ? .pathalias : .none
        guard let judge = RelationJudge(relation: relation, flags: flags) else {
            log.say("--relation: '\(relation)' is no relation of the chain; name one, or leave the option out")
            throw ExitCode.usage
        }
        return judge
    }

    private func readSource(base: String, _ log: borrowing DiagnosticLog) throws -> CompileJob.Source {
        let path = input ?? base
        guard path == "-" else {
            do {
                _ = try FileIdentity(path: path)
            } catch {
                log.say(error, rest: "; \(error.sourceRemedy)")
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

/// The types of dbases.conf that sources are compiled into.
struct CompiledTypeName: KeywordOption {
    let type: MapType

    static var choices: [(word: String, choice: CompiledTypeName)] {
        MapBackEnds.all.compiledTypes.map { ($0.name, CompiledTypeName(type: $0)) }
    }
}
