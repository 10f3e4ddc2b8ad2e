// Which reports a message's outcomes call for: RFC 3461 5.2, 6.

import LMTP
import Spool

/// A report to be made: about which recipients, to whom.
struct ReportDuty {
    /// One recipient of the report.
    struct Entry {
        let recipient: ControlRecipient
        let diagnostic: Diagnostic
        /// Until when a delayed one is tried, in seconds since 1970.
        var retriedUntil: Int?

        /// What became of it (RFC 3464 2.3.3).
        var action: String {
            switch recipient.tag {
            case .failed: "failed"
            case .done: "delivered"
            default: "delayed"
            }
        }
    }

    /// Who gets it, without brackets; nil where the message has the null sender, and nobody may be told (RFC 5321 6.1).
    let recipient: [UInt8]?
    private(set) var entries: [Entry] = []
    /// Where the diagnostics' lines begin.
    private(set) var offsets: [Int] = []

    private init(recipient: [UInt8]?) {
        self.recipient = recipient
    }

    /// The reports about delays, one for each sender.
    ///
    /// - Parameter until: until when recipients that are to be told of are tried, by the places of their lines.
    static func delays(in contents: ControlFile, until: [Int: Int]) -> [ReportDuty] {
        var duties: [ReportDuty] = []
        for delay in contents.unreportedDelays {
            guard let time = until[delay.recipient.offset], let address = delay.recipient.reportAddress else {
                continue
            }
            let place = duties.firstIndex { $0.recipient == address } ?? duties.count
            if place == duties.count { duties.append(ReportDuty(recipient: address)) }
            duties[place].entries.append(
                Entry(recipient: delay.recipient, diagnostic: delay.diagnostic, retriedUntil: time))
            duties[place].offsets.append(delay.offset)
        }
        return duties
    }

    /// Whether it tells of delays.
    var isOfDelay: Bool { entries.contains { $0.retriedUntil != nil } }
    /// Whether any recipient failed.
    var hasFailures: Bool { entries.contains { $0.recipient.tag == .failed } }

    /// The reports that are due, one for each sender of the message: mostly one.
    ///
    /// What concerns nobody who may be told is left until the message is done, so that it is put aside once.
    static func all(in contents: ControlFile) -> [ReportDuty] {
        var duties: [ReportDuty] = []
        func add(_ entry: Entry, _ offsets: [Int]) {
            let address = entry.recipient.reportAddress
            let place = duties.firstIndex { $0.recipient == address } ?? duties.count
            if place == duties.count { duties.append(ReportDuty(recipient: address)) }
            duties[place].entries.append(entry)
            duties[place].offsets += offsets
        }
        for failure in contents.unreportedFailures where failure.recipient.wants(.failure) {
            add(Entry(recipient: failure.recipient, diagnostic: failure.diagnostic), failure.offsets)
        }
        for (recipient, offset, diagnostic) in unreportedSuccesses(contents) where recipient.reportAddress != nil {
            add(Entry(recipient: recipient, diagnostic: diagnostic), [offset])
        }
        return duties.filter { $0.recipient != nil || contents.isFinished }
    }

    private static func unreportedSuccesses(_ contents: ControlFile) -> [(ControlRecipient, Int, Diagnostic)] {
        let successes = contents.diagnostics.filter {
            $0.tag != RecipientTag.done.rawValue && $0.diagnostic.notary.action == Array("delivered".utf8)
        }
        guard !successes.isEmpty else { return [] }
        let recipients = contents.recipients.filter { $0.tag == .done && $0.wants(.success) }
        return recipients.compactMap { recipient in
            successes.last { $0.diagnostic.recipientOffset == recipient.offset }.map {
                (recipient, $0.offset, $0.diagnostic)
            }
        }
    }
}

extension Diagnostic {
    /// Whether it tells of a delay.
    var isDelay: Bool { notary.action == Array("delayed".utf8) }
}

extension ControlFile {
    /// The last diagnostic about each recipient that waits, where it is of a delay that no report has told of.
    var unreportedDelays: [(recipient: ControlRecipient, offset: Int, diagnostic: Diagnostic)] {
        recipients.filter { $0.tag == .pending }.compactMap { recipient in
            guard let last = diagnostics.last(where: { $0.diagnostic.recipientOffset == recipient.offset }),
                last.tag != RecipientTag.done.rawValue, last.diagnostic.isDelay
            else { return nil }
            return (recipient, last.offset, last.diagnostic)
        }
    }
}

extension ControlRecipient {
    /// Whom to tell about this recipient; nil for the null sender.
    fileprivate var reportAddress: [UInt8]? {
        guard !envelopeSender.isEmpty, var address = errorAddress else { return nil }
        if address.first == UInt8(ascii: "<"), address.last == UInt8(ascii: ">") {
            address = Array(address.dropFirst().dropLast())
        }
        return address.isEmpty ? nil : address
    }
}
