// `zroute route-queue`: submitted messages become routed ones.

import ArgumentParser
import Batch
import Files
import Glibc
import Maps
import Spool

/// Routes the submissions of a spool.
struct RouteQueueCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "route-queue",
        abstract: "Route submitted messages into control files.",
        discussion: """
            Everything in $POSTOFFICE/router, or only the files named, is routed: the control file goes to transport, \
            the body to queue. What is no message goes to postman with the reason beside it. Recipients whose address \
            could not be looked up are held and tried again by later runs. Several runs may go over one spool at once.

            A line for each message and recipient goes to standard output.

            The exit status is 0 if everything was routed, 67 if a recipient has no route for good, 65 if a file was no \
            message, 66 if one is missing, and 75 if something is to be tried again.
            """)

    @OptionGroup var site: SiteOptions

    @Flag(help: "Route what there is, and end (the default).")
    var once = false

    @Flag(help: "Stay, and route what comes in, until SIGTERM.")
    var watch = false

    @Option(help: ArgumentHelp("The number of workers.", valueName: "number"))
    var jobs = 4

    @Option(help: ArgumentHelp("The seconds before held recipients are first tried again.", valueName: "seconds"))
    var retryInterval: Int64 = 300

    @Argument(help: ArgumentHelp("Files of $POSTOFFICE/router; all unless named.", valueName: "file"))
    var files: [String] = []

    func validate() throws {
        guard !(once && watch) else { throw ValidationError("--once and --watch exclude each other.") }
        guard files.isEmpty || !watch else { throw ValidationError("--watch routes everything: name no files.") }
        guard (1...256).contains(jobs) else { throw ValidationError("--jobs takes a number from 1 to 256.") }
        guard retryInterval >= 0 else { throw ValidationError("--retry-interval takes seconds, not less than 0.") }
    }

    func run() throws {
        let site = try loadSite()
        let postOffice = try SpoolAccess.open(site.settings)
        // A reader of the log that goes away must not end the run in the middle of a batch: writing to it fails instead.
        _ = signal(SIGPIPE, SIG_IGN)
        let signals = RunSignals()
        let log = RouteQueueLog(format: self.site.logFormat)
        var options = SpoolRunOptions()
        options.jobs = jobs
        options.batchSize = SpoolAccess.batchSize(jobs: jobs)
        options.retry = RetryRule(interval: retryInterval)
        options.settling = watch ? 5 : 0
        let texts = site.makeTextLoader { DiagnosticLog().say("\($0)") }
        let health = site.makeHealth()
        let run = SpoolRun(postOffice, site: BatchSite(site.settings), options: options) {
            SupervisedRouter(health: health) { site.makeResolver(texts: texts, watch: $0) }
        }
        let hooks = SpoolRun.Hooks(report: log.add, shouldStop: { signals.isTerminationPending })
        do throws(FileError) {
            if watch {
                let watch = try SpoolWatch(postOffice: postOffice.path, signals: signals)
                log.say(try postOffice.recover())
                SpoolService(postOffice, run: run, watch: watch).run(
                    hooks: hooks, refused: { log.say($0, in: postOffice.path) }, failed: { log.say($0) })
            } else if files.isEmpty {
                log.say(try postOffice.recover())
                try run.retryHeld(hooks: hooks)
                let listing = try postOffice.submissions()
                for entry in listing.refused { log.say(entry, in: postOffice.path) }
                log.begin(listing.names.count)
                run.route(listing.names, hooks: hooks)
            } else {
                let names = try SpoolAccess.submissions(named: files, in: postOffice) { log.sayMissing($0) }
                log.begin(names.count)
                run.route(names, hooks: hooks)
            }
        } catch {
            log.say(error)
        }
        let status = log.finish()
        guard watch || status == .ok else { throw status }
    }

    private func loadSite() throws -> Site {
        do {
            return try Site(options: site)
        } catch {
            DiagnosticLog().say("\(error)")
            throw ExitCode.configuration
        }
    }
}
