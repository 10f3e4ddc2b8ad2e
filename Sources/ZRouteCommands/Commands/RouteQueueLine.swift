// One line of route-queue's log: message, sender, recipient, route, time taken; as text or as JSON.

import Batch
import MailAddress
import Routing

/// A line of the log.
struct RouteQueueLine {
    private let message: String
    private let event: String
    private let sender: [UInt8]
    private let delivery: MessageReport.Delivery?
    private let reason: String?
    private let microseconds: Int

    /// The lines of a message: one for each route of each recipient, or one where it has none.
    static func lines(of report: MessageReport) -> [RouteQueueLine] {
        let reason: String? =
            switch report.outcome {
            case .rejected(let reason), .postponed(let reason): reason
            case .rerouted(into: let name?): "now \(name)"
            case .rerouted(into: nil): "served already"
            case .routed, .stillHeld, .completed: nil
            }
        guard !report.deliveries.isEmpty else { return [RouteQueueLine(report, nil, reason)] }
        return report.deliveries.map { RouteQueueLine(report, $0, reason ?? $0.reason) }
    }

    private init(_ report: MessageReport, _ delivery: MessageReport.Delivery?, _ reason: String?) {
        message = report.message
        sender = report.sender
        self.delivery = delivery
        self.reason = reason
        microseconds = Int(clamping: report.nanoseconds / 1000)
        event = Self.event(report.outcome, delivery)
    }

    private static func event(_ outcome: MessageReport.Outcome, _ delivery: MessageReport.Delivery?) -> String {
        switch outcome {
        case .rejected: return "rejected"
        case .postponed: return "postponed"
        case .completed: return "completed"
        case .routed, .rerouted, .stillHeld:
            if delivery?.route.isChannel("hold") ?? false { return "held" }
            return delivery?.route.isChannel("error") ?? false ? "failed" : "routed"
        }
    }

    /// Appends the line, with its line end.
    func append(to output: inout [UInt8], as format: LogFormat) {
        switch format {
        case .text: appendText(to: &output)
        case .json: appendJSON(to: &output)
        }
        output.append(0x0A)
    }

    private func appendText(to output: inout [UInt8]) {
        output.append(contentsOf: "\(message): \(event)".utf8)
        if let delivery {
            let route = delivery.route
            output.append(contentsOf: " from=<\(printable(sender))> to=<\(printable(delivery.recipient))>".utf8)
            output.append(
                contentsOf: " route=\(printable(route.channel))!\(printable(route.host))!\(printable(route.user))".utf8)
        }
        if microseconds > 0 { output.append(contentsOf: " time=\(Self.seconds(microseconds))".utf8) }
        if let reason { output.append(contentsOf: ": \(printable(Array(reason.utf8)))".utf8) }
    }

    private func appendJSON(to output: inout [UInt8]) {
        var json = JSONText()
        json.object { json in
            json.name("message")
            json.string(message)
            json.name("event")
            json.string(event)
            if let delivery {
                let fields = [
                    ("sender", sender[...]), ("recipient", delivery.recipient[...]),
                    ("channel", delivery.route.channel),
                    ("host", delivery.route.host), ("user", delivery.route.user),
                ]
                for (name, value) in fields {
                    json.name(name)
                    json.text(value)
                }
            }
            if let reason {
                json.name("reason")
                json.string(reason)
            }
            json.name("microseconds")
            json.number(microseconds)
        }
        output.append(contentsOf: json.bytes)
    }

    private static func seconds(_ microseconds: Int) -> String {
        let fraction = String(microseconds % 1_000_000)
        return "\(microseconds / 1_000_000).\(String(repeating: "0", count: 6 - fraction.utf8.count))\(fraction)s"
    }
}
