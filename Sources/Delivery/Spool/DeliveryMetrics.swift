// Counts of deliveries as a Prometheus text file, for node_exporter's textfile collector or anything that reads it.

import Glibc
package import LMTP
import NIOConcurrencyHelpers
package import System

/// What is counted while a process delivers.
package final class DeliveryMetrics: Sendable {
    private struct Counts {
        var results: [String: [String: Int]] = [:]
        var latencies: [String: Histogram] = [:]
        var reports = 0
    }

    private struct Histogram {
        /// The upper bounds in seconds.
        static let bounds: [Double] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30, 300]
        var buckets = [Int](repeating: 0, count: bounds.count)
        var count = 0
        var sum = 0.0
    }

    /// A lock that sleeps at once: dozens of workers count, and would spin while the one that has it is not running.
    private let counts = NIOLockedValueBox(Counts())
    /// Channels come from maps; more of them than this are counted together.
    private static let channelLimit = 100

    /// Nothing counted yet.
    package init() {}

    /// The present, for `observe`.
    package func now() -> MonotonicTime { .coarse() }

    /// Counts one recipient's attempt.
    package func count(_ outcome: RecipientReport.Outcome, channel: String) {
        let name =
            switch outcome {
            case .delivered: "delivered"
            case .failed: "failed"
            case .deferred: "deferred"
            }
        counts.withLockedValue { counts in
            let label = Self.label(channel, known: counts.results)
            counts.results[label, default: [:]][name, default: 0] += 1
        }
    }

    /// Counts a report.
    package func countReport() {
        counts.withLockedValue { $0.reports += 1 }
    }

    /// Counts a transaction's time.
    package func observe(since begun: MonotonicTime, channel: String) {
        let now = MonotonicTime.coarse()
        let seconds = Double(now.nanoseconds &- min(begun.nanoseconds, now.nanoseconds)) / 1e9
        counts.withLockedValue { counts in
            let label = Self.label(channel, known: counts.latencies)
            var histogram = counts.latencies[label] ?? Histogram()
            for (index, bound) in Histogram.bounds.enumerated() where seconds <= bound { histogram.buckets[index] += 1 }
            histogram.count += 1
            histogram.sum += seconds
            counts.latencies[label] = histogram
        }
    }

    private static func label<Value>(_ channel: String, known: [String: Value]) -> String {
        known[channel] != nil || known.count < channelLimit ? channel : "other"
    }

    /// The counts in Prometheus's text format.
    package var text: String {
        let counts = self.counts.withLockedValue { $0 }
        var lines = [
            "# HELP zroute_deliveries_total Recipients by channel and result of the attempt.",
            "# TYPE zroute_deliveries_total counter",
        ]
        for (channel, results) in counts.results.sorted(by: { $0.key < $1.key }) {
            for (result, count) in results.sorted(by: { $0.key < $1.key }) {
                lines.append(
                    "zroute_deliveries_total{channel=\"\(Self.quoted(channel))\",result=\"\(result)\"} \(count)")
            }
        }
        lines += [
            "# HELP zroute_reports_total Delivery status reports submitted.", "# TYPE zroute_reports_total counter",
            "zroute_reports_total \(counts.reports)",
            "# HELP zroute_delivery_seconds Time from a transaction's beginning to its outcome.",
            "# TYPE zroute_delivery_seconds histogram",
        ]
        for (channel, histogram) in counts.latencies.sorted(by: { $0.key < $1.key }) {
            let label = "channel=\"\(Self.quoted(channel))\""
            for (bound, count) in zip(Histogram.bounds, histogram.buckets) {
                lines.append("zroute_delivery_seconds_bucket{\(label),le=\"\(bound)\"} \(count)")
            }
            lines.append("zroute_delivery_seconds_bucket{\(label),le=\"+Inf\"} \(histogram.count)")
            lines.append("zroute_delivery_seconds_sum{\(label)} \(histogram.sum)")
            lines.append("zroute_delivery_seconds_count{\(label)} \(histogram.count)")
        }
        return lines.map { $0 + "\n" }.joined()
    }

    /// A label's value as the format has it.
    package static func quoted(_ text: String) -> String {
        String(text.map { $0 == "\"" || $0 == "\\" || $0.isNewline ? "_" : $0 })
    }
}
