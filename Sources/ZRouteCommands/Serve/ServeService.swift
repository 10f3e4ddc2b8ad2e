// `serve` as a service: lookups, the LMTP front, and the delivery of what the front has put into the spool.

import Serve
import Service
import System

/// The servers as a service.
struct ServeService: ServiceWork {
    let lookups: LookupServer
    let front: FrontServer?
    /// Routes and delivers the spool's mail; nil where another process does.
    var delivery: DeliverService?
    let metrics: MetricsFile?
    let life: ServiceLife
    let log: LogForm
    /// Reads the configuration, and serves lookups and the front by it.
    let use: () throws -> ServiceEffect

    let status = "listening"
    /// How long who has connected may take to ask when the server is told to end, in seconds.
    private static let patience = 5
    /// How long transactions of the front may take then.
    private static let frontPatience = 240
    /// Between two writings of the counts.
    private static let pause = Duration.seconds(15)

    var input: Int32? { delivery?.input }

    /// The servers work by themselves; they are asked whether they get on.
    mutating func round() -> Duration {
        let progress = life.progress
        if let front {
            lookups.whenAnswering { front.whenAnswering { progress.note() } }
        } else {
            lookups.whenAnswering { progress.note() }
        }
        writeMetrics()
        let pause = metrics == nil ? .seconds(3600) : Self.pause
        return min(delivery?.round() ?? pause, pause)
    }

    private func writeMetrics() {
        guard let metrics else { return }
        do throws(FileError) {
            try metrics.write(lookups.allMetricsText)
        } catch {
            DiagnosticLog(log).say(error)
        }
    }

    mutating func reload() {
        guard let effect = readAnew(say: { DiagnosticLog(log).say($0) }, use) else { return }
        DiagnosticLog(log).say(effect.event("reload"))
        delivery?.reload()
    }

    /// The front asks the server of lookups, which therefore ends after it.
    mutating func drain() {
        DiagnosticLog(log).say(.service("stop", "serve"))
        front?.finish(within: Self.frontPatience)
        lookups.finish(within: Self.patience)
        delivery?.drain()
        writeMetrics()
    }
}
