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
                routed.add(ControlAddress(route), original: original, notification: recipient.notification)
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
    private struct Arrival: Hashable {
        let member: Int
        let original: OriginalRecipient
    }

    private var members: [ControlFileDraft.Recipient] = []
    private var places: [Mailbox: Int] = [:]
    private var arrivals: Set<Arrival> = []
    private var taken: Set<Mailbox> = []

    /// Whether there is nobody to deliver to.
    var isEmpty: Bool { members.allSatisfy(\.isServed) }

    /// Adds a mailbox; a second route to it only widens what its first one's sender is told, and its address is remembered.
    ///
    /// - Parameters:
    ///   - original: the address that it came from, as it was submitted.
    ///   - notification: the parameters of that address.
    ///   - isServed: whether that address is served at the mailbox already; another one may not be.
    mutating func add(
        _ address: ControlAddress, original: OriginalRecipient, notification: [UInt8]?, isServed: Bool = false
    ) {
        let mailbox = Mailbox(address)
        let isServed = isServed || taken.contains(mailbox)
        guard let place = places[mailbox] else {
            places[mailbox] = members.count
            members.append(
                .init(
                    address: address, notification: isServed ? nil : notification, originalRecipient: original,
                    isServed: isServed))
            return
        }
        if original != members[place].originalRecipient,
            arrivals.insert(Arrival(member: place, original: original)).inserted
        {
            members[place].otherRecipients.append(original)
        }
        guard !isServed else { return }
        guard members[place].isServed else {
            members[place].notification = NotificationParameters.union(members[place].notification, notification)
            return
        }
        // It is this address that something is to be told of, and none of those before.
        let known = [members[place].originalRecipient].compactMap(\.self) + members[place].otherRecipients
        members[place] = .init(
            address: address, notification: notification, originalRecipient: original,
            otherRecipients: known.filter { $0 != original })
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
            var recipient = member
            if member.notification != nil {
                recipient.returnMode = returnMode
                recipient.envelopeIdentifier = envelopeIdentifier
            }
            let form = HeaderClass(member.address, senderIsLocal: senderIsLocal)
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

    init(_ address: ControlAddress, senderIsLocal: Bool) {
        let isUnchanged = address.isChannel("error") || (address.isChannel("local") && !senderIsLocal)
        self = isUnchanged ? .unchanged : .internet
    }
}
