// `zroute deliver`: from the spool, once or as a service, or one message from standard input.

import ArgumentParser
import Configuration
import Delivery
import Glibc
import Maps
import Service
import Site
import Spool
import Synchronization
import System

/// Delivers what is routed.
struct DeliverCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        subcommand: "deliver",
        abstract: "Deliver mail from the spool, or one message at once.",
        discussion: """
            With --once, every message of $POSTOFFICE/transport that is due is tried once; with --watch, that goes on \
            until SIGTERM. With --route, what waits in $POSTOFFICE/router is routed before, as route-queue does it, and \
            delivered as it comes into place. With --to, the message on standard input is routed and delivered at once.

            The exit status of --once is 0 even if recipients wait to be tried again, 74 if the results cannot be \
            written, 75 if something in the spool cannot be read or written, and 78 if the configuration does not say \
            how to serve a recipient; with --route it is that of route-queue (but for 67) where that is worse. The exit \
            status of --to says what became of the message: 0 if it was accepted, 67 if every recipient failed for good, \
            75 if it should be tried again.

            Servers are those of scheduler.conf, or one for all LMTP channels (smtp-lmtp*, local) with --lmtp.
            """)

    @OptionGroup var site: SiteOptions
    @OptionGroup var transport: TransportOptions

    @Flag(help: "Try every message that is due once.")
    var once = false

    @Flag(help: "Keep delivering until SIGTERM; SIGHUP rereads the configuration.")
    var watch = false

    @Flag(name: .customLong("route"), help: "Route what was submitted first.")
    var routes = false

    @Flag(name: .customLong("now"), help: "Try also what is not due yet.")
    var ignoresSchedule = false

    @Option(help: "How many messages are under way to one server at a time.")
    var workers = 32

    @Option(help: ArgumentHelp("Write counts to this file, in Prometheus's text format.", valueName: "file"))
    var metrics: String?

    // The word after either is an address, whatever it begins with: a hyphen is a letter of a local part (RFC 5322 3.2.3),
    // and an MTA's pipe passes what its clients said.
    @Option(
        name: .customLong("from"), parsing: .unconditional,
        help: ArgumentHelp("The sender; empty, or <>, for none.", valueName: "address"))
    var sender: String?

    @Option(
        name: .customLong("to"), parsing: .unconditionalSingleValue,
        help: ArgumentHelp("A recipient of the message.", valueName: "address"))
    var recipients: [String] = []

    @Flag(name: .customLong("local"), help: "The message comes from here; recipients are judged all the same.")
    var isLocal = false

    @Flag(name: .customLong("ignore-quota"), help: "Ask a Cyrus store to deliver past the quota (IGNOREQUOTA).")
    var ignoresQuota = false

    func validate() throws {
        let isDirect = sender != nil || !recipients.isEmpty
        guard [once, watch, isDirect].filter({ $0 }).count == 1 else {
            throw ValidationError("Give one of --once, --watch, or --from and --to.")
        }
        guard !(isDirect && routes) else { throw ValidationError("--to routes by itself: --route is for the spool.") }
        if isDirect, sender == nil || recipients.isEmpty {
            throw ValidationError("Direct delivery needs --from and at least one --to.")
        }
        guard isDirect || !ignoresQuota else { throw ValidationError("--ignore-quota goes with --from and --to.") }
        guard (1...1000).contains(workers) else { throw ValidationError("--workers is a number from 1 to 1000.") }
    }

    func run() throws {
        // A reader of the results that goes away must not end a delivery in the middle: writing to it fails instead.
        _ = signal(SIGPIPE, SIG_IGN)
        if watch { DeliveryService.blockSignals() }
        // Whoever hands over one message waits for the answer; of the others people read later.
        let form = sender == nil ? self.site.log.timedForm : self.site.log.form
        do {
            let settings = try self.site.settings()
            let plan = try transport.plan(self.site, settings: settings, log: form)
            // Maps are for routing alone.
            let site = routes || sender != nil ? try LoggedSite(options: self.site, log: form) : nil
            if let site {
                site.warn()
            } else {
                settings.findings.forEach { DiagnosticLog(form).say(Diagnosis(finding: $0)) }
            }
            if let sender, let site {
                let delivery = DirectDeliveryRun(
                    site: site, plan: plan, ignoresQuota: ignoresQuota)
                throw try delivery.run(sender: sender, recipients: recipients)
            }
            let status = try deliverSpool(settings, site, plan, form)
            if status != .ok { throw status }
        } catch let error as ConfigurationError {
            DiagnosticLog(form).say(error)
            throw ExitCode(unusableConfiguration: error)
        }
    }

    private func deliverSpool(
        _ settings: Settings, _ site: LoggedSite?, _ plan: DeliveryPlan, _ form: LogForm
    ) throws -> ExitCode {
        let postOffice = try SpoolAccess.open(settings, DiagnosticLog(form))
        do {
            try postOffice.completeRemovals()
        } catch {
            DiagnosticLog(form).say(error)
            throw ExitCode.tryAgain
        }
        // Before any thread is started. A service takes the signals itself.
        let signals = watch ? nil : TerminationSignals()
        guard SpoolAccess.hasFreeFiles(12) else {
            DiagnosticLog(form).say("too few files may be open for connections; raise the limit (ulimit -n)")
            throw ExitCode.tryAgain
        }
        let turn = OutputLock()
        let watchdog = Watchdog()
        let log = DeliveryLog(form, watch ? .events : .results, turn: turn)
        let pool = ConnectionPool()
        let environment = DeliveryEnvironment(
            postOffice: postOffice, plan: plan, pool: pool, hostname: settings.hostnameBytes,
            log: { log.record($0) })
        let file = metrics.map {
            DeliverMetricsFile(path: $0, postOffice: postOffice, deliveries: environment.metrics, log: form)
        }
        let routing = site.map {
            DeliverRouting(
                $0, postOffice, form: form, lookups: file?.lookups, turn: turn, watchdog: watchdog, isService: watch)
        }
        if watch {
            log.say(ServiceEffect("deliver", settings, postOffice, site?.databases, plan).event("start"))
            let hooks = DeliveryService.Hooks(
                watchdog: watchdog, reload: reloader(routing, postOffice, form),
                beforeRound: { routing?.round(deliver: $0) },
                afterRound: {
                    log.flush()
                    file?.write()
                })
            let submissions = routing == nil ? nil : SpoolAccess.watch(postOffice) { DiagnosticLog(form).say($0) }
            DeliveryService(
                environment, workers: workers, openLimit: SpoolAccess.openLimit, submissions: submissions, hooks: hooks
            ).serve()
            log.say(.service("stop", "deliver"))
        } else {
            let run = DeliveryRun(
                workers: workers, keepsResults: false, openLimit: SpoolAccess.openLimit,
                patience: TimeSpan(seconds: 60))
            let worker = MessageWorker(environment, ignoresSchedule: ignoresSchedule)
            // Each message is tried once: those that are delivered while others are routed are not for the list after it.
            let begun = Mutex<Set<MessageName>>([])
            if let routing {
                // Whoever dies inside an environment breaks it for all: a signal waits until routing is done.
                routing.pass(shouldStop: { signals?.isPending ?? false }) { routed in
                    let taken = run.add(routed, worker)
                    begun.withLock { $0.formUnion(taken) }
                }
            }
            signals?.release()
            do {
                let names = try postOffice.messages().names
                run.add(begun.withLock { begun in names.filter { !begun.contains($0) } }, worker)
            } catch {
                log.say(Diagnosis(error))
                throw ExitCode.tryAgain
            }
            run.wait()
            run.drain()
            log.flush()
            file?.write()
        }
        let routed = routing?.finish() ?? .ok
        pool.shutDown()
        let status = log.finish().worse(routed)
        // A service was asked to end: what its log told of while it ran is no failure of that.
        return watch ? .ok : status
    }

    /// Reads all configuration anew, that of routing too; where any of it cannot be used, all of the old stands.
    private func reloader(
        _ routing: DeliverRouting?, _ postOffice: PostOffice, _ form: LogForm
    ) -> @Sendable () -> DeliveryPlan? {
        { [siteOptions = site, transport] in
            do {
                let settings = try siteOptions.settings()
                let plan = try transport.plan(siteOptions, settings: settings, log: form)
                try SpoolAccess.warnOfOtherSpool(settings, than: postOffice) { DiagnosticLog(form).say($0) }
                var databases: DatabasesConf?
                if let routing {
                    let site = try LoggedSite(options: siteOptions, log: form)
                    site.warn()
                    routing.use(site)
                    databases = site.databases
                }
                DiagnosticLog(form).say(ServiceEffect("deliver", settings, postOffice, databases, plan).event("reload"))
                return plan
            } catch {
                DiagnosticLog(form).say(error, rest: "; the old configuration stands")
                return nil
            }
        }
    }
}

