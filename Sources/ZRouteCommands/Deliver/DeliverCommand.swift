// `zroute deliver`: from the spool, once or as a service, or one message from standard input.

import ArgumentParser
import Configuration
import Delivery
import Glibc
import Service
import Site
import Spool
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

            Examples:

              # Route and deliver the spool once, or as a service.
              zroute deliver --route --once
              zroute deliver --route --watch
              # One message at once, as the pipe of a mail server does.
              zroute deliver --from a@x.example --to b@y.example < message
              # To one store, without scheduler.conf.
              zroute deliver --once --lmtp UNIX:/run/dovecot/lmtp
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

    @OptionGroup var usage: UsageOption

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
        guard routes || usage.keeper == nil else { throw ValidationError("--usage goes with --route.") }
        guard (1...1000).contains(workers) else { throw ValidationError("--workers is a number from 1 to 1000.") }
    }

    func run() throws {
        // A reader of the results that goes away must not end a delivery in the middle: writing to it fails instead.
        _ = signal(SIGPIPE, SIG_IGN)
        // Whoever hands over one message waits for the answer; of the others people read later.
        let form = sender == nil ? self.site.log.timedForm : self.site.log.form
        // Before any thread is started.
        let life = watch ? ServiceLife(takesReload: true, log: form) : nil
        do {
            let settings = try self.site.settings()
            let plan = try transport.plan(self.site, settings: settings, log: form)
            // Maps are for routing alone.
            let site =
                routes || sender != nil
                ? try LoggedSite(options: self.site, log: form, countingIn: usage.counts) : nil
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
            try usage.begin(form)
            defer { usage.keeper?.finish(form) }
            let run = DeliverSpoolRun(
                postOffice: try SpoolAccess.openForDelivery(settings, DiagnosticLog(form)), settings: settings,
                site: site, plan: plan, form: form,
                workers: workers, metricsPath: metrics)
            if let life {
                var service = try run.makeService(life) { try readSettings(isRouting: site != nil, form) }
                life.run(&service)
            } else {
                let status = try run.deliverOnce(ignoresSchedule: ignoresSchedule)
                if status != .ok { throw status }
            }
        } catch let error as ConfigurationError {
            DiagnosticLog(form).say(error)
            throw ExitCode(unusableConfiguration: error)
        }
    }

    /// Reads all configuration, that of routing too.
    private func readSettings(isRouting: Bool, _ form: LogForm) throws -> DeliverService.Configuration {
        let settings = try site.settings()
        return DeliverService.Configuration(
            settings: settings, plan: try transport.plan(site, settings: settings, log: form),
            site: isRouting ? try LoggedSite(options: site, log: form, countingIn: usage.counts) : nil)
    }
}
