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
    /// Why nothing was changed, or how far that came; nil where it went well.
    package fileprivate(set) var failure: String?
}

/// One way through a message.
struct MessageReroute {
    let postOffice: PostOffice
    let router: any AddressRouter

    /// The recipients that one submitted address came to.
    fileprivate struct Group {
        let address: [UInt8]
        /// Whether its message was split off another one, in which others may have had their copies.
        let isSplitOff: Bool
        /// Those that wait, and are locked by this process.
        var waiting: [ControlRecipient] = []
        /// Those that are served, have failed, or are being worked on.
        var others: [ControlRecipient] = []
    }

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
        return report
    }

    private func reroute(_ message: inout OpenControlFile, _ report: inout RerouteReport) throws {
        let groups = try groups(&message, &report)
        guard !groups.isEmpty else { return }
        var request = Resolver.Request()
        request.isSubmitted = true
        request.isErrorMessage = groups[0].waiting[0].sender?.isChannel("error") ?? false
        let answers = router.resolve([AddressQuestion(groups.map(\.address), request)]).first ?? []
        guard answers.count == groups.count else {
            report.failure = "the engine did not answer for all recipients"
            return
        }
        var routed: [(recipient: ControlRecipient, routes: [Route])] = []
        for (group, resolution) in zip(groups, answers) {
            let routes = resolution.routes.map(\.writable)
            guard !routes.contains(where: { $0.isChannel("hold") }) else {
                report.kept.append((group.address, resolution.failure?.description ?? "a value of a map holds it"))
                continue
            }
            guard let new = group.newRoutes(routes) else {
                report.kept.append(
                    (group.address, "whether some of its new routes lead to people who have their copy cannot be told"))
                continue
            }
            let before = Set(group.waiting.map { Mailbox($0.address) })
            guard before != Set(new.map { Mailbox(ControlAddress($0)) }) else {
                report.unchanged += group.waiting.count
                continue
            }
            // The first brings all routes, and the others go with it.
            for (index, recipient) in group.waiting.enumerated() { routed.append((recipient, index == 0 ? new : [])) }
        }
        guard !routed.isEmpty else { return }
        let held = HeldMessage(postOffice: postOffice, router: router, rule: .atOnce)
        report.message = try held.takeOver(routed, in: &message)
        report.rerouted = routed.count
    }

    /// Locks what waits, and puts together what came of one address.
    private func groups(_ message: inout OpenControlFile, _ report: inout RerouteReport) throws(FileError) -> [Group] {
        var groups: [Group] = []
        var places: [[UInt8]: Int] = [:]
        for recipient in message.contents.recipients {
            let isWaiting = recipient.tag == .pending
            guard let address = recipient.submission else {
                if isWaiting {
                    let reason = "its control file does not say which address it was submitted with"
                    report.kept.append((recipient.addressKnownToSender.address, reason))
                }
                continue
            }
            let isWhole = recipient.alternativeSet == nil && recipient.sender != nil && recipient.headerLine != nil
            let place = places[address] ?? groups.count
            if place == groups.count {
                groups.append(Group(address: address, isSplitOff: message.contents.origin != nil))
                places[address] = place
            }
            if isWaiting, isWhole, try message.lock(recipientAt: recipient.offset) {
                groups[place].waiting.append(recipient)
            } else {
                groups[place].others.append(recipient)
            }
        }
        return groups.filter { !$0.waiting.isEmpty }
    }
}

extension MessageReroute.Group {
    /// The routes that lead to somebody who has no copy yet; nil where that cannot be told.
    ///
    /// Of an address that leads to several mailboxes some may be served already. They are known by the route that they had, and
    /// where a mended map gives everybody another host, by the user's name; unless that name is also one of those who wait.
    fileprivate func newRoutes(_ routes: [Route]) -> [Route]? {
        let served = Set(others.map { Mailbox($0.address) })
        let waiting = Set(waiting.map { Mailbox($0.address) })
        let servedUsers = Set(served.map(\.user))
        let waitingUsers = Set(waiting.map(\.user))
        if isSplitOff, !(waiting.count == 1 && routes.count == 1) {
            // Who is none of those that wait may have had a copy by the message that it was split off, which may be gone.
            let known = routes.filter { waitingUsers.contains(ControlAddress($0).user) }
            let isUnchanged = Set(known.map { Mailbox(ControlAddress($0)) }) == waiting
            return known.count == routes.count || isUnchanged ? known : nil
        }
        var new: [Route] = []
        for route in routes {
            let mailbox = Mailbox(ControlAddress(route))
            if served.contains(mailbox) { continue }
            if !waiting.contains(mailbox), servedUsers.contains(mailbox.user) {
                if waitingUsers.contains(mailbox.user) { return nil }
                continue
            }
            new.append(route)
        }
        return new
    }
}

extension ControlRecipient {
    /// The address that it was submitted with; nil where the file does not tell.
    fileprivate var submission: [UInt8]? {
        if let received = receivedAddress { return received.address }
        return address.isChannel(OpenControlFile.holdChannel) ? HeldMessage.address(address.user) : nil
    }
}
