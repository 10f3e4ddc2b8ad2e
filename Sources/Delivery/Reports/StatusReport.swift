// A delivery status notification: RFC 3464, with what RFC 3461 6 asks for.

import Bytes
import Glibc
import LMTP
import MailSyntax
import Spool
import System

/// The report about some recipients of a message.
struct StatusReport {
    let duty: PendingReport
    let message: MessageName
    let contents: ControlFile
    let hostname: [UInt8]
    let time: Int
    let bodyPath: String

    typealias Emit = ([UInt8]) throws(FileError) -> Void

    /// A message is returned whole up to this size where the sender asked for that, in bytes.
    private static let fullLimit = 10 << 20
    /// The same where the sender said nothing.
    private static let unaskedLimit = 64 << 10

    /// Writes the report as a submission with the null sender.
    func write(to writer: inout SubmissionWriter, recipient: [UInt8]) throws(FileError) {
        // NOTIFY=NEVER: nobody is told about a report's own fate (RFC 3461 6.2).
        let envelope = "channel error\ntodsn NOTIFY=NEVER\nto <\(printable(recipient))>\nenv-end\n"
        try writer.write(Array(envelope.utf8))
        let boundary = "\(message)-\(String(UInt64.random(in: .min ... .max), radix: 36))"
        try compose(to: recipient, boundary: boundary) { (bytes) throws(FileError) in try writer.write(bytes) }
    }

    /// Writes the report where the postmaster finds it.
    ///
    /// - Returns: its path.
    func putAside(in postOffice: PostOffice) throws(FileError) -> String {
        // The same for the same message whenever this is done again, and another for a later message of its name.
        let arrival = (try? FileIdentity(path: bodyPath).modified).map { String($0, radix: 36) } ?? "unknown"
        let boundary = "\(message)-\(arrival)-aside"
        return try postOffice.putAside(reportOn: message, holding: Array(boundary.utf8)) { (emit) throws(FileError) in
            try compose(to: Array("postmaster@".utf8) + hostname, boundary: boundary, emit)
        }
    }

    /// - Parameter boundary: what parts the report, and names it; nobody can have put it into the message.
    private func compose(to recipient: [UInt8], boundary: String, _ emit: Emit) throws(FileError) {
        let host = printable(hostname)
        let status = status(host)
        // RFC 6533 5: fields beyond ASCII, such as those of addresses in UTF-8, have a type of their own.
        let isGlobal = status.utf8.contains { $0 >= 0x80 }
        let subject =
            duty.hasFailures
            ? "Undelivered mail returned to sender" : duty.isOfDelay ? "Mail delayed" : "Mail delivered"
        try emit(
            Array(
                """
                From: Mail Delivery System <MAILER-DAEMON@\(host)>
                To: <\(printable(recipient))>
                Subject: \(subject)
                Date: \(MailDate.text(time))
                Message-ID: <report.\(boundary)@\(host)>
                Auto-Submitted: auto-replied
                MIME-Version: 1.0
                Content-Type: multipart/report; report-type=delivery-status;
                 boundary="\(boundary)"

                --\(boundary)
                Content-Type: text/plain; charset=utf-8
                Content-Transfer-Encoding: 8bit

                \(explanation(host))
                --\(boundary)
                Content-Type: message/\(isGlobal ? "global-" : "")delivery-status
                \(isGlobal ? "Content-Transfer-Encoding: 8bit\n" : "")
                \(status)
                --\(boundary)

                """.utf8))
        try returnOriginal(isGlobal: isGlobal, emit)
        try emit(Array("\n--\(boundary)--\n".utf8))
    }

    // MARK: For people

    private func explanation(_ host: String) -> String {
        var lines = ["This is the mail system at \(host).", ""]
        if duty.hasFailures {
            lines += ["Your message could not be delivered to the recipients below.", ""]
        } else if duty.isOfDelay {
            lines += ["Your message has not been delivered to the recipients below yet.", ""]
            lines += ["There is nothing that you need to do: delivery is tried again.", ""]
        } else {
            lines += ["Your message was delivered to the recipients below.", ""]
        }
        for entry in duty.entries {
            let verdict = entry.recipient.tag == .failed ? "not delivered" : entry.action
            lines += ["<\(DeliveryStatusFields.person(entry))>: \(verdict)"]
            if let time = entry.retriedUntil { lines += ["    tried until \(MailDate.text(time))"] }
            lines += DeliveryStatusFields.folded("    \(DeliveryStatusFields.saying(entry.diagnostic))")
            lines += [""]
        }
        return lines.joined(separator: "\n")
    }

    // MARK: For programs

    private func status(_ host: String) -> String {
        var lines = ["Reporting-MTA: dns; \(host)"]
        if let identifier = duty.entries.first?.recipient.envelopeIdentifier,
            let decoded = XText(encoded: identifier)?.decoded
        {
            lines.append("Original-Envelope-Id: \(printable(decoded))")
        }
        if let arrival = try? FileIdentity(path: bodyPath).modified / 1_000_000_000 {
            lines.append("Arrival-Date: \(MailDate.text(Int(arrival)))")
        }
        for entry in duty.entries {
            lines.append("")
            lines += DeliveryStatusFields.lines(entry)
        }
        return lines.joined(separator: "\n") + "\n"
    }

    // MARK: The message itself

    private func returnOriginal(isGlobal: Bool, _ emit: Emit) throws(FileError) {
        guard let first = duty.entries.first else { return }
        let header = contents.header(of: first.recipient) ?? []
        var file: BodyFile?
        // Only failures return content (RFC 3461 6.3), and only if the sender does not want the header alone.
        let wanted = duty.entries.map(\.recipient.returnedContent)
        if duty.hasFailures, !wanted.contains(.headers), let opened = try? BodyFile(path: bodyPath) {
            file = opened.size <= (wanted.contains(.full) ? Self.fullLimit : Self.unaskedLimit) ? opened : nil
        }
        let type =
            isGlobal
            ? (file == nil ? "message/global-headers" : "message/global")
            : (file == nil ? "text/rfc822-headers" : "message/rfc822")
        try emit(Array("Content-Type: \(type)\nContent-Transfer-Encoding: 8bit\n\n".utf8))
        try emit(header)
        guard let file else { return }
        let content = try MessageContent(
            head: [ASCII.lineFeed], file: file, offset: min(contents.bodyOffset ?? 0, file.size))
        var reader = MessageReader(content)
        while let chunk = try reader.next() { try emit(chunk) }
    }
}

/// What became of a report.
enum SentReport {
    /// It was submitted, under this name in `router`.
    case submitted(MessageName, to: [UInt8])
    /// Nobody may get it; it was put aside under this path.
    case aside(path: String)
}

extension OpenControlFile {
    /// Submits a report that is due, or puts it aside where nobody may get it.
    mutating func send(_ duty: PendingReport, hostname: [UInt8], time: Int) throws(FileError) -> SentReport {
        let report = StatusReport(
            duty: duty, message: message, contents: contents, hostname: hostname, time: time,
            bodyPath: postOffice.bodyPath(of: message))
        guard let address = duty.recipient else { return .aside(path: try report.putAside(in: postOffice)) }
        let name = try submitReport(onDiagnosticsAt: duty.offsets) { (writer) throws(FileError) in
            try report.write(to: &writer, recipient: address)
        }
        return .submitted(name, to: address)
    }
}
