// `zroute convert maps`: the maps of a dbases.conf made maps of another type, with proof that every route stays.

import ArgumentParser
import Check
import Configuration
import Glibc
import Maps
import System

/// The commands that make a site of another kind, or of another mailer's files.
struct ConvertCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        subcommand: "convert",
        abstract: "Make maps of another type, or a site of another mailer's files.",
        discussion: """
            Nothing is put into effect before it is proved: what cannot be carried over is named (docs/convert.md).

            Examples:

              # Constant maps in the place of Berkeley DB.
              zroute convert maps cdb
              # A site out of a Postfix.
              zroute convert postfix /etc/postfix/main.cf newsite
            """,
        subcommands: [ConvertMapsCommand.self, ConvertPostfixCommand.self, ConvertAliasesCommand.self])
}

/// Makes maps of another type of those of a site.
struct ConvertMapsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "maps",
        abstract: "Make maps of another type of those of dbases.conf.",
        discussion: """
            Every map is copied into a file of the new type beside the old one. All keys of all maps are then asked for \
            before and after, as `zroute diff` does; where one route differs, nothing is changed. Last, while nobody can \
            change a live map, what was changed meanwhile is carried over, and dbases.conf is replaced; the old one is kept \
            beside it. The old files stay.

            Programs that have an old live map open go on to write there: that is carried over as long as --follow says. \
            They must be told the new file.

            For each map one line is printed: relation, number of entries, old and new file, separated by TABs.

            The exit status is 0 if all is done, 1 if a route differs, 65 if the new type cannot hold an entry, 73 if a \
            file cannot be written, 75 if a map could not be read or was changed meanwhile, 78 if dbases.conf cannot be used \
            or its lines cannot be converted; then every map is as it was.

            Examples:

              # What would be done?
              zroute convert maps lmdb --dry-run
              # The maps of one relation, now.
              zroute convert maps cdb fqdnroutes
            """)

    @OptionGroup var site: SiteOptions

    @Option(
        name: .customLong("env"),
        help: ArgumentHelp(
            "The description of the environment in which live maps of Berkeley DB are to live.", valueName: "file"))
    var environment: String?

    @Flag(name: .customLong("replace"), help: "Replace files that are there already, and that no line reads.")
    var replacesFiles = false

    @Flag(name: [.customShort("n"), .customLong("dry-run")], help: "Copy and compare, and change nothing.")
    var isDryRun = false

    @Option(
        help: ArgumentHelp(
            "When all is done, go on to carry over what programs still write into old live maps that they have open, until nobody has written there for so long; 0 for not at all.",
            valueName: "seconds"))
    var follow = 5

    @Option(help: "Use this many threads for each of the two sides.")
    var jobs: Int?

    @Argument(help: "The type that the maps are to have.")
    var type: ConvertedTypeName

    @Argument(help: "The relations whose maps are converted; all if none is named.")
    var relations: [String] = []

    func validate() throws {
        guard jobs.map((1...256).contains) ?? true else { throw ValidationError("--jobs must be from 1 to 256.") }
        guard 0...86_400 ~= follow else { throw ValidationError("--follow must be from 0 to 86400 seconds.") }
    }

    func run() throws {
        let log = DiagnosticLog(site.log.form)
        let lock = try DatabasesConfLock.take(site, log)
        let opened: LoggedSite
        do {
            opened = try LoggedSite(options: site)
        } catch {
            log.say(error)
            throw ExitCode(unusableConfiguration: error)
        }
        var wish = ConversionPlan.Wish(type.type)
        wish.relations = relations
        wish.environmentFile = environment.map { absolutePath($0) }
        wish.replacesFiles = replacesFiles
        let plan = ConversionPlan(opened.base, wish)
        for error in plan.mistakes { log.say(error) }
        guard plan.mistakes.isEmpty else { throw ExitCode.configuration }
        let report = MapConversionReport(plan, site.log.form)
        guard !plan.conversions.isEmpty else {
            report.sayUnconverted()
            log.say("nothing is to be converted", .notice)
            return
        }
        try convert(plan, opened, report)
        lock.unlock()
    }

    private func convert(_ plan: ConversionPlan, _ opened: LoggedSite, _ report: MapConversionReport) throws {
        signal(SIGPIPE, SIG_IGN)
        let signals = TerminationSignals()
        defer { signals.release() }
        let compiler = MapCompiler()
        let progress = ProgressLine(title: "convert", unit: "entries and addresses")
        let form = site.log.form
        var differences = DiffSummary(old: "as it is", new: "converted")
        var conversion = SiteConversion(
            plan, compiler: compiler, workers: jobs ?? min(onlineProcessors(), 8),
            observer: { conversion in
                DbWatchdog(
                    "map \(conversion.old.tableName)", "what stores it hangs", opened, signals, form)
            },
            report: { differences.add($0) },
            progress: { _, count in
                progress.show(count)
                return !signals.isPending
            })
        do {
            let asked = try conversion.prepare()
            let kept = isDryRun ? nil : try conversion.commit()
            progress.clear()
            try report.finish(conversion.copies, asked: asked, keptConfiguration: kept)
            guard kept != nil, follow > 0 else { return }
            let late = try conversion.follow(quietFor: .seconds(follow)) {
                usleep(250_000)
                return !signals.isPending
            }
            report.sayLate(late.carried, late.conflicts)
        } catch let failure as ConversionFailure {
            progress.clear()
            compiler.discard()
            throw report.say(failure, differences)
        }
    }
}
