// What the LMTP front has done, in Prometheus's text format.

extension FrontServer {
    /// The counts in Prometheus's text format.
    package var metricsText: String {
        let counts = self.counts
        let tally = counts.tally
        var lines = [
            "# HELP zroute_front_connections_total Connections of clients of the LMTP front.",
            "# TYPE zroute_front_connections_total counter", "zroute_front_connections_total \(counts.connections)",
            "# HELP zroute_front_connections Open connections of clients of the LMTP front.",
            "# TYPE zroute_front_connections gauge", "zroute_front_connections \(counts.openConnections)",
            "# HELP zroute_front_transactions_total Transactions begun.",
            "# TYPE zroute_front_transactions_total counter", "zroute_front_transactions_total \(tally.transactions)",
            "# HELP zroute_front_store_failures_total Transactions that a store has not answered to the end.",
            "# TYPE zroute_front_store_failures_total counter",
            "zroute_front_store_failures_total \(counts.storeFailures)",
            "# HELP zroute_front_recipients_total Recipients by the reply to RCPT.",
            "# TYPE zroute_front_recipients_total counter",
        ]
        for (reply, count) in [("accepted", tally.accepted), ("refused", tally.refused), ("deferred", tally.putOff)] {
            lines.append("zroute_front_recipients_total{reply=\"\(reply)\"} \(count)")
        }
        lines += [
            "# HELP zroute_front_deliveries_total Accepted recipients by the reply to the message.",
            "# TYPE zroute_front_deliveries_total counter",
        ]
        for (result, count) in [
            ("delivered", tally.delivered), ("failed", tally.failed), ("deferred", tally.deferred),
            ("spooled", tally.spooled),
        ] { lines.append("zroute_front_deliveries_total{result=\"\(result)\"} \(count)") }
        lines += [
            "# HELP zroute_front_seconds Time from the end of a message to the last reply to it.",
            "# TYPE zroute_front_seconds histogram",
        ]
        var total = 0
        for (bound, count) in zip(FrontCounts.bounds, counts.buckets) {
            total += count
            lines.append("zroute_front_seconds_bucket{le=\"\(bound)\"} \(total)")
        }
        total += counts.buckets.last ?? 0
        lines.append("zroute_front_seconds_bucket{le=\"+Inf\"} \(total)")
        lines.append("zroute_front_seconds_sum \(counts.seconds)")
        lines.append("zroute_front_seconds_count \(total)")
        return lines.map { $0 + "\n" }.joined()
    }
}
