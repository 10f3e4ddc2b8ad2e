// The events of route-queue's log: message, sender, recipient, route, time taken.

import Batch
import Routing

extension LogEvent {
    /// The events of a message: one for each route of each recipient, or one where it has none.
    static func events(of report: MessageReport) -> [LogEvent] {
        let reason: String? =
            switch report.outcome {
            case .rejected(let reason), .postponed(let reason): reason
            case .rerouted(into: let name?): "now \(name)"
            case .rerouted(into: nil): "served already"
            case .routed, .stillHeld, .completed: nil
            }
        guard !report.deliveries.isEmpty else { return [LogEvent(report, nil, reason)] }
        return report.deliveries.map { LogEvent(report, $0, reason ?? $0.reason) }
    }

    private init(_ report: MessageReport, _ delivery: MessageReport.Delivery?, _ reason: String?) {
        self.init(Self.name(report.outcome, delivery), message: report.message)
        if let delivery {
            let route = delivery.route
            add(sender: report.sender, recipient: delivery.recipient)
            add(channel: route.channel, host: route.host, user: route.user)
        }
        if report.size > 0 { add(size: report.size) }
        let microseconds = Int(clamping: report.nanoseconds / 1000)
        if microseconds > 0 { add(microseconds: microseconds) }
        if let reason { add("reason", words: reason) }
    }

    private static func name(_ outcome: MessageReport.Outcome, _ delivery: MessageReport.Delivery?) -> String {
        switch outcome {
        case .rejected: return "rejected"
        case .postponed: return "postponed"
        case .completed: return "completed"
        case .routed, .rerouted, .stillHeld:
            if delivery?.route.isChannel("hold") ?? false { return "held" }
            return delivery?.route.isChannel("error") ?? false ? "failed" : "routed"
        }
    }
}
