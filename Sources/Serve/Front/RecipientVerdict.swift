// What becomes of a recipient that a client names, by where routing takes it.

import Delivery
import LMTP
import MailSyntax
import QueueRouting
import Routing
import Spool

/// The way of one recipient through the front.
enum RecipientVerdict {
    /// It is answered at once; never by 2yz.
    case refuse(Reply)
    /// A store is asked, by this address.
    case store(Destination, [UInt8])
    /// Its mail is thrown away, as its route says.
    case discard
    /// Only the spool can take its mail, for this reason.
    case spool(Reason)

    /// Why a recipient is not passed on to a store.
    enum Reason: Sendable {
        /// It comes to more than one mailbox.
        case severalMailboxes
        /// Its channel is not one that is served here, or not now.
        case otherChannel(String)
    }

    /// Decides by the routes of an address.
    init(_ resolution: Resolution, of address: [UInt8], plan: DeliveryPlan) {
        if resolution.routes.count == 1 {
            self.init(ControlAddress(resolution.routes[0].writable), of: address, plan: plan)
            return
        }
        let mailboxes = Self.mailboxes(resolution)
        if mailboxes.isEmpty || mailboxes.contains(where: { $0.isChannel("hold") }) {
            self = .refuse(Self.uncertain)
            return
        }
        // One copy for all of them has one reply, which is that of a mailbox only where there is no other.
        let isRefused = mailboxes.allSatisfy { $0.isChannel("error") }
        guard let only = mailboxes.first, mailboxes.count == 1 || isRefused else {
            self = .spool(.severalMailboxes)
            return
        }
        self.init(only, of: address, plan: plan)
    }

    /// Decides by the only mailbox, or by one of several that are errors.
    private init(_ only: ControlAddress, of address: [UInt8], plan: DeliveryPlan) {
        switch RecipientDecision(only, known: address, plan: plan) {
        case .notOurs: self = .refuse(Self.uncertain)
        case .discard: self = .discard
        case .fail(let reply): self = .refuse(reply)
        case .deliver(let destination, _): self = .store(destination, destination.recipientAddress(only.user))
        case .keep(let reason, _, _): self = .spool(.otherChannel(reason))
        }
    }

    /// The routes as control files have them, those to one mailbox once.
    private static func mailboxes(_ resolution: Resolution) -> [ControlAddress] {
        var seen: Set<[[UInt8]]> = []
        return resolution.routes.map { ControlAddress($0.writable) }.filter { address in
            // The host of channel `local` is only the address it was reached by.
            seen.insert([address.channel, address.isChannel("local") ? [] : address.host, address.user]).inserted
        }
    }

    /// What is said where a map cannot be asked, or a route is on hold.
    private static let uncertain = Reply(local: 451, .init(4, 3, 0), "where this address leads cannot be known now")
}

extension RecipientVerdict.Reason {
    /// What a client is told where there is no spool.
    var reply: Reply {
        switch self {
        case .severalMailboxes:
            Reply(
                local: 451, .init(4, 3, 5), "it comes to several mailboxes, which takes a spool: set POSTOFFICE here")
        case .otherChannel:
            Reply(local: 451, .init(4, 3, 5), "no store is known for its channel, and there is no spool to keep it in")
        }
    }
}
