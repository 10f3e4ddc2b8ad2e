// The `d` line of an outcome: what a report is made of later, in ZMailer's form.

import Glibc
import LMTP
import Spool

/// The words of a reply without codes, its lines joined by blanks.
func text(of reply: Reply) -> [UInt8] {
    let code = reply.enhancedCode.map { Array("\($0) ".utf8) } ?? []
    var joined: [UInt8] = []
    for line in reply.textLines {
        if !joined.isEmpty, joined.last != 0x20 { joined.append(0x20) }
        joined += !code.isEmpty && line.starts(with: code) ? line.dropFirst(code.count) : line
    }
    return joined
}

/// A diagnostic for a recipient.
///
/// - Parameters:
///   - action: failed, delayed or delivered (RFC 3464 2.3.3).
///   - endpoint: the server; nil where none was asked.
///   - dialogue: what was said about the recipient; the reply's text where nothing was.
func diagnosis(
    _ recipient: ControlRecipient, action: String, reply: Reply, endpoint: Endpoint?, dialogue: [UInt8], time: Int
) -> Diagnostic {
    let status = reply.enhancedCode ?? EnhancedStatusCode(UInt8(clamping: reply.code / 100), 0, 0)
    let kind = reply.isLocal ? "x-local" : "smtp"
    let notary = Diagnostic.Notary(
        address: recipient.address.user, action: Array(action.utf8), status: Array(status.description.utf8),
        diagnostic: Array("\(kind); \(reply.code) (".utf8) + text(of: reply) + [UInt8(ascii: ")")],
        place: endpoint.map { Array(" (\($0)|UNKNOWN-LOCAL-ADDRESS)".utf8) } ?? [],
        agent: Array("zroute[\(getpid())]".utf8))
    return Diagnostic(
        recipient: recipient, time: time, notary: notary, message: dialogue.isEmpty ? text(of: reply) : dialogue)
}
