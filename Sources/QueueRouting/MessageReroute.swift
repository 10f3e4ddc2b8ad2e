// Routes a message anew that was routed already, after a map was mended: what has not been delivered of it goes, by the routes
// that its addresses have now, into a control file of its own (OpenControlFile.takeOver says why a crash at any point repeats
// nothing). Whoever has his copy gets no second one.

import Bytes
import MailSyntax
import Routing
package import Spool
import System

/// What became of a message that was routed anew.
package struct RerouteReport: Sendable {
    /// How many recipients were given other routes.
    package fileprivate(set) var rerouted = 0
    /// The message that has them now; nil where there is nobody who has not his copy already, or nothing changed.
    package fileprivate(set) var message: MessageName?
    /// How many recipients have the routes that they had.
    package fileprivate(set) var unchanged = 0
    /// Recipients that stay as they were, with the reason, in order.
    package fileprivate(set) var kept: [(address: [UInt8], reason: String)] = []
    /// Whether nothing is left to do for the old one, which whoever delivers removes.
    package fileprivate(set) var isFinished = false
    /// Why nothing was changed, or how far that came; nil where it went well.
    package fileprivate(set) var failure: String?
}

/// One way through a message.
struct MessageReroute {
    let postOffice: PostOffice
    let router: any AddressRouter

    func run(_ opened: consuming OpenControlFile) -> RerouteReport {
        var report = RerouteReport()
        var message = opened
        do {
            try reroute(&message, &report)
        } catch {
            // It may have been decided: whoever opens the message next can tell, and releases the tags of this process then.
            report.failure = "\(error)"
            return report
        }
        // What was locked and not given over waits as before.
        for recipient in message.contents.recipients where recipient.isLockedHere {
            do throws(FileError) {
                try message.mark(.pending, recipientAt: recipient.offset)
            } catch {
                report.failure = report.failure ?? error.description
            }
        }
        report.isFinished = message.contents.isFinished
        return report
    }

    private func reroute(_ message: inout OpenControlFile, _ report: inout RerouteReport) throws {
        let lines = try lines(&message, &report)
        var groups = RerouteGroup.all(of: lines)
        guard let first = groups.first?.waiting.first?.recipient else { return }
        if let other = try unknownAddress(message, lines) {
            for line in groups.flatMap(\.waiting) {
                report.kept.append(
                    (
                        line.addresses[0],
                        "the message was submitted for \(String(decoding: other, as: UTF8.self)) too, and the control file does"
                            + " not tell which of its recipients that is"
                    ))
            }
            return
        }
        var request = Resolver.Request()
        request.isSubmitted = true
        request.isErrorMessage = first.sender?.isChannel("error") ?? false
        let addresses = groups.flatMap(\.addresses)
        let answers = router.resolve([AddressQuestion(addresses, request)]).first ?? []
        guard answers.count == addresses.count else {
            report.failure = "the engine did not answer for all recipients"
            return
        }
        let resolutions = Dictionary(zip(addresses, answers)) { first, _ in first }
        groups = RerouteGroup.joined(
            groups, by: resolutions.mapValues { $0.routes.map { ControlAddress($0.writable) } })
        var given: [GivenRecipient] = []
        for group in groups {
            if let (address, resolution) = group.addresses.lazy.compactMap({ address in
                resolutions[address].map { (address, $0) }
            }).first(where: { $1.routes.contains { $0.isChannel("hold") } }) {
                report.kept.append((address, resolution.failure?.description ?? "a value of a map holds it"))
                continue
            }
            switch group.decision() {
            case .unchanged: report.unchanged += group.waiting.count
            case .unclear(let address):
                let reason = "whether some of its new routes lead to people who have their copy cannot be told"
                report.kept.append((address, reason))
            case .given(let recipients): given += recipients
            }
        }
        guard !given.isEmpty else { return }
        let held = HeldMessage(postOffice: postOffice, router: router, rule: .atOnce)
        report.message = try held.takeOver(given, in: &message)
        report.rerouted = given.count
    }

    /// The recipients whose addresses are known; those that wait are locked, if nobody else works on them.
    private func lines(
        _ message: inout OpenControlFile, _ report: inout RerouteReport
    ) throws(FileError) -> [RerouteLine] {
        var lines: [RerouteLine] = []
        for recipient in message.contents.recipients {
            let addresses = recipient.submissions
            let isPending = recipient.tag == .pending
            guard !addresses.isEmpty else {
                if isPending {
                    let reason = "its control file does not say which address it was submitted with"
                    report.kept.append((recipient.addressKnownToSender.address, reason))
                }
                continue
            }
            // One whose sender or header is missing cannot be given to another control file.
            let isWhole = recipient.alternativeSet == nil && recipient.sender != nil && recipient.headerLine != nil
            let isWaiting = if isPending, isWhole { try message.lock(recipientAt: recipient.offset) } else { false }
            lines.append(RerouteLine(recipient: recipient, addresses: addresses, isWaiting: isWaiting))
        }
        return lines
    }

    /// An address of the message's envelope that none of its recipients has, in a file that an older version or ZMailer wrote:
    /// its mailbox is one of theirs, and moves with them or does not.
    private func unknownAddress(_ message: borrowing OpenControlFile, _ lines: [RerouteLine]) throws -> [UInt8]? {
        guard message.contents.origin == nil else { return nil }
        let submission: Submission
        do throws(SubmissionReadError) {
            guard let found = try postOffice.submission(message.message, in: .routed) else { return nil }
            submission = found.submission
        } catch {
            // What was put into the spool without an envelope.
            if case .content = error { return nil }
            throw error
        }
        guard !submission.envelope.recipients.isEmpty else { return nil }
        let known = Set(lines.flatMap(\.addresses))
        return try submission.recipients().map(\.address).first { !known.contains($0) }
    }
}

extension ControlRecipient {
    /// The addresses that it was submitted with; none where the file does not tell.
    fileprivate var submissions: [[UInt8]] {
        if !submittedAddresses.isEmpty { return submittedAddresses.map(\.address) }
        if let received = receivedAddress { return [received.address] }
        return address.isChannel(OpenControlFile.holdChannel) ? [HeldMessage.address(address.user)] : []
    }
}
