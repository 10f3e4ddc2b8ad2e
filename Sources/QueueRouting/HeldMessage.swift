// Routes anew what could not be routed before: the recipients on channel `hold` of one message, when their time has come.
//
// Those that now have routes go into a control file of their own (OpenControlFile.takeOver says why a crash at any point
// repeats nothing); for those that have none a diagnostic is appended, whose time is that of the attempt. Expiry is the
// delivery's, as for all recipients of a control file: the body's time of arrival stays with every control file.

import Bytes
import Glibc
import MailSyntax
import Routing
import Spool
import System

/// One worker's way with held recipients.
struct HeldMessage {
    let postOffice: PostOffice
    let router: any AddressRouter
    let rule: RetryRule

    /// Routes the held recipients of a message that are due.
    ///
    /// - Returns: what became of them; nil where none is due, or another run has the message.
    func run(_ message: MessageName) -> MessageReport? {
        let began = monotonicNanoseconds()
        do throws(ControlAccessError) {
            // Read without the lock first: most messages have nothing to be done here.
            guard let contents = try postOffice.controlFile(of: message), try !due(contents, message).isEmpty else {
                return nil
            }
            switch try postOffice.open(message) {
            case .busy: return nil
            case .gone: return nil
            case .opened(var opened):
                let recipients = try due(opened.contents, message)
                guard !recipients.isEmpty else { return nil }
                var report = retry(recipients, in: &opened)
                report.nanoseconds = monotonicNanoseconds() &- began
                return report
            }
        } catch {
            return MessageReport(message: message.description, outcome: .postponed(reason: error.description))
        }
    }

    private func due(_ contents: ControlFile, _ message: MessageName) throws(ControlAccessError) -> [ControlRecipient] {
        // One whose sender or header is missing cannot be given to another control file: it stays, and expires.
        let held = contents.recipients.filter {
            $0.tag == .pending && $0.address.isChannel("hold") && $0.sender != nil && $0.headerLine != nil
        }
        guard !held.isEmpty else { return [] }
        let dates: MessageDates
        do throws(FileError) {
            guard let present = try postOffice.dates(of: message, contents) else { return [] }
            dates = present
        } catch {
            throw .file(error)
        }
        var attempts: [Int: [Int64]] = [:]
        for (_, _, diagnostic) in contents.diagnostics {
            attempts[diagnostic.recipientOffset, default: []].append(Int64(diagnostic.time))
        }
        let now = Int64(time(nil))
        return held.filter { recipient in
            let own = MessageDates(
                arrival: dates.arrival, changed: dates.changed, attempts: attempts[recipient.offset] ?? [])
            return rule.isDue(recipient, own, now: now)
        }
    }

    private func retry(_ recipients: [ControlRecipient], in opened: inout OpenControlFile) -> MessageReport {
        var request = Resolver.Request()
        request.isSubmitted = true
        request.isErrorMessage = recipients[0].sender?.isChannel("error") ?? false
        let addresses = recipients.map { Self.address($0.address.user) }
        let answers = router.resolve([AddressQuestion(addresses, request)]).first ?? []
        let name = opened.message.description
        var report = MessageReport(message: name, outcome: .stillHeld)
        report.sender = recipients[0].errorAddress ?? []
        var routed: [GivenRecipient] = []
        var delayed: [Diagnostic] = []
        for (index, recipient) in recipients.enumerated() where answers.indices.contains(index) {
            let resolution = answers[index]
            let routes = report.add(resolution, of: addresses[index])
            if routes.allSatisfy({ $0.isChannel("hold") }) {
                delayed.append(Self.delay(recipient, resolution))
            } else {
                let originals = recipient.submittedAddresses
                let known = originals.isEmpty ? [recipient.addressKnownToSender] : originals
                routed.append(
                    GivenRecipient(
                        recipient: recipient,
                        targets: routes.flatMap { route in
                            known.map { original in
                                GivenRecipient.Target(
                                    address: ControlAddress(route), original: original,
                                    notification: recipient.notification)
                            }
                        }))
            }
        }
        do {
            try opened.append(delayed)
            guard !routed.isEmpty else {
                try opened.sync()
                return report
            }
            return report.with(.rerouted(into: try takeOver(routed, in: &opened)))
        } catch {
            return report.with(.postponed(reason: "\(name): \(error)"))
        }
    }

