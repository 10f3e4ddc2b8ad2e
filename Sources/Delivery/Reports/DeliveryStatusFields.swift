// The fields of a report about one recipient: RFC 3464 2.3.

import LMTP
import Spool

/// The per-recipient part of a report.
enum DeliveryStatusFields {
    /// The fields, one a line or folded.
    static func lines(_ entry: ReportDuty.Entry) -> [String] {
        let notary = entry.diagnostic.notary
        var lines: [String] = []
        if let original = NotificationParameters(entry.recipient.notification).originalRecipient {
            lines.append("Original-Recipient: \(original.addressType); \(printable(original.address.decoded))")
        }
        let user = notary.address ?? entry.recipient.address.user
        lines.append("Final-Recipient: \(addressType(user)); \(printable(user))")
        lines.append("Action: \(entry.action)")
        lines.append("Status: \(notary.status.map { printable($0) } ?? "5.0.0")")
        if let server = server(entry.diagnostic) {
            lines.append("Remote-MTA: \(server.hasPrefix("UNIX:") ? "x-unix" : "dns"); \(server)")
        }
        lines += folded("Diagnostic-Code: \(code(entry.diagnostic))")
        lines.append("Last-Attempt-Date: \(MailDate.text(entry.diagnostic.time))")
        if let time = entry.retriedUntil { lines.append("Will-Retry-Until: \(MailDate.text(time))") }
        return lines
    }

    /// The recipient as the sender knows it.
    static func person(_ entry: ReportDuty.Entry) -> String {
        let original = NotificationParameters(entry.recipient.notification).originalRecipient?.address.decoded
        return printable(original ?? ControlField.unquoted(entry.recipient.address.user))
    }

    /// What was said, and by whom.
    static func saying(_ diagnostic: Diagnostic) -> String {
        let said = code(diagnostic).split(separator: "; ", maxSplits: 1).last.map(String.init) ?? ""
        return (server(diagnostic).map { "\($0) said: " } ?? "") + said
    }

    /// `smtp; 550 5.1.1 text`, from ZMailer's `smtp; 550 (text)`.
    private static func code(_ diagnostic: Diagnostic) -> String {
        let text = printable(diagnostic.notary.diagnostic ?? [])
        guard let open = text.range(of: " ("), text.hasSuffix(")") else {
            return text.isEmpty ? "x-local; unknown" : text
        }
        let status = diagnostic.notary.status.map { " \(printable($0))" } ?? ""
        return text[..<open.lowerBound] + status + " " + text[open.upperBound...].dropLast()
    }

    /// The endpoint in ` (endpoint|...)`.
    private static func server(_ diagnostic: Diagnostic) -> String? {
        let place = printable(diagnostic.notary.place ?? []).drop { $0 == " " || $0 == "(" }
        let name = place.prefix { $0 != "|" && $0 != ")" }
        return name.isEmpty ? nil : String(name)
    }

    /// RFC 6533 3: addresses beyond ASCII have a type of their own; what is no address at all has none of the Internet's.
    private static func addressType(_ user: [UInt8]) -> String {
        if user.contains(where: { $0 >= 0x80 }) { return "utf-8" }
        return user.contains(0x20) && user.first != UInt8(ascii: "\"") ? "x-text" : "rfc822"
    }

    /// A line folded at blanks where it is long; a word that is longer than lines may be is cut.
    static func folded(_ line: String) -> [String] {
        var lines: [String] = []
        var current = String(line.prefix { $0 == " " })
        var isAtStart = true
        for word in line.split(separator: " ").map({ $0.prefix(900) }) {
            if !isAtStart, current.utf8.count + word.utf8.count > 76 {
                lines.append(current)
                current = "    "
                isAtStart = true
            }
            current += isAtStart ? word : " \(word)"
            isAtStart = false
        }
        return lines + [current]
    }
}

extension String {
    /// Where a text first occurs.
    fileprivate func range(of text: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
            start = index(after: start)
        }
        return nil
    }
}
