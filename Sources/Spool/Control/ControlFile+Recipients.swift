// Works out the recipients of a control file: each line with the sender, parameters and header that stand around it.

import Bytes
package import MailSyntax

extension ControlFile {
    /// The recipients in the order given, each with what belongs to it.
    package var recipients: [ControlRecipient] {
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
                        submittedAddresses: parameters.originalRecipients.compactMap {
                            OriginalRecipient(lines[$0].text)
                        },
                        headerLine: headers[index],
                        headerOffset: headers[index].map { offsets[$0] + 2 }))
            default: break
            }
        }
        return recipients
    }

    /// The header block of a recipient, without its blank line; nil where the file has none for it.
    package func header(of recipient: ControlRecipient) -> [UInt8]? {
        recipient.headerLine.flatMap { lines.indices.contains($0) ? lines[$0].text : nil }
    }

    /// Whether every recipient is done or failed.
    package var isFinished: Bool {
        lines.allSatisfy { line in
            guard line.kind == .recipient || line.kind == .alternative else { return true }
            return line.tag == RecipientTag.done.rawValue || line.tag == RecipientTag.failed.rawValue
        }
    }

    /// A failed recipient and what there is to report of it.
    package struct Failure: Sendable, Hashable {
        /// The recipient.
        package let recipient: ControlRecipient
        /// Where the lines of its unreported diagnostics begin, in the order written; one at least.
        package let offsets: [Int]
        /// The last of these diagnostics, the one to report.
        package let diagnostic: Diagnostic
    }

    /// The failed recipients whose failure has not been reported, in the order of the recipients.
    ///
    /// A run that dies between a diagnostic and the tag leaves the recipient to the next run, which writes a diagnostic
    /// of its own: a recipient may have several, and is reported once.
    package var unreportedFailures: [Failure] {
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
        var originalRecipients: [Int] = []
    }

    private func parameters(after index: Int) -> Parameters {
        var found = Parameters()
        var next = index + 1
        while next < lines.count {
            switch lines[next].kind {
            case .notification: found.notification = next
            case .returnMode: found.returnMode = next
            case .envelopeIdentifier: found.envelopeIdentifier = next
            case .originalRecipient: found.originalRecipients.append(next)
            default: return found
            }
            next += 1
        }
        return found
    }
}

// A recipient of a control file with all that the lines around it say of it.

/// One recipient line (`r` or `X`) and what belongs to it.
package struct ControlRecipient: Sendable, Hashable {
    /// The columns after the tag that hold the process number of the agent at work.
    package static let processColumns = 6
    /// The columns after those that hold a note on delay reports.
    package static let delayColumns = 4

    /// Where the line begins, in bytes from the file's beginning: the recipient's identity in ZMailer's programs.
    package let offset: Int
    /// The tag as it stands; nil where it is none of the known ones.
    package let tag: RecipientTag?
    /// The process number in its columns; nil where they hold none.
    package let process: Int32?
    /// For an `X` line the number of its set of alternatives; nil for `r`.
    package let alternativeSet: Int?
    /// Where the message goes for this recipient.
    package let address: ControlAddress
    /// The sender line before it; nil where there is none.
    package let sender: ControlAddress?
    /// The error address before it (`e`); nil where there is none, as for the null sender.
    package let errorAddress: [UInt8]?
    /// The notification parameters (`N`), and where their line begins.
    package let notification: [UInt8]?, notificationOffset: Int?
    /// FULL or HDRS (`R`).
    package let returnMode: [UInt8]?
    /// The envelope identifier (`n`).
    package let envelopeIdentifier: [UInt8]?
    /// The address that it was submitted with (`O`), and others that lead to the same mailbox; none in files that others wrote,
    /// and older ones.
    package let submittedAddresses: [OriginalRecipient]
    /// Which of the file's lines is the header block (`m`), and where its first header line begins in the file.
    package let headerLine: Int?, headerOffset: Int?
}

// Who a recipient is to the sender: the address that the sender wrote, not the mailbox that it was routed to.

extension ControlRecipient {
    /// A parameter of the `N` line, such as `NOTIFY` or `ORCPT`, by its name in capitals; nil where there is none.
    package func notificationParameter(_ name: String) -> [UInt8]? {
        notification.flatMap { NotificationParameters.value(of: name, in: $0) }.map { Array($0) }
    }

    /// The recipient as the sender wrote it; nil where the file does not tell.
    ///
    /// The ORCPT that came with it, or else the address that it was submitted with (`O`; INRCPT in files of ZMailer's).
    package var originalRecipient: OriginalRecipient? {
        notificationParameter("ORCPT").flatMap { OriginalRecipient($0) } ?? receivedAddress
    }

    /// The first address that it was submitted with (`O`), which the sender is told about.
    package var submittedAddress: OriginalRecipient? { submittedAddresses.first }

    /// The address that the message was submitted with for this recipient; nil where the file does not tell.
    package var receivedAddress: OriginalRecipient? {
        submittedAddress ?? notificationParameter("INRCPT").flatMap { OriginalRecipient($0) }
    }

    /// The address by which the sender is told of the recipient, whatever it is: never that of the mailbox where
    /// anything better is known.
    ///
    /// Where the file does not tell what was submitted the route does, more or less: on channel `local` the host is the
    /// address by which the user was reached, on `error` and `hold` the user is the address itself.
    package var addressKnownToSender: OriginalRecipient {
        if let original = notificationParameter("ORCPT").flatMap({ OriginalRecipient($0) }), original.isMailAddress {
            return original
        }
        return receivedAddress ?? OriginalRecipient(address: addressInRoute)
    }

    private var addressInRoute: [UInt8] {
        let user = ControlField.unquoted(address.user)
        guard address.isChannel("local") else { return user }
        var host = ControlField.unquoted(address.host)
        for prefix in ["pipe.", "file."] where host.starts(with: prefix.utf8) { host.removeFirst(prefix.utf8.count) }
        return host.isEmpty || host.elementsEqual("-".utf8) ? user : host
    }
}

// Which recipients of which message were taken over into a control file of their own.

/// The `h` line of a split-off control file: the message its recipients come from, and their lines there.
package struct ControlOrigin: Sendable, Hashable {
    /// The message whose recipients these were.
    package let message: MessageName
    /// Where their lines begin in that message's control file.
    package let offsets: [Int]

    /// An origin.
    package init(message: MessageName, offsets: [Int]) {
        self.message = message
        self.offsets = offsets
    }

    /// The origin that a line's text tells, or nil where it has another form.
    init?(parsing text: [UInt8]) {
        let words = text.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        guard let first = words.first, let message = MessageName(bytes: Array(first)) else { return nil }
        let numbers = words.dropFirst().map { Decimal.value($0) }
        guard !numbers.isEmpty, numbers.allSatisfy({ $0 != nil }) else { return nil }
        self.init(message: message, offsets: numbers.compactMap { $0 })
    }

    var text: [UInt8] { Array(([message.description] + offsets.map(String.init)).joined(separator: " ").utf8) }
}
