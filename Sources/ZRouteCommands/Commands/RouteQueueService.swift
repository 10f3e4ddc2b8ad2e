// `route-queue --watch`: routes what comes in until it is told to end, and reads its configuration anew when asked to.

import Batch
import Files
import ServiceManagement
import Spool

/// Routing as a service.
struct RouteQueueService {
    let postOffice: PostOffice
    let log: RouteQueueLog
    let signals: RunSignals
    let watchdog: Watchdog
    /// Reads the configuration.
    let readSite: () throws -> Site
    /// Makes the engine for it.
    let makeRouting: (Site) -> SpoolRouting

    /// Between two looks whether the spool is in its place, in milliseconds.
    private static let placePause = 2000

    /// Serves until SIGTERM or SIGINT; SIGHUP asks for the configuration to be read anew.
    func serve(_ site: Site) {
        log.say(effect(site).event("start"))
        let watch = SpoolAccess.watch(postOffice) { log.say($0) }
        log.say { () throws(FileError) in try postOffice.recover() }
        var routing = makeRouting(site)
        var service = routing.service()
        var texts = routing.watchTexts()
        defer { texts?.stop() }
        var place = SpoolPlace(postOffice)
        let hooks = SpoolRun.Hooks(report: log.add, shouldStop: { [signals] in signals.isTerminationPending })
        ServiceManager.notify("READY=1\nSTATUS=routing")
        while true {
            let isInPlace = place.look(isIdle: true) { change in
                tell(change)
                guard case .back = change else { return }
                // It may be another spool.
                follow(watch)
                service = routing.service()
            }
            if isInPlace {
                service.round(
                    hooks: hooks, refused: { log.say($0, in: postOffice.path) }, failed: { log.say($0) })
            }
            watchdog.feed()
            switch signals.wait(milliseconds: patience(isInPlace && watch != nil ? service.patience : nil)) {
            case .termination:
                ServiceManager.notify("STOPPING=1")
                log.say(.service("stop", "route-queue"))
                return routing.close()
            case .reload:
                ServiceManager.notify("RELOADING=1\nMONOTONIC_USEC=\(MonotonicTime.coarse().nanoseconds / 1000)")
                if let site = readAnew() {
                    texts?.stop()
                    routing.close()
                    routing = makeRouting(site)
                    service = routing.service()
                    texts = routing.watchTexts()
                }
                ServiceManager.notify("READY=1")
            case .input: watch?.takeEvents()
            case .timeout: break
            }
        }
    }

    /// How long it may wait, in milliseconds.
    private func patience(_ service: Int?) -> Int {
        let feeding = watchdog.interval.map { max($0 / 4_000_000, 1) } ?? .max
        return min(service ?? SpoolAccess.pollingPause, Self.placePause, feeding)
    }

    /// The configuration as it is now; nil, after saying why, where the old one stands.
    private func readAnew() -> Site? {
        do {
            let site = try readSite()
            try SpoolAccess.warnOfOtherSpool(site.settings, than: postOffice) { log.say($0) }
            site.warn()
            log.say(effect(site).event("reload"))
            return site
        } catch {
            log.say(Diagnosis(error, rest: "; the old configuration stands"))
            return nil
        }
    }

    private func effect(_ site: Site) -> ServiceEffect {
        ServiceEffect("route-queue", site.settings, postOffice, site.databases)
    }

    private func tell(_ change: SpoolPlace.Change) {
        log.say(Diagnosis(change.description(of: postOffice), .warning, file: postOffice.path))
    }

    /// Begins anew in the spool that is at its path now.
    private func follow(_ watch: SubmissionWatch?) {
        log.say { () throws(FileError) in try postOffice.recover() }
        do throws(FileError) {
            try watch?.follow()
        } catch {
            log.say(error)
        }
    }
}
