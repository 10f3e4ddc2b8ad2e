// What a lookup server has answered, in Prometheus's text format.

import Delivery
import LookupProtocols
import Maps
import Synchronization

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
        lines += Self.lines(of: state.withLock { $0.service }.copies())
        return lines.map { $0 + "\n" }.joined()
    }

    /// How the copies of servers' maps stand.
    private static func lines(of copies: [NamedCopy]) -> [String] {
        guard !copies.isEmpty else { return [] }
        let all = copies.map { named in
            let map = "\(named.name.relation) \(named.name.backEnd):\(named.name.file)"
            return (label: "{map=\"\(DeliveryMetrics.quoted(map))\"}", status: named.copy.status)
        }
        var lines: [String] = []
        func add(_ name: String, _ help: String, _ type: String, _ value: (MapCopy.Status) -> String?) {
            lines += ["# HELP zroute_copy_\(name) \(help)", "# TYPE zroute_copy_\(name) \(type)"]
            for (label, status) in all {
                if let value = value(status) { lines.append("zroute_copy_\(name)\(label) \(value)") }
            }
        }
        add("entries", "Keys of a copied map, once it is whole.", "gauge") { $0.count.map { "\($0)" } }
        add("age_seconds", "Time since the source of a copied map was last in touch.", "gauge") {
            $0.age.map { "\(Double($0.components.seconds) + Double($0.components.attoseconds) * 1e-18)" }
        }
        add("following", "1 while the source of a copied map is in touch.", "gauge") { $0.failure == nil ? "1" : "0" }
        add("kept", "1 while a copied map is kept on disk by this process.", "gauge") {
            $0.isKept && $0.fileFailure == nil ? "1" : "0"
        }
        add("generations_total", "How often a copied map has changed.", "counter") { "\($0.generation)" }
        return lines
    }

    private static func label(_ key: AnswerCounts.Key) -> String {
        "protocol=\"\(DeliveryMetrics.quoted(key.protocolName))\",map=\"\(DeliveryMetrics.quoted(key.map))\""
    }
}
