// The fields of a report about one recipient: RFC 3464 2.3.

import Bytes
import MailSyntax
import Spool

/// The per-recipient part of a report.
enum DeliveryStatusFields {
    /// The fields, one a line or folded.
    static func lines(_ entry: PendingReport.Entry) -> [String] {
        let notary = entry.diagnostic.notary
        var lines: [String] = []
        if let original = entry.recipient.originalRecipient {
            lines.append("Original-Recipient: \(typed(original))")
        }
        // The mailbox itself is nobody's business outside: RFC 3464 2.4 lets the address be that which the sender knows.
        lines.append("Final-Recipient: \(typed(entry.recipient.addressKnownToSender))")
        lines.append("Action: \(entry.action)")
        lines.append("Status: \(notary.status.map { printable($0) } ?? "5.0.0")")
        if let server = serverThatSpoke(entry.diagnostic) {
            lines.append("Remote-MTA: \(server.hasPrefix("UNIX:") ? "x-unix" : "dns"); \(server)")
        }
        lines += folded("Diagnostic-Code: \(code(entry.diagnostic))")
        lines.append("Last-Attempt-Date: \(MailDate.text(entry.diagnostic.time))")
        if let time = entry.retriedUntil { lines.append("Will-Retry-Until: \(MailDate.text(time))") }
        return lines
    }

    /// The recipient as the sender knows it.
    static func person(_ entry: PendingReport.Entry) -> String {
        printable(entry.recipient.addressKnownToSender.address)
    }

    /// What was said, and by whom.
    static func saying(_ diagnostic: Diagnostic) -> String {
        let coded = code(diagnostic)
        let said =
            coded.utf8Offset(of: "; ").map { String(decoding: coded.utf8.dropFirst($0 + 2), as: UTF8.self) } ?? coded
        return (serverThatSpoke(diagnostic).map { "\($0) said: " } ?? "") + said
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

    /// The server that said what is told, by its endpoint in ` (endpoint|...)`; nil where it was said here.
    private static func serverThatSpoke(_ diagnostic: Diagnostic) -> String? {
        guard !(diagnostic.notary.diagnostic ?? []).starts(with: "x-".utf8) else { return nil }
        let place = printable(diagnostic.notary.place ?? []).drop { $0 == " " || $0 == "(" }
        let name = place.prefix { $0 != "|" && $0 != ")" }
        return name.isEmpty ? nil : String(name)
    }

    /// An address after its type; what is no address at all has none of the Internet's types.
    private static func typed(_ original: OriginalRecipient) -> String {
        let address = original.address
        let isText = original.isMailAddress && address.contains(0x20) && address.first != UInt8(ascii: "\"")
        return "\(isText ? "x-text" : original.addressType); \(printable(address))"
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
