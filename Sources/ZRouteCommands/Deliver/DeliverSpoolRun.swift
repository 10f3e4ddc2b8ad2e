// `deliver` over a spool, once or as a service: what both are made of, and how they end.

import ArgumentParser
import Configuration
import Delivery
import Service
import Site
import Spool
import Synchronization
import System

/// A spool's delivery.
struct DeliverSpoolRun {
    let postOffice: PostOffice
    let settings: Settings
    /// What is routed by; nil where nothing is to be routed.
    let site: LoggedSite?
    let plan: DeliveryPlan
    let form: LogForm
    /// How many messages are under way to one server at a time.
    let workers: Int
    /// Where counts are written; nil where nobody wants them.
    let metricsPath: String?

    /// What a run works with.
    private struct Parts {
        let log: DeliveryLog
        let environment: DeliveryEnvironment
        let metrics: DeliverMetricsFile?
        let routing: DeliverRouting?
    }

    private func makeParts(_ output: DeliveryLog.Output, _ life: ServiceLife?) throws(ExitCode) -> Parts {
        guard SpoolAccess.hasFreeFiles(12) else {
            DiagnosticLog(form).say("too few files may be open for connections; raise the limit (ulimit -n)")
            throw .tryAgain
        }
        let turn = OutputLock()
        let log = DeliveryLog(form, output, turn: turn)
        let environment = DeliveryEnvironment(
            postOffice: postOffice, plan: plan, pool: ConnectionPool(), hostname: settings.hostnameBytes,
            log: { log.record($0) })
        let metrics = metricsPath.map {
            DeliverMetricsFile(path: $0, postOffice: postOffice, deliveries: environment.metrics, log: form)
        }
        let routing = site.map {
            DeliverRouting($0, postOffice, form: form, lookups: metrics?.lookups, turn: turn, life: life)
        }
        return Parts(log: log, environment: environment, metrics: metrics, routing: routing)
    }

    /// Delivery as a service, which has begun.
    ///
    /// - Parameter read: reads the configuration.
    /// - Throws: the exit status where it cannot begin.
    func makeService(
        _ life: ServiceLife, read: @escaping () throws -> DeliverService.Configuration
    ) throws(ExitCode) -> DeliverService {
        let parts = try makeParts(.events, life)
        return DeliverService(
            DeliverService.Configuration(settings: settings, plan: plan, site: site), postOffice,
            DeliveryService(parts.environment, workers: workers, openLimit: SpoolAccess.openLimit), parts.routing,
            parts.log, parts.metrics, life, read: read,
            // It was asked to end: what its log told of while it ran is no failure of that.
            close: { _ = finish(parts) })
    }

    /// Tries each message once.
    ///
    /// - Returns: the exit status.
    func deliverOnce(ignoresSchedule: Bool) throws(ExitCode) -> ExitCode {
        // Before any thread is started.
        let signals = TerminationSignals()
        let parts = try makeParts(.results, nil)
        let run = DeliveryRun(
            workers: workers, keepsResults: false, openLimit: SpoolAccess.openLimit, patience: TimeSpan(seconds: 60))
        let worker = MessageWorker(parts.environment, ignoresSchedule: ignoresSchedule)
        // Those that are delivered while others are routed are not for the list after it.
        let begun = Mutex<Set<MessageName>>([])
        if let routing = parts.routing {
            // Whoever dies inside an environment breaks it for all: a signal waits until routing is done.
            routing.pass(shouldStop: { signals.isPending }) { routed in
                let taken = run.add(routed, worker)
                begun.withLock { $0.formUnion(taken) }
            }
        }
        signals.release()
        do throws(FileError) {
            let listing = try postOffice.messages()
            let names = begun.withLock { begun in listing.names.filter { !begun.contains($0) } }
            let asked = MessageWorker(parts.environment, ignoresSchedule: true, isAskedFor: true)
            run.add(names.filter(listing.toRetry.contains), asked)
            run.add(names.filter { !listing.toRetry.contains($0) }, worker)
        } catch {
            parts.log.say(Diagnosis(error))
            throw .tryAgain
        }
        run.wait()
        run.drain()
        parts.log.flush()
        parts.metrics?.write()
        return finish(parts)
    }

    /// Closes everything.
    ///
    /// - Returns: what all of it comes to.
    private func finish(_ parts: Parts) -> ExitCode {
        let routed = parts.routing?.finish() ?? .ok
        parts.environment.pool.shutDown()
        return parts.log.finish().worse(routed)
    }
}
