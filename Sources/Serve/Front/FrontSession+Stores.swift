// The recipients of a transaction, from the question where they lead to the words of their stores.

import Delivery
package import LMTP
import MailSyntax
package import Routing

extension FrontSession {
    // MARK: Recipients

    /// Asks where a recipient leads.
    mutating func ask(_ number: Int, _ recipient: EnvelopeRecipient) {
        guard let transactionNumber = transaction?.number else { return }
        transaction?.asked.append((number, recipient))
        var request = Resolver.Request()
        request.isSubmitted = true
        request.isErrorMessage = transaction?.envelope.sender.isEmpty == true
        actions.append(
            .resolve(Ticket(transaction: transactionNumber, recipient: number), recipient.address, request))
    }

    /// It is known where an address leads; an answer to a transaction that is over means nothing.
    package mutating func resolved(_ ticket: Ticket, _ resolution: Resolution) {
        guard ticket.transaction == transaction?.number,
            let place = transaction?.asked.firstIndex(where: { $0.number == ticket.recipient }),
            let recipient = transaction?.asked.remove(at: place).recipient
        else { return }
        let number = ticket.recipient
        switch RecipientVerdict(resolution, of: recipient.address, plan: plan) {
        case .refuse(let reply): answer(number, reply)
        case .discard:
            transaction?.discarded.append(number)
            answer(number, Self.recipientAccepted)
        case .spool(let reason):
            guard hasSpool else {
                if case .otherChannel(let text) = reason { actions.append(.report(text)) }
                answer(number, reason.reply)
                break
            }
            transaction?.spool.recipients.append((number, recipient))
            answer(number, Self.queued)
        case .store(let destination, let address): offer(number, recipient, address, to: destination)
        }
        carryOut()
        inviteAlong()
    }

    /// Says what becomes of a recipient so far.
    private mutating func answer(_ number: Int, _ reply: Reply) {
        tally.countAnswer(reply)
        session.recipientDecided(number, reply)
    }

    private mutating func offer(
        _ number: Int, _ recipient: EnvelopeRecipient, _ address: [UInt8], to destination: Destination
    ) {
        let isInternationalized = address.contains { $0 >= 0x80 }
        var asked = EnvelopeRecipient(
            address, notify: recipient.notify, originalRecipient: recipient.originalRecipient)
        if asked.originalRecipient == nil {
            // What holds without NOTIFY, as it goes along with an ORCPT of ours.
            asked.originalRecipient = OriginalRecipient(address: recipient.address)
            asked.notify = asked.notify ?? .failure
        }
        guard let index = transaction?.store(for: destination, isInternationalized: isInternationalized) else {
            return begin(number, asked, isInternationalized: isInternationalized, at: destination)
        }
        if let slot = transaction?.stores[index].slot(of: address) {
            // One mailbox by two addresses: it is asked once, and gets one copy.
            transaction?.stores[index].slots[slot].recipients.append(number)
            if let reply = transaction?.stores[index].slots[slot].reply { answer(number, reply) }
        } else if let storeNumber = transaction?.stores[index].number {
            transaction?.stores[index].add(address, number)
            actions.append(.store(storeNumber, .recipient(asked)))
        }
    }

    private mutating func begin(
        _ number: Int, _ recipient: EnvelopeRecipient, isInternationalized: Bool, at destination: Destination
    ) {
        guard var envelope = transaction?.envelope else { return }
        envelope.recipients = []
        if case .estimate(let octets) = envelope.length {
            // Our Received field comes on top.
            envelope.length = .estimate(octets.addingReportingOverflow(Self.receivedLength).partialValue)
        }
        storeCount += 1
        transaction?.stores.append(
            FrontStore(
                number: storeCount, destination: destination, isInternationalized: isInternationalized,
                address: recipient.address, recipient: number))
        let earlier = ended?.storeUnderWay(at: destination)
        actions.append(.store(storeCount, .begin(destination, envelope, recipient, after: earlier)))
    }

    /// About how long a Received field is, in octets.
    private static let receivedLength: UInt64 = 200

    static let recipientAccepted = Reply(local: 250, .init(2, 1, 5), "ok")
    static let queued = Reply(local: 250, .init(2, 1, 5), "ok, it goes into the queue")

    // MARK: Stores

    private func index(ofStore number: Int) -> Int? {
        transaction?.stores.firstIndex { $0.number == number }
    }

    /// A store has said something; what is not of this transaction means nothing.
    package mutating func storeSaid(_ number: Int, _ event: RelayTransaction.Event) {
        let isEarlier = ended?.hasStore(number) == true
        // What is noted of a transaction is noted of the one that is there.
        if isEarlier { swap(&transaction, &ended) }
        note(event, of: number)
        if isEarlier { swap(&transaction, &ended) }
        carryOut()
    }

    private mutating func note(_ event: RelayTransaction.Event, of number: Int) {
        guard let index = index(ofStore: number) else { return }
        switch event {
        case .began(let extensions): transaction?.stores[index].extensions = extensions
        case .invited:
            transaction?.stores[index].isInvited = true
            transaction?.stores[index].isBlocked = false
        case .recipient(let slot, let reply):
            for recipient in transaction?.stores[index].setReply(reply, slot: slot) ?? [] { answer(recipient, reply) }
        case .final(let slot, let reply): setFinal(reply, slot: slot, store: index)
        }
    }

    /// A store can take more of the message, or cannot at the moment.
    package mutating func storeIsBlocked(_ number: Int, _ isBlocked: Bool) {
        guard let index = index(ofStore: number), transaction?.stores[index].isOver == false else { return }
        let isAwaited = transaction?.stores[index].hasOpenSlots == true
        transaction?.stores[index].isBlocked = isBlocked && isAwaited
    }

    /// Nothing more comes of a store; whoever has no answer of it is deferred.
    package mutating func storeEnded(_ number: Int) {
        let isEarlier = ended?.hasStore(number) == true
        if isEarlier { swap(&transaction, &ended) }
        noteEnd(of: number)
        if isEarlier { swap(&transaction, &ended) }
        carryOut()
    }

    private mutating func noteEnd(of number: Int) {
        guard let index = index(ofStore: number) else { return }
        transaction?.stores[index].end()
        for slot in transaction?.stores[index].slots.indices ?? 0..<0 {
            for recipient in transaction?.stores[index].setReply(Self.lost, slot: slot) ?? [] {
                answer(recipient, Self.lost)
            }
            setFinal(Self.lost, slot: slot, store: index)
        }
    }

    private static let lost = Reply(local: 451, .init(4, 4, 2), "the store did not answer")

    /// Notes what became of the message, and says so as soon as there is a message.
    private mutating func setFinal(_ reply: Reply, slot: Int, store index: Int) {
        let recipients = transaction?.stores[index].setFinal(reply, slot: slot) ?? []
        guard transaction?.isMessageBegun == true else { return }
        for recipient in recipients { conclude(recipient, reply) }
    }

    /// Says what became of the message for an accepted recipient.
    mutating func conclude(_ recipient: Int, _ reply: Reply) {
        tally.countFinal(reply)
        session.recipientReply(recipient, reply)
    }
}
