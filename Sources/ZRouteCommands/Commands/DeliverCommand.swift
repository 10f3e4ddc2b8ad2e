// `zroute deliver`: from the spool, once or as a service, or one message from standard input.

import ArgumentParser
import Configuration
import Delivery
import Files
import Glibc
import Spool

/// Delivers what is routed.
struct DeliverCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        subcommand: "deliver",
        abstract: "Deliver mail from the spool, or one message at once.",
        discussion: """
            With --once, every message of $POSTOFFICE/transport that is due is tried once; with --watch, that goes on \
            until SIGTERM. With --route, what waits in $POSTOFFICE/router is routed before, as route-queue does it. With --to, the message on standard input is routed and delivered at once, and the exit status \
            says what became of it: 0 if it was accepted, 67 if every recipient failed for good, 75 if it should be tried \
            again.

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

    @Option(help: "How many messages are worked on at a time.")
    var workers = 32

    @Option(help: ArgumentHelp("Write counts to this file, in Prometheus's text format.", valueName: "file"))
    var metrics: String?

    @Option(name: .customLong("from"), help: ArgumentHelp("The sender; empty for none.", valueName: "address"))
    var sender: String?

    @Option(name: .customLong("to"), help: ArgumentHelp("A recipient of the message.", valueName: "address"))
    var recipients: [String] = []

    @Flag(name: .customLong("local"), help: "The message comes from here: recipients may be commands, files, includes.")
    var isLocal = false

    func validate() throws {
        let isDirect = sender != nil || !recipients.isEmpty
        guard [once, watch, isDirect].filter({ $0 }).count == 1 else {
            throw ValidationError("Give one of --once, --watch, or --from and --to.")
        }
        guard !(isDirect && routes) else { throw ValidationError("--to routes by itself: --route is for the spool.") }
        if isDirect, sender == nil || recipients.isEmpty {
            throw ValidationError("Direct delivery needs --from and at least one --to.")
        }
        guard (1...1000).contains(workers) else { throw ValidationError("--workers is a number from 1 to 1000.") }
    }

    func run() throws {
        // A reader of the results that goes away must not end a delivery in the middle: writing to it fails instead.
        _ = signal(SIGPIPE, SIG_IGN)
        if watch { DeliveryService.blockSignals() }
        let site: Site
        let plan: DeliveryPlan
        do {
            site = try Site(options: self.site)
            plan = try transport.plan(self.site, settings: site.settings)
        } catch {
            DiagnosticLog().say("\(error)")
            throw ExitCode.configuration
        }
        if let sender {
            let delivery = DirectDeliveryRun(site: site, plan: plan, isLocal: isLocal)
            throw try delivery.run(sender: sender, recipients: recipients)
        }
        let status = try deliverSpool(site, plan)
        if status != .ok { throw status }
    }

    private func deliverSpool(_ site: Site, _ plan: DeliveryPlan) throws -> ExitCode {
        guard let path = site.settings.postOffice else {
            DiagnosticLog().say("POSTOFFICE is not set: set it in zmailer.conf, or with --set POSTOFFICE=DIR")
            throw ExitCode.configuration
        }
        let postOffice: PostOffice
        do {
            postOffice = try PostOffice(path: path)
        } catch {
            DiagnosticLog().say("\(error)")
            throw ExitCode.tryAgain
        }
        let log = DeliveryLog(format: self.site.logFormat)
        let pool = ConnectionPool()
        let environment = DeliveryEnvironment(
            postOffice: postOffice, plan: plan, pool: pool, hostname: site.settings.hostnameBytes,
            log: { log.record($0) })
        let writeMetrics = metricsWriter(environment.metrics)
        let route = router(site, postOffice)
        if watch {
            let hooks = DeliveryService.Hooks(reload: reloader(), beforeRound: route, afterRound: writeMetrics)
            DeliveryService(environment, workers: workers, hooks: hooks).serve()
        } else {
            route()
            let run = DeliveryRun(workers: workers)
            do {
                run.add(try postOffice.messages().names, MessageWorker(environment, ignoresSchedule: ignoresSchedule))
            } catch {
                log.say("\(error)")
                throw ExitCode.tryAgain
            }
            run.wait()
            let left = run.takeResults().filter { $0.progress != .removed && $0.progress != .passedOver }.count
            run.drain()
            environment.metrics.set("zroute_queue_messages{queue=\"transport\"}", to: left)
            writeMetrics()
        }
        pool.shutDown()
        return log.hasTrouble ? .tryAgain : .ok
    }

    /// What routes the submissions that wait, where that is asked for.
    private func router(_ site: Site, _ postOffice: PostOffice) -> @Sendable () -> Void {
        guard routes else { return {} }
        let routing = SpoolRouting(site, postOffice)
        return { [format = self.site.logFormat] in
            let log = RouteQueueLog(format: format)
            do throws(FileError) {
                try routing.pass(log)
            } catch {
                log.say(error)
            }
            // What could not be routed is said, and stays where it is: the exit status is that of delivery.
            _ = log.finish()
        }
    }

    private func reloader() -> @Sendable () -> DeliveryPlan? {
        { [siteOptions = site, transport] in
            do {
                return try transport.plan(siteOptions, settings: Site(options: siteOptions).settings)
            } catch {
                DiagnosticLog().say("\(error); the old configuration stands")
                return nil
            }
        }
    }

    private func metricsWriter(_ counts: DeliveryMetrics) -> @Sendable () -> Void {
        { [metrics] in
            guard let metrics else { return }
            do {
                try counts.write(to: metrics)
            } catch {
                DiagnosticLog().say("\(error)")
            }
        }
    }
}
