// The file of `deliver --metrics`: what was delivered, what waits, what was looked up.

import Delivery
import Maps
import Spool
import Synchronization
import System

/// Writes the counts of a run, in Prometheus's text format.
final class DeliverMetricsFile: Sendable {
    private struct Queue {
        var modified: Int64 = .min
        var count = 0
    }

    private static let queues = ["router", "transport", "postman"]

    /// Where lookups are counted.
    let lookups = LookupCounts()
    private let file: MetricsFile
    private let form: LogForm
    private let postOffice: PostOffice
    private let deliveries: DeliveryMetrics
    private let sizes = Mutex<[String: Queue]>([:])

    init(path: String, postOffice: PostOffice, deliveries: DeliveryMetrics, log: LogForm) {
        form = log
        file = MetricsFile(path: path)
        self.postOffice = postOffice
        self.deliveries = deliveries
    }

    /// Writes the file anew.
    func write() {
        do {
            try file.write(deliveries.text + queueText() + lookupText())
        } catch {
            DiagnosticLog(form).say(error)
        }
    }

    private func queueText() throws(FileError) -> String {
        var text = """
            # HELP zroute_queue_messages Files in the directories of the spool.
            # TYPE zroute_queue_messages gauge

            """
        for queue in Self.queues { text += "zroute_queue_messages{queue=\"\(queue)\"} \(try size(of: queue))\n" }
        return text
    }

    /// The number of files in a directory of the spool, which is read again only when it has changed.
    private func size(of queue: String) throws(FileError) -> Int {
        let directory = "\(postOffice.path)/\(queue)"
        let modified = try FileIdentity(path: directory).modified
        if let known = sizes.withLock({ $0[queue] }), known.modified == modified { return known.count }
        let count = try fileNames(in: directory).count { !$0.hasPrefix(".") }
        sizes.withLock { $0[queue] = Queue(modified: modified, count: count) }
        return count
    }

    private func lookupText() -> String {
        var text = """
            # HELP zroute_lookups_total Lookups in maps while routing, by map and result.
            # TYPE zroute_lookups_total counter

            """
        for (map, counter) in lookups.all {
            let label =
                "map=\"\(DeliveryMetrics.quoted(map.relation))\",file=\"\(DeliveryMetrics.quoted(map.file))\""
            for (result, count) in [
                ("found", counter.found), ("absent", counter.absent), ("failed", counter.failed),
            ] { text += "zroute_lookups_total{\(label),result=\"\(result)\"} \(count)\n" }
        }
        return text
    }
}
