// Which reports a message's outcomes call for: RFC 3461 5.2, 6.

import LMTP
import MailSyntax
import Spool

/// A report to be made: about which recipients, to whom.
struct PendingReport {
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

    /// Duties that are put together entry by entry, one for each address, in the order in which addresses first come.
    private struct Collection {
        private(set) var duties: [PendingReport] = []
        private var places: [[UInt8]?: Int] = [:]

        mutating func add(_ entry: Entry, at offsets: [Int], to address: [UInt8]?) {
            let place = places[address] ?? duties.count
            if place == duties.count {
                duties.append(PendingReport(recipient: address))
                places[address] = place
            }
            duties[place].entries.append(entry)
            duties[place].offsets += offsets
        }
    }

    /// The reports about delays, one for each sender.
    ///
    /// - Parameter until: until when recipients that are to be told of are tried, by the places of their lines.
    static func delays(in contents: ControlFile, until: [Int: Int]) -> [PendingReport] {
        guard !until.isEmpty else { return [] }
        var collection = Collection()
        let history = DiagnosticHistory(contents)
        for recipient in contents.recipients where recipient.tag == .pending {
            guard let time = until[recipient.offset], let address = recipient.reportAddress,
                let last = history.unreportedDelay(of: recipient)
            else { continue }
            let entry = Entry(recipient: recipient, diagnostic: last.diagnostic, retriedUntil: time)
            collection.add(entry, at: [last.offset], to: address)
        }
        return collection.duties
    }

    /// Whether it tells of delays.
    var isOfDelay: Bool { entries.contains { $0.retriedUntil != nil } }
    /// Whether any recipient failed.
    var hasFailures: Bool { entries.contains { $0.recipient.tag == .failed } }

    /// The reports that are due, one for each sender of the message: mostly one.
    ///
    /// What concerns nobody who may be told is left until the message is done, so that it is put aside once.
    static func all(in contents: ControlFile) -> [PendingReport] {
        var collection = Collection()
        // NOTIFY=NEVER spares the sender, not the postmaster: what nobody may be told of, such as the loss of a report of
        // our own, would vanish without a trace.
        for failure in contents.unreportedFailures
        where failure.recipient.wants(.failure) || failure.recipient.reportAddress == nil {
            let entry = Entry(recipient: failure.recipient, diagnostic: failure.diagnostic)
            collection.add(entry, at: failure.offsets, to: failure.recipient.reportAddress)
        }
        for (recipient, offset, diagnostic) in unreportedSuccesses(contents) {
            guard let address = recipient.reportAddress else { continue }
            collection.add(Entry(recipient: recipient, diagnostic: diagnostic), at: [offset], to: address)
        }
        return collection.duties.filter { $0.recipient != nil || contents.isFinished }
    }

    private static func unreportedSuccesses(_ contents: ControlFile) -> [(ControlRecipient, Int, Diagnostic)] {
        let successes = contents.diagnostics.filter {
            $0.tag != RecipientTag.done.rawValue && $0.diagnostic.notary.action == Array("delivered".utf8)
        }
        guard !successes.isEmpty else { return [] }
        let last = Dictionary(successes.map { ($0.diagnostic.recipientOffset, $0) }) { _, later in later }
        return contents.recipients.compactMap { recipient in
            guard recipient.tag == .done, recipient.wants(.success), let success = last[recipient.offset] else {
                return nil
            }
            return (recipient, success.offset, success.diagnostic)
        }
    }
}

extension Diagnostic {
    /// Whether it tells of a delay.
    var isDelay: Bool { notary.action == Array("delayed".utf8) }
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
