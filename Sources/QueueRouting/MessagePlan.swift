// One submission on its way through the engine: what is to be asked, and the control file that the answers make.

import Bytes
import MailSyntax
package import Routing
package import Spool

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

// The recipients of one message after routing: one copy for one mailbox, in groups that share a header.

/// Collects routes, and makes one recipient of those that lead to the same mailbox.
struct RoutedRecipients {
    private struct Member {
        let route: Route
        let address: ControlAddress
        let original: OriginalRecipient
        var notification: [UInt8]?
    }

    private var members: [Member] = []
    private var places: [Mailbox: Int] = [:]
    private var taken: Set<Mailbox> = []

    /// Whether there is nobody to deliver to.
    var isEmpty: Bool { members.isEmpty }

    /// Adds a route; a second one to a mailbox only widens what its first one's sender is told.
    ///
    /// - Parameters:
    ///   - original: the address that it came from, as it was submitted.
    ///   - notification: the parameters of that address.
    mutating func add(_ route: Route, original: OriginalRecipient, notification: [UInt8]?) {
        let address = ControlAddress(route)
        let mailbox = Mailbox(address)
        guard !taken.contains(mailbox) else { return }
        if let place = places[mailbox] {
            members[place].notification = NotificationParameters.union(members[place].notification, notification)
        } else {
            places[mailbox] = members.count
            members.append(Member(route: route, address: address, original: original, notification: notification))
        }
    }

    /// Leaves a mailbox out that another control file of the message serves already.
    mutating func leaveOut(_ address: ControlAddress) {
        taken.insert(Mailbox(address))
    }

    /// The groups, in the order of their first recipients.
    ///
    /// - Parameters:
    ///   - sender: the sender line of all.
    ///   - errorAddress: where failures are reported to; nil for the null sender.
    ///   - senderIsLocal: whether the sender is this host's own.
    ///   - returnMode: FULL or HDRS, for the recipients that have notification parameters.
    ///   - envelopeIdentifier: for the same.
    ///   - header: the fields.
    func groups(
        sender: ControlAddress, errorAddress: [UInt8]?, senderIsLocal: Bool, returnMode: [UInt8]?,
        envelopeIdentifier: [UInt8]?, header: [UInt8]
    ) -> [ControlFileDraft.Group] {
        var groups: [ControlFileDraft.Group] = []
        var places: [HeaderClass: Int] = [:]
        for member in members {
            let hasNotification = member.notification != nil
            let recipient = ControlFileDraft.Recipient(
                address: member.address, notification: member.notification,
                returnMode: hasNotification ? returnMode : nil,
                envelopeIdentifier: hasNotification ? envelopeIdentifier : nil, originalRecipient: member.original)
            let form = HeaderClass(member.route, senderIsLocal: senderIsLocal)
            if let place = places[form] {
                groups[place].recipients.append(recipient)
            } else {
                places[form] = groups.count
                groups.append(
                    .init(errorAddress: errorAddress, sender: sender, recipients: [recipient], header: header))
            }
        }
        return groups
    }
}

/// What makes two addresses one mailbox.
struct Mailbox: Hashable {
    let channel: [UInt8]
    let host: [UInt8]
    let user: [UInt8]

    /// The host of channel `local` is only the address that the mailbox was reached by.
    init(_ address: ControlAddress) {
        channel = address.channel
        host = address.isChannel("local") ? [] : address.host
        user = address.user
    }
}

extension ControlAddress {
    /// The fields of a route.
    package init(_ route: Route) {
        self.init(
            channel: Array(route.channel), host: Array(route.host), user: Array(route.user),
            privilege: Int(route.privilege))
    }
}

extension Route {
    /// The route as a control file can hold it.
    ///
    /// A NUL or a line end cannot be written: what has one is no address that anybody can deliver to, and only its
    /// shape is kept for the report.
    package var writable: Route {
        func isWritable(_ byte: UInt8) -> Bool { byte != 0 && byte != 0x0A }
        if channel.allSatisfy(isWritable), host.allSatisfy(isWritable), user.allSatisfy(isWritable) { return self }
        return Route(
            channel: Array("error".utf8), host: Array("syntax".utf8),
            user: user.map { isWritable($0) ? $0 : UInt8(ascii: "?") },
            privilege: privilege)
    }
}

// Which recipients share a header: in ZMailer those for which the router rewrites it by the same function. Nothing is
// rewritten here, but the grouping is kept, as its programs and people know it.

/// How ZMailer writes the header for a channel.
enum HeaderClass {
    /// As for the Internet: `smtp*`, `bitbucket`, channels it does not know, and `local` from a local sender.
    case internet
    /// Not at all: `error`, and `local` from a remote sender.
    case unchanged

    init(_ route: Route, senderIsLocal: Bool) {
        self = route.isChannel("error") || (route.isChannel("local") && !senderIsLocal) ? .unchanged : .internet
    }
}
