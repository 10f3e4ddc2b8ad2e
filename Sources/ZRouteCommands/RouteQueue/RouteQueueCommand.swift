// `zroute route-queue`: submitted messages become routed ones.

import ArgumentParser
import Glibc
import QueueRouting
import Service
import Site
import Spool
import System

/// Routes the submissions of a spool.
struct RouteQueueCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        subcommand: "route-queue",
        abstract: "Route submitted messages into control files.",
        discussion: """
            Everything in $POSTOFFICE/router, or only the files named, is routed: the control file goes to transport, \
            the body to queue. What is no message goes to postman with the reason beside it. Recipients whose address \
            could not be looked up are held and tried again by later runs. Several runs may go over one spool at once.

            A line for each message and recipient goes to standard output.

            The exit status is 0 if everything was routed, 67 if a recipient has no route for good, 65 if a file was no \
            message, 66 if one is missing, 74 if the lines cannot be written, and 75 if something is to be tried again.

            Examples:

              # Route all that was submitted, and end.
              zroute route-queue --once
              # Stay, and route what comes in.
              zroute route-queue --watch
            """)

    @OptionGroup var site: SiteOptions

    @Flag(help: "Route what there is, and end (the default).")
    var once = false

    @Flag(help: "Stay, and route what comes in, until SIGTERM; SIGHUP rereads the configuration.")
    var watch = false

    @Option(help: ArgumentHelp("The number of workers.", valueName: "number"))
    var jobs = 8

    @Option(help: ArgumentHelp("The seconds before held recipients are first tried again.", valueName: "seconds"))
    var retryInterval: Int64 = 300

    @OptionGroup var usage: UsageOption

    @Argument(help: ArgumentHelp("Files of $POSTOFFICE/router; all unless named.", valueName: "file"))
    var files: [String] = []

    func validate() throws {
        guard !(once && watch) else { throw ValidationError("--once and --watch exclude each other.") }
        guard files.isEmpty || !watch else { throw ValidationError("--watch routes everything: name no files.") }
        guard (1...256).contains(jobs) else { throw ValidationError("--jobs takes a number from 1 to 256.") }
        guard retryInterval >= 0 else { throw ValidationError("--retry-interval takes seconds, not less than 0.") }
    }

    func run() throws {
        let form = self.site.log.timedForm
        // A reader of the log that goes away must not end the run in the middle of a batch: writing to it fails instead.
        _ = signal(SIGPIPE, SIG_IGN)
        // Before any thread is started.
        let life = watch ? ServiceLife(takesReload: true, log: form) : nil
        let site = try loadSite(form)
        site.warn()
        let postOffice = try SpoolAccess.open(site.settings, DiagnosticLog(form))
        try usage.begin(form)
        defer { usage.keeper?.finish(form) }
        if let life {
            serve(life, site, postOffice, form)
        } else {
            try routeOnce(site, postOffice, form)
        }
    }

    private func serve(_ life: ServiceLife, _ site: LoggedSite, _ postOffice: PostOffice, _ form: LogForm) {
        let log = RouteQueueLog(form, progress: life.progress)
        var service = RouteQueueService(site, postOffice, log, life) {
            let site = try LoggedSite(options: self.site, log: form, countingIn: usage.counts)
            try SpoolAccess.warnOfOtherSpool(site.settings, than: postOffice) { log.say($0) }
            site.warn()
            return site
        } makeRouting: {
            makeRouting($0, postOffice)
        }
        life.run(&service)
    }

    private func routeOnce(_ site: LoggedSite, _ postOffice: PostOffice, _ form: LogForm) throws {
        let signals = TerminationSignals()
        let log = RouteQueueLog(form)
        let routing = makeRouting(site, postOffice)
        do throws(FileError) {
            if files.isEmpty {
                try routing.pass(log, shouldStop: { signals.isPending })
            } else {
                let names = try SpoolAccess.submissions(named: files, in: postOffice) { log.sayMissing($0) }
                routing.route(names, log) { signals.isPending }
            }
        } catch {
            log.say(error)
        }
        routing.close()
        let status = log.finish()
        // A run that was cut short ends as the signal has it.
        signals.release()
        guard status == .ok else { throw status }
    }

    private func makeRouting(_ site: LoggedSite, _ postOffice: PostOffice) -> SpoolRouting {
        SpoolRouting(site, postOffice, jobs: jobs) { options in
            options.retry = RetryRule(interval: retryInterval)
            options.settling = watch ? 5 : 0
        }
    }

    private func loadSite(_ form: LogForm) throws -> LoggedSite {
        do {
            return try LoggedSite(options: site, log: form, countingIn: usage.counts)
        } catch {
            DiagnosticLog(form).say(error)
            throw ExitCode(unusableConfiguration: error)
        }
    }
}
