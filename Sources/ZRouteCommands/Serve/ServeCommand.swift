// `zroute serve`: answers for the whole chain to Postfix, Exim, Dovecot and whoever asks.

import ArgumentParser
import Configuration
import Delivery
import Maps
import Serve
import Service
import Site
import Spool
import System

/// Serves lookups until it is ended by a signal.
struct ServeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        subcommand: "serve",
        abstract: "Answer lookups of Postfix, Exim and Dovecot, and take mail by LMTP.",
        discussion: """
            Each --listen names a protocol and where it is spoken: PROTOCOL is socketmap, tcp-table/MAP, lines, dict, \
            http or lmtp; ENDPOINT is unix:PATH, HOST:PORT, :PORT (this host alone), *:PORT, systemd (the sockets that systemd \
            hands over) or systemd:NAME. docs/serve.md has the maps and the protocols.

            A key that is certainly absent, a lookup that failed, and a request that is none are three different \
            answers, in every protocol. Changed maps are noticed; SIGHUP rereads the configuration; SIGTERM ends the \
            server when all it was asked is answered.

            Examples:

              # Lookups for Postfix.
              zroute serve --listen socketmap=unix:/run/zroute-serve/socketmap
              # Take mail by LMTP, and deliver what had to be kept.
              zroute serve --listen lmtp=unix:/run/zroute-serve/lmtp --deliver
              # A page that shows the way of each address, for this host alone.
              zroute serve --listen http=127.0.0.1:8025
            """)

    @OptionGroup var site: SiteOptions
    @OptionGroup var transport: TransportOptions

    @Option(
        name: .customLong("listen"),
        help: ArgumentHelp("Speak this protocol there; any number of them.", valueName: "PROTOCOL=ENDPOINT"))
    var listeners: [ListenOption] = []

    @OptionGroup var sockets: SocketOptions

    @Option(
        help: ArgumentHelp(
            "Let the map 'transport' name this LMTP server, serve's own, for all it takes.",
            valueName: "unix:/path|host:port"))
    var transportTo: String?

    @Option(help: ArgumentHelp("The number of lookups that are answered at a time.", valueName: "number"))
    var workers: Int?

    @Option(help: ArgumentHelp("Write counts to this file, in Prometheus's text format.", valueName: "file"))
    var metrics: String?

    @OptionGroup var usage: UsageOption

    @Flag(help: "Route and deliver what is in the spool, as 'deliver --route --watch' does.")
    var deliver = false

    @Flag(help: "Log each answer.")
    var logAnswers = false

    func validate() throws {
        guard !listeners.isEmpty else {
            throw ValidationError(
                "Give at least one --listen PROTOCOL=ENDPOINT; PROTOCOL is \(ListenOption.protocols).")
        }
        if let workers, !(1...256).contains(workers) {
            throw ValidationError("--workers takes a number from 1 to 256.")
        }
        for listener in listeners {
            // A service has no directory of its own to begin at: where the socket would be depends on who starts it.
            if case .unix(let path) = listener.endpoint, !path.hasPrefix("/") {
                throw ValidationError("--listen \(listener.name): the path of a socket begins with a slash: '\(path)'.")
            }
            guard case .front = listener.spoken, let lmtp = transport.lmtp, case .unix(let path) = listener.endpoint,
                case .unix(let store)? = Endpoint(lmtp), store == path
            else { continue }
            throw ValidationError("--lmtp names the socket that --listen lmtp makes: mail would come back for ever.")
        }
        if let transportTo, ListeningEndpoint(transportTo) == nil {
            throw ValidationError("--transport-to is neither unix:/path nor host:port: '\(transportTo)'.")
        }
    }

    /// Whether mail is taken, and not only asked about.
    var takesMail: Bool { listeners.contains { if case .front = $0.spoken { true } else { false } } }

    func run() throws {
        let form = site.log.timedForm
        // Before any thread is started.
        let life = ServiceLife(takesReload: true, log: form)
        let configuration = try read(form)
        configuration.site.warn()
        try requireMaps(configuration)
        try usage.begin(form)
        let postOffice = try openSpool(configuration, form)
        let delivery = try makeDelivery(configuration, postOffice, life, form)
        let log = DiagnosticLog(form)
        do throws(FileError) {
            let sockets = try ServedSockets(listeners, sockets.permissions)
            let lookups = try LookupServer(
                sockets.lookups, service: configuration.service(),
                limits: ServedSockets.limits(workers: workers ?? onlineProcessors()),
                log: AnswerLog(form, saysEach: logAnswers).add)
            let front = try makeFront(sockets.front, configuration, postOffice, lookups, form)
            if let front { lookups.showMetrics { front.metricsText } }
            log.say(configuration.effect(listeners).event("start"))
            var service = ServeService(
                lookups: lookups, front: front, delivery: delivery, metrics: metrics.map(MetricsFile.init), life: life,
                log: form
            ) {
                let configuration = try ServedConfiguration(self, log: form)
                configuration.site.warn()
                lookups.use(configuration.service())
                if let plan = configuration.plan { front?.reload(plan: plan) }
                return configuration.effect(listeners)
            }
            life.run(&service)
            usage.keeper?.finish(form)
        } catch {
            log.say(error)
            throw ExitCode(unusableSocket: error)
        }
    }

    /// Refuses listeners for maps that there are not: each of their answers would be a failure.
    private func requireMaps(_ configuration: ServedConfiguration) throws {
        let maps = configuration.maps
        for listener in listeners {
            guard case .lookups(_, let map?) = listener.spoken, maps.map(named: Array(map.utf8).span) == nil else {
                continue
            }
            DiagnosticLog(site.log.timedForm).say(
                "--listen \(listener.name): there is no map '\(map)'\(suggestion(for: map, among: maps.names)); there are"
                    + " \(maps.names.joined(separator: ", "))")
            throw ExitCode.usage
        }
    }

    /// The spool that the front puts mail into, or whose mail is delivered; nil where there is none to be.
    private func openSpool(_ configuration: ServedConfiguration, _ form: LogForm) throws -> PostOffice? {
        let settings = configuration.site.settings
        guard deliver || takesMail && settings.postOffice != nil else { return nil }
        return deliver
            ? try SpoolAccess.openForDelivery(settings, DiagnosticLog(form))
            : try SpoolAccess.open(settings, DiagnosticLog(form))
    }

    private func makeDelivery(
        _ configuration: ServedConfiguration, _ postOffice: PostOffice?, _ life: ServiceLife, _ form: LogForm
    ) throws -> DeliverService? {
        guard deliver, let postOffice, let plan = configuration.plan else { return nil }
        let run = DeliverSpoolRun(
            postOffice: postOffice, settings: configuration.site.settings, site: configuration.site, plan: plan,
            form: form, workers: 32, metricsPath: nil)
        return try run.makeService(life) {
            let configuration = try ServedConfiguration(self, log: form)
            guard let plan = configuration.plan else { throw configuration.withoutPlan }
            return DeliverService.Configuration(
                settings: configuration.site.settings, plan: plan, site: configuration.site)
        }
    }

    private func makeFront(
        _ sockets: [ListeningSocket], _ configuration: ServedConfiguration, _ postOffice: PostOffice?,
        _ lookups: LookupServer, _ form: LogForm
    ) throws(FileError) -> FrontServer? {
        guard !sockets.isEmpty, let plan = configuration.plan else { return nil }
        return try FrontServer(
            sockets: sockets, plan: plan, settings: FrontSettings(host: configuration.site.settings.hostname),
            spool: postOffice,
            resolve: { address, request, completion in
                lookups.resolve(address, request, completion: completion)
            },
            report: { DiagnosticLog(form).say($0, .warning) })
    }

    private func read(_ form: LogForm) throws -> ServedConfiguration {
        do {
            return try ServedConfiguration(self, log: form)
        } catch {
            DiagnosticLog(form).say(error)
            throw ExitCode(unusableConfiguration: error)
        }
    }
}
