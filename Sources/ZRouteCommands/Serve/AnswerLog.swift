// A line an answer, where `serve` is asked to log them.

import LookupProtocols
import Serve

/// The log of answers.
struct AnswerLog: Sendable {
    /// Told of each answer; nil where nobody wants to know.
    let report: LookupServer.Log?

    init(_ form: LogForm, isWanted: Bool) {
        guard isWanted else {
            report = nil
            return
        }
        report = { request, reply, protocolName in
            var event = LogEvent("answer")
            event.add("protocol", .text(Array(protocolName.utf8)), as: "protocol", protocolName)
            event.add("map", .text(request.map), as: "map", printable(request.map))
            event.add("key", .text(request.key), as: "key", printable(request.key))
            let status = "\(reply.status.word)"
            event.add("status", .text(Array(status.utf8)), as: "status", status)
            event.add("answer", words: printable(reply.text))
            DiagnosticLog(form).say(event)
        }
    }
}
