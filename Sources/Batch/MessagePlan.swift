// One submission on its way through the engine: what is to be asked, and the control file that the answers make.

import MailAddress
import Routing
import Spool

/// What a submission asks of the engine.
struct MessagePlan {
    let submission: Submission
    let sender: MessageSender
    let recipients: [SubmittedRecipient]
    /// The plan for a submission.
    ///
    /// - Throws: `RoutingRejection` where the submission cannot be routed whatever the maps say.
    init(_ submission: Submission, site: BatchSite) throws(RoutingRejection) {
        self.submission = submission
        sender = try MessageSender(submission, atDomain: site.atDomain)
        recipients = try submission.recipients()
    }

    /// The sender, then the recipients.
    var questions: [AddressQuestion] {
        var request = Resolver.Request()
        request.isErrorMessage = submission.envelope.isErrorMessage
        var senderRequest = request
        senderRequest.role = .sender
        senderRequest.isSubmitted = submission.envelope.isExternal
        request.isSubmitted = true
        return [
            AddressQuestion(sender.address.map { [$0] } ?? [], senderRequest),
            AddressQuestion(recipients.map(\.address), request),
        ]
    }

    /// Makes the control file of the answers, and adds the recipients to the message's report.
    ///
    /// - Parameter answers: the resolutions of `questions`.
    /// - Throws: `RoutingRejection` where the sender is unusable or a value cannot be written.
    func controlFile(
        _ answers: ArraySlice<[Resolution]>, name: MessageName, stamp: MessageStamp, report: inout MessageReport
    ) throws(RoutingRejection) -> ControlFile {
        let origin = answers.first?.first
        if case .syntax(let error) = origin?.failure {
            throw .unusableSender(error.map { "\($0)" } ?? "a channel may not be chosen by an address")
        }
        var routed = RoutedRecipients()
        for (recipient, resolution) in zip(recipients, answers.last ?? []) {
            let original = OriginalRecipient(address: recipient.address)
            for route in report.add(resolution, of: recipient.address) {
                routed.add(route, original: original, notification: recipient.notification)
            }
        }
        let header = OutgoingHeader(submission, sender: sender, stamp: stamp)
        let draft = ControlFileDraft(
            bodyOffset: submission.bodyOffset, logIdentity: header.messageIdentifier,
            errorAddress: sender.address.map { [UInt8(ascii: "<")] + $0 + [UInt8(ascii: ">")] },
            groups: routed.groups(
                sender: sender.control, errorAddress: sender.address,
                senderIsLocal: origin?.routes.first?.isChannel("local") ?? false,
                returnMode: submission.envelope.returnMode,
                envelopeIdentifier: submission.envelope.envelopeIdentifier, header: header.bytes))
        do throws(ControlFileError) {
            return try draft.file(name: name)
        } catch {
            throw .unwritable(error)
        }
    }
}
