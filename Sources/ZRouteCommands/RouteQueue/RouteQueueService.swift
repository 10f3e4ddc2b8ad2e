// `route-queue --watch`: routes what comes in until it is told to end, and reads its configuration anew when asked to.

import QueueRouting
import Service
import Site
import Spool
import System

/// Routing as a service.
struct RouteQueueService: ServiceWork {
    let status = "routing"

    private let life: ServiceLife
    private let log: RouteQueueLog
    /// Reads the configuration.
    private let readSite: () throws -> LoggedSite
    /// Makes the engine for it.
    private let makeRouting: (LoggedSite) -> SpoolRouting
    private let hooks: SpoolRun.Hooks

    private var spool: WatchedSpool
    private var routing: SpoolRouting
    private var service: SpoolService
    private var texts: TextMapWatcher?

    /// Between two looks whether the spool is in its place.
    private static let placePause = Duration.seconds(2)

    /// Begins to route by a site, and says so.
    init(
        _ site: LoggedSite, _ postOffice: PostOffice, _ log: RouteQueueLog, _ life: ServiceLife,
        readSite: @escaping () throws -> LoggedSite, makeRouting: @escaping (LoggedSite) -> SpoolRouting
    ) {
        self.life = life
        self.log = log
        self.readSite = readSite
        self.makeRouting = makeRouting
        hooks = SpoolRun.Hooks(report: log.add, shouldStop: { life.isEnding })
        log.say(Self.effect(site, postOffice).event("start"))
        spool = WatchedSpool(postOffice, watchesSubmissions: true) { log.say($0) }
        log.say { () throws(FileError) in try postOffice.recover() }
        routing = makeRouting(site)
        service = routing.service()
        texts = routing.watchTexts()
    }

    var input: Int32? { spool.input }

    mutating func round() -> Duration {
        let place = spool.look(isIdle: true)
        if place == .another {
            log.say { () throws(FileError) in try spool.postOffice.recover() }
            service = routing.service()
        }
        if place != .away {
            let path = spool.postOffice.path
            service.round(hooks: hooks, refused: { log.say($0, in: path) }, failed: { log.say($0) })
        }
        life.progress.note()
        guard place != .away, input != nil else { return SpoolAccess.pollingPause }
        return min(service.patience, Self.placePause)
    }

    mutating func reload() {
        guard let site = readAnew(say: { log.say($0) }, readSite) else { return }
        log.say(Self.effect(site, spool.postOffice).event("reload"))
        texts?.stop()
        routing.close()
        routing = makeRouting(site)
        service = routing.service()
        texts = routing.watchTexts()
    }

    mutating func drain() {
        log.say(.service("stop", "route-queue"))
        texts?.stop()
        routing.close()
        // It was asked to end: what its log told of while it ran is no failure of that.
        _ = log.finish()
    }

    private static func effect(_ site: LoggedSite, _ postOffice: PostOffice) -> ServiceEffect {
        ServiceEffect("route-queue", site.settings, postOffice, site.databases)
    }
}
