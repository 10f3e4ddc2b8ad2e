// `deliver --watch`: routes where it was told to, and delivers, until it is told to end; it reads its configuration anew when
// asked to.

import Configuration
import Delivery
import Service
import Site
import Spool
import System

/// Delivery as a service.
struct DeliverService: ServiceWork {
    /// What a service that delivers is configured by.
    struct Configuration {
        let settings: Settings
        let plan: DeliveryPlan
        /// Of routing; nil where the service does not route.
        let site: LoggedSite?
    }

    let status = "delivering"

    private let life: ServiceLife
    private let log: DeliveryLog
    private let metrics: DeliverMetricsFile?
    private let routing: DeliverRouting?
    /// Reads all configuration.
    private let read: () throws -> Configuration
    /// Frees what it works with.
    private let close: () -> Void

    private var spool: WatchedSpool
    private var delivery: DeliveryService

    /// Begins to deliver, and says so.
    init(
        _ configuration: Configuration, _ postOffice: PostOffice, _ delivery: DeliveryService,
        _ routing: DeliverRouting?, _ log: DeliveryLog, _ metrics: DeliverMetricsFile?, _ life: ServiceLife,
        read: @escaping () throws -> Configuration, close: @escaping () -> Void
    ) {
        self.life = life
        self.log = log
        self.metrics = metrics
        self.routing = routing
        self.read = read
        self.close = close
        self.delivery = delivery
        log.say(configuration.effect(postOffice).event("start"))
        spool = WatchedSpool(postOffice, watchesSubmissions: routing != nil) { log.say($0) }
    }

    var input: Int32? { spool.input }

    mutating func round() -> Duration {
        let place = spool.look(isIdle: delivery.isIdle)
        if place == .another { beginAnew() }
        if place == .away {
            write()
        } else {
            routing?.round(deliver: delivery.deliver)
            if delivery.round() { write() }
        }
        life.progress.note()
        return place == .away ? SpoolAccess.pollingPause : delivery.patience
    }

    private mutating func beginAnew() {
        delivery.beginAnew()
        do throws(FileError) {
            try spool.postOffice.completeRemovals()
        } catch {
            log.say(Diagnosis(error))
        }
    }

    /// Writes what is held back of the log, and the counts.
    private func write() {
        log.flush()
        metrics?.write()
    }

    /// Where any of the configuration cannot be used, all of the old stands.
    mutating func reload() {
        let configuration = readAnew(say: { log.say($0) }) {
            let configuration = try read()
            try SpoolAccess.warnOfOtherSpool(configuration.settings, than: spool.postOffice) { log.say($0) }
            return configuration
        }
        guard let configuration else { return }
        if let site = configuration.site {
            site.warn()
            routing?.use(site)
        }
        log.say(configuration.effect(spool.postOffice).event("reload"))
        delivery.use(configuration.plan)
    }

    mutating func drain() {
        log.say(.service("stop", "deliver"))
        delivery.drain()
        write()
        close()
    }
}

extension DeliverService.Configuration {
    /// What is in effect, for the log.
    fileprivate func effect(_ postOffice: PostOffice) -> ServiceEffect {
        ServiceEffect("deliver", settings, postOffice, site?.databases, plan)
    }
}
