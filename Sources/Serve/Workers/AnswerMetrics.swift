// What a lookup server has answered, in Prometheus's text format.

import Delivery
import LookupProtocols

extension LookupServer {
    /// The counts in Prometheus's text format.
    var metricsText: String {
        var lines = [
            "# HELP zroute_answers_total Answers by protocol, map and status.", "# TYPE zroute_answers_total counter",
        ]
        let all = counts.all.map { (label: Self.label($0.key), cell: $0.cell) }
        for (label, cell) in all {
            for status in LookupStatus.allCases {
                let name = "\(status.word)".lowercased()
                lines.append("zroute_answers_total{\(label),status=\"\(name)\"} \(cell.count(of: status))")
            }
        }
        lines += [
            "# HELP zroute_answer_seconds Time from a request to its answer.", "# TYPE zroute_answer_seconds histogram",
        ]
        for (label, cell) in all {
            let histogram = cell.histogram
            for (bound, count) in zip(AnswerCounts.Cell.bounds, histogram.cumulative) {
                lines.append("zroute_answer_seconds_bucket{\(label),le=\"\(bound)\"} \(count)")
            }
            lines.append("zroute_answer_seconds_bucket{\(label),le=\"+Inf\"} \(histogram.count)")
            lines.append("zroute_answer_seconds_sum{\(label)} \(histogram.seconds)")
            lines.append("zroute_answer_seconds_count{\(label)} \(histogram.count)")
        }
        lines += [
            "# HELP zroute_connections Open connections of lookup clients.", "# TYPE zroute_connections gauge",
            "zroute_connections \(connectionCount)",
        ]
        return lines.map { $0 + "\n" }.joined()
    }

    private static func label(_ key: AnswerCounts.Key) -> String {
        "protocol=\"\(DeliveryMetrics.quoted(key.protocolName))\",map=\"\(DeliveryMetrics.quoted(key.map))\""
    }
}