    /// Gives recipients that have routes now a control file of their own.
    ///
    /// - Returns: its name; nil where all their mailboxes are served by other control files already.
    func takeOver(_ given: [GivenRecipient], in opened: inout OpenControlFile) throws -> MessageName? {
        let contents = opened.contents
        let offsets = given.map(\.recipient.offset)
        let served = try servedMailboxes(contents, of: opened.message, but: Set(offsets))
        var groups: [ControlFileDraft.Group] = []
        let blocks = Dictionary(grouping: given) { $0.recipient.headerLine ?? -1 }
        for (_, block) in blocks.sorted(by: { $0.key < $1.key }) {
            guard let first = block.first?.recipient, let sender = first.sender else { continue }
            var members = RoutedRecipients()
            for address in served { members.leaveOut(address) }
            for target in block.flatMap(\.targets) {
                members.add(
                    target.address, original: target.original, notification: target.notification,
                    isServed: target.isServed)
            }
            guard !members.isEmpty else { continue }
            // Both belong to the message, and stand with each recipient that has parameters.
            groups += members.groups(
                sender: sender, errorAddress: first.errorAddress, senderIsLocal: true,
                returnMode: block.lazy.compactMap(\.recipient.returnMode).first,
                envelopeIdentifier: block.lazy.compactMap(\.recipient.envelopeIdentifier).first,
                header: contents.header(of: first) ?? [])
        }
        guard !groups.isEmpty else {
            for offset in offsets { try opened.mark(.done, recipientAt: offset) }
            try opened.sync()
            return nil
        }
        guard let bodyOffset = contents.bodyOffset else { throw ControlFileError.missing(.bodyOffset) }
        return try opened.takeOver(
            recipientsAt: offsets,
            into: ControlFileDraft(
                bodyOffset: bodyOffset, logIdentity: contents.logIdentity,
                errorAddress: contents.lines.first { $0.kind == .errorAddress }?.text, groups: groups))
    }

    /// The mailboxes that the message, and what was split off it before, serve already.
    ///
    /// Where a delivery has failed another address that leads there is to be told of a failure of its own.
    ///
    /// - Parameter given: the recipients that are given over, by the places of their lines.
    private func servedMailboxes(
        _ contents: ControlFile, of message: MessageName, but given: Set<Int>
    ) throws(ControlAccessError) -> [ControlAddress] {
        var served: [ControlAddress] = []
        let givenOver = contents.givenOver
        for recipient in contents.recipients where !given.contains(recipient.offset) && recipient.tag != .failed {
            let isHeld = recipient.address.isChannel(OpenControlFile.holdChannel)
            if !isHeld { served.append(recipient.address) }
            guard isHeld || givenOver.contains(recipient.offset), recipient.tag == .done,
                let name = message.takingOver(recipientAt: recipient.offset)
            else { continue }
            for isOnHold in [false, true] {
                if let split = try postOffice.controlFile(of: name, onHold: isOnHold) {
                    served += split.recipients.lazy.filter { $0.tag != .failed }.map(\.address)
                }
            }
        }
        return served
    }

    /// The address that a held recipient's user field is: as it stands, or without the quotes it was put in as a whole.
    static func address(_ field: [UInt8]) -> [UInt8] {
        (try? EnvelopeAddress(field)) == nil ? ControlField.unquoted(field) : field
    }

    private static func delay(_ recipient: ControlRecipient, _ resolution: Resolution) -> Diagnostic {
        let reason = Array((resolution.failure?.cause ?? "held by a value of a map").utf8)
        return Diagnostic(
            recipient: recipient, time: time(nil),
            notary: .init(
                address: recipient.address.user, action: Array("delayed".utf8),
                // A directory server failed (RFC 3463, 3.5).
                status: Array("4.4.3".utf8), diagnostic: Array("x-zroute; ".utf8) + reason,
                place: Array(" (LOCAL)".utf8), agent: Array("route-queue[\(getpid())]".utf8)),
            message: reason)
    }
}

/// A recipient that is given over to another control file, and who is to have the message there in its place.
struct GivenRecipient {
    /// A mailbox that a submitted address leads to.
    struct Target {
        let address: ControlAddress
        let original: OriginalRecipient
        let notification: [UInt8]?
        /// Whether the address is served there already.
        var isServed = false
    }

    let recipient: ControlRecipient
    let targets: [Target]
}

extension MessageReport {
    fileprivate func with(_ outcome: Outcome) -> MessageReport {
        var report = MessageReport(message: message, outcome: outcome)
        report.sender = sender
        report.deliveries = deliveries
        report.notices = notices
        return report
    }
}
