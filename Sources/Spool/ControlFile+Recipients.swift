// Works out the recipients of a control file: each line with the sender, parameters and header that stand around it.

import MailAddress

extension ControlFile {
    /// The recipients in the order given, each with what belongs to it.
    public var recipients: [ControlRecipient] {
        let headers = headerLines()
        var recipients: [ControlRecipient] = []
        var sender: ControlAddress?
        var errorAddress: [UInt8]?
        for index in lines.indices {
            let line = lines[index]
            switch line.kind {
            case .errorAddress:
                errorAddress = line.text
                sender = nil
            case .sender:
                // Two senders with no error address between: the one above was the first one's.
                if sender != nil { errorAddress = nil }
                sender = ControlAddress(parsing: line.text[...])
            case .header:
                sender = nil
                errorAddress = nil
            case .recipient, .alternative:
                guard let columns = RecipientColumns(line) else { continue }
                let parameters = parameters(after: index)
                recipients.append(
                    ControlRecipient(
                        offset: offsets[index], tag: line.tag.flatMap(RecipientTag.init), process: columns.process,
                        alternativeSet: columns.alternativeSet, address: columns.address, sender: sender,
                        errorAddress: errorAddress,
                        notification: parameters.notification.map { lines[$0].text },
                        notificationOffset: parameters.notification.map { offsets[$0] },
                        returnMode: parameters.returnMode.map { lines[$0].text },
                        envelopeIdentifier: parameters.envelopeIdentifier.map { lines[$0].text },
                        submittedAddress: parameters.originalRecipient.flatMap { OriginalRecipient(lines[$0].text) },
                        headerLine: headers[index],
                        headerOffset: headers[index].map { offsets[$0] + 2 }))
            default: break
            }
        }
        return recipients
    }

    /// The header block of a recipient, without its blank line; nil where the file has none for it.
    public func header(of recipient: ControlRecipient) -> [UInt8]? {
        recipient.headerLine.flatMap { lines.indices.contains($0) ? lines[$0].text : nil }
    }

    /// Whether every recipient is done or failed.
    public var isFinished: Bool {
        lines.allSatisfy { line in
            guard line.kind == .recipient || line.kind == .alternative else { return true }
            return line.tag == RecipientTag.done.rawValue || line.tag == RecipientTag.failed.rawValue
        }
    }

    /// A failed recipient and what there is to report of it.
    public struct Failure: Sendable, Hashable {
        /// The recipient.
        public let recipient: ControlRecipient
        /// Where the lines of its unreported diagnostics begin, in the order written; one at least.
        public let offsets: [Int]
        /// The last of these diagnostics, the one to report.
        public let diagnostic: Diagnostic
    }

    /// The failed recipients whose failure has not been reported, in the order of the recipients.
    ///
    /// A run that dies between a diagnostic and the tag leaves the recipient to the next run, which writes a diagnostic
    /// of its own: a recipient may have several, and is reported once.
    public var unreportedFailures: [Failure] {
        let unreported = Dictionary(
            grouping: diagnostics.filter { $0.tag != RecipientTag.done.rawValue }, by: \.diagnostic.recipientOffset)
        return recipients.compactMap { recipient in
            guard recipient.tag == .failed, let lines = unreported[recipient.offset], let last = lines.last else {
                return nil
            }
            return Failure(recipient: recipient, offsets: lines.map(\.offset), diagnostic: last.diagnostic)
        }
    }

    /// For each line the next header line after it.
    private func headerLines() -> [Int?] {
        var next: Int?
        var headers = [Int?](repeating: nil, count: lines.count)
        for index in lines.indices.reversed() {
            if lines[index].kind == .header { next = index }
            headers[index] = next
        }
        return headers
    }

    /// Where the lines of a recipient's parameters are, as positions in `lines`.
    private struct Parameters {
        var notification: Int?
        var returnMode: Int?
        var envelopeIdentifier: Int?
        var originalRecipient: Int?
    }

    private func parameters(after index: Int) -> Parameters {
        var found = Parameters()
        var next = index + 1
        while next < lines.count {
            switch lines[next].kind {
            case .notification: found.notification = next
            case .returnMode: found.returnMode = next
            case .envelopeIdentifier: found.envelopeIdentifier = next
            case .originalRecipient: found.originalRecipient = next
            default: return found
            }
            next += 1
        }
        return found
    }
}