// The options that say which servers deliver goes to.

/// scheduler.conf, or one server.
struct TransportOptions: ParsableArguments, Sendable {
    @Option(help: ArgumentHelp("Deliver all LMTP channels to this server.", valueName: "UNIX:/path|host:port"))
    var lmtp: String?

    @Option(
        name: .customLong("lmtp-options"), parsing: .unconditional,
        help: ArgumentHelp(
            "Options of the smtp command for that server, such as '-S FILE -A FILE'.", valueName: "options"))
    var lmtpOptions: String = ""

    @Option(help: "The most connections to that server.")
    var connections = DeliveryPlan.defaultConnections

    func validate() throws {
        guard lmtp != nil || lmtpOptions.isEmpty else {
            throw ValidationError(
                "--lmtp-options goes with --lmtp; other servers have their options in scheduler.conf.")
        }
        guard (1...10_000).contains(connections) else {
            throw ValidationError("--connections is a number from 1 to 10000.")
        }
        if let lmtp, Endpoint(lmtp) == nil {
            throw ValidationError("--lmtp is neither UNIX:/path nor host:port: '\(lmtp)'.")
        }
    }

    /// What is to be done for each channel and host.
    ///
    /// - Throws: `ConfigurationError`.
    func plan(_ site: SiteOptions, settings: Settings, log: LogForm) throws -> DeliveryPlan {
        if let endpoint = lmtp.flatMap({ Endpoint($0) }) {
            var parameters = SchedulerParameters()
            parameters.maximumPerEndpoint = connections
            return DeliveryPlan(
                .single(endpoint, options: lmtpOptions, parameters: parameters), settings: settings,
                report: { DiagnosticLog(log).say($0, .warning) })
        }
        guard let file = site.scheduler ?? settings.mailShare.map({ "\($0)/scheduler.conf" }) else {
            throw settings.missing(
                "MAILSHARE",
                "scheduler.conf, which names the servers, is looked for there; set it, name the file with --scheduler, or"
                    + " name one server with --lmtp UNIX:/path or --lmtp host:port")
        }
        let conf = try SchedulerConf(file: file)
        if let finding = conf.unsetVariable(settings.variables) { throw finding.configurationError }
        for finding in conf.findings { DiagnosticLog(log).say(Diagnosis(finding: finding)) }
        return DeliveryPlan(
            .scheduler(conf), settings: settings, report: { DiagnosticLog(log).say($0, .warning) })
    }
}
