// Which reports a message's outcomes call for: RFC 3461 5.2, 6.

import LMTP
import Spool

/// A report to be made: about which recipients, to whom.
struct ReportDuty {
    /// One recipient of the report.
    struct Entry {
        let recipient: ControlRecipient
        let diagnostic: Diagnostic
    }

    /// Who gets it, without brackets; nil where the message has the null sender, and nobody may be told (RFC 5321 6.1).
    let recipient: [UInt8]?
    private(set) var entries: [Entry] = []
    /// Where the diagnostics' lines begin.
    private(set) var offsets: [Int] = []

    private init(recipient: [UInt8]?) {
        self.recipient = recipient
    }

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
