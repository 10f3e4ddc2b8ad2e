// The message of a transaction: to every store that has recipients of it, into the spool, or to nobody.

import Bytes
import Delivery
import LMTP
import MailSubmission
import MailSyntax

extension FrontSession {
    /// A message comes.
    mutating func beginMessage() {
        // Taken, and put back: a copy would have everything in it copied at its first change.
        guard var current = transaction.take() else { return }
        current.isMessageBegun = true
        for index in current.stores.indices where !current.stores[index].isOver {
            let number = current.stores[index].number
            if current.stores[index].hasOpenSlots {
                current.stores[index].isReceiving = true
                if !current.stores[index].isAsked { actions.append(.store(number, .beginMessage)) }
            } else {
                current.stores[index].end()
                actions.append(.store(number, .abandon))
            }
        }
        current.mark = ReceivedField.bytes(
            client: session.clientName ?? [], host: settings.host, session: name, number: current.number,
            isInternationalized: current.envelope.hasInternationalizedHeader, date: date.text(of: clock()))
        transaction = current
        let isQueued = beginSubmission(client: session.clientName ?? [])
        session.messageDecided()
        // Whose store was lost since RCPT, or has refused the message already.
        for index in transaction?.stores.indices ?? 0..<0 where transaction?.stores[index].hasEarlyFinal == true {
            for slot in transaction?.stores[index].slots ?? [] {
                guard let final = slot.final else { continue }
                for recipient in slot.recipients { conclude(recipient, final) }
            }
        }
        if !isQueued { settleSpool(Self.unwritable) }
    }

    /// Has stores invite the message along with their recipients, where the client has asked for that already, and no
    /// recipient can follow.
    mutating func inviteAlong() {
        guard session.isMessageWaiting, transaction?.asked.isEmpty == true, transaction?.isMessageBegun == false else {
            return
        }
        for index in transaction?.stores.indices ?? 0..<0 {
            guard let number = transaction?.stores[index].numberIfAskable else { continue }
            transaction?.stores[index].isAsked = true
            actions.append(.store(number, .beginMessage))
        }
    }

    /// The next piece of the message.
    mutating func pass(_ bytes: [UInt8]) {
        guard transaction != nil else { return }
        let isWholeLookedAt =
            transaction?.stores.contains { $0.isReceiving && !$0.isOver && $0.mayRefuseEightBit } == true
        transaction?.message.look(at: bytes.span, isWholeLookedAt: isWholeLookedAt)
        guard let message = transaction?.message else { return }
        if message.hopCount > settings.mostHops {
            return refuseAll(
                Reply(
                    local: 554, .init(5, 4, 6),
                    "mail loop: the message has passed more than \(settings.mostHops) hosts"))
        }
        if message.isEightBit { refuseStores(message) }
        send(bytes)
        guard case .writing? = transaction?.spool.state,
            let converted = transaction?.spool.conversion.convert(bytes)
        else { return }
        writeToSpool(converted)
    }

    /// The message is whole.
    mutating func endMessage() {
        guard transaction != nil else { return }
        tally.messages += 1
        // A message without a byte has our mark all the same.
        send([])
        var rest: [UInt8] = []
        transaction?.encoder.finish(into: &rest)
        transaction?.isMessageWhole = true
        for index in transaction?.stores.indices ?? 0..<0 {
            guard let number = transaction?.stores[index].numberIfReceiving else { continue }
            if !rest.isEmpty { actions.append(.store(number, .message(rest))) }
            actions.append(.store(number, .endMessage))
        }
        if case .writing? = transaction?.spool.state {
            if let rest = transaction?.spool.conversion.finish(), !rest.isEmpty { writeToSpool(rest) }
            transaction?.spool.state = .committing
            if let number = transaction?.number { actions.append(.spool(number, .commit)) }
        }
        for recipient in transaction?.discarded ?? [] { conclude(recipient, RecipientDecision.discarded) }
    }

    /// Nothing of the transaction may be delivered.
    mutating func discard() {
        guard let current = transaction.take() else { return }
        for store in current.stores where !store.isOver { actions.append(.store(store.number, .abandon)) }
        switch current.spool.state {
        case .writing, .committing: actions.append(.spool(current.number, .discard))
        case .waiting, .over: break
        }
    }

    // MARK: Stores

    /// Sends bytes of the message to all stores that receive it.
    private mutating func send(_ bytes: [UInt8]) {
        guard transaction?.stores.contains(where: { $0.isReceiving && !$0.isOver }) == true else { return }
        var wire: [UInt8] = []
        if let mark = transaction?.mark, !mark.isEmpty {
            // Room for the worst case of both, in one piece.
            wire.reserveCapacity((mark.count + bytes.count) * 2)
            transaction?.encoder.encode(mark.span, into: &wire)
            transaction?.mark = []
        }
        transaction?.encoder.encode(bytes.span, into: &wire)
        guard !wire.isEmpty else { return }
        for index in transaction?.stores.indices ?? 0..<0 {
            guard let number = transaction?.stores[index].numberIfReceiving else { continue }
            // Until it invites the message, one piece waits for that, and no more is read.
            if transaction?.stores[index].isInvited == false { transaction?.stores[index].isBlocked = true }
            actions.append(.store(number, .message(wire)))
        }
    }

    /// Refuses the message for whose store cannot take it as it is.
    private mutating func refuseStores(_ message: PassingMessage) {
        let isInternationalized = transaction?.envelope.hasInternationalizedHeader == true && message.hasEightBitHeader
        for index in transaction?.stores.indices ?? 0..<0 {
            guard let store = transaction?.stores[index], store.isReceiving, !store.isOver else { continue }
            if store.mayRefuseEightBit {
                refuse(index, Self.conversionNeeded)
            } else if isInternationalized, store.extensions?.contains(.smtpUTF8) == false {
                refuse(index, Self.headerNotTaken)
            }
        }
    }

    private static let conversionNeeded = Reply(
        local: 554, .init(5, 6, 3), "the message has bytes beyond ASCII, and its store does not take them (8BITMIME)")
    private static let headerNotTaken = Reply(
        local: 554, .init(5, 6, 9),
        "the message's header is internationalised, and its store does not take that (SMTPUTF8)")

    /// Gives a store up, and refuses the message for its recipients.
    private mutating func refuse(_ index: Int, _ reply: Reply) {
        guard let number = transaction?.stores[index].number else { return }
        transaction?.stores[index].end()
        actions.append(.store(number, .abandon))
        for slot in transaction?.stores[index].slots.indices ?? 0..<0 {
            for recipient in transaction?.stores[index].setFinal(reply, slot: slot) ?? [] { conclude(recipient, reply) }
        }
    }

    /// Refuses the message for everybody.
    private mutating func refuseAll(_ reply: Reply) {
        for index in transaction?.stores.indices ?? 0..<0 where transaction?.stores[index].isOver == false {
            refuse(index, reply)
        }
        if let number = transaction?.number, case .writing? = transaction?.spool.state {
            actions.append(.spool(number, .discard))
        }
        settleSpool(reply)
        for recipient in transaction?.discarded ?? [] { conclude(recipient, reply) }
        transaction?.discarded = []
    }

    // MARK: The spool

    /// Begins a submission for the recipients that need one.
    ///
    /// - Returns: false where it cannot be written.
    private mutating func beginSubmission(client: [UInt8]) -> Bool {
        guard transaction?.spool.recipients.isEmpty == false, let current = transaction else { return true }
        var origin = SubmissionOrigin()
        origin.isExternal = true
        origin.client = client
        origin.with = Array("LMTP".utf8)
        guard
            let head = SubmissionHead(
                current.envelope, recipients: current.spool.recipients.map(\.recipient),
                bodyType: current.envelope.bodyType == .eightBit ? "8BITMIME" : nil, origin: origin)
        else { return false }
        transaction?.spool.state = .writing
        transaction?.spool.pendingBytes = head.bytes.count
        actions.append(.spool(current.number, .begin(head.bytes)))
        return true
    }

    private mutating func writeToSpool(_ bytes: [UInt8]) {
        guard let number = transaction?.number, !bytes.isEmpty else { return }
        transaction?.spool.pendingBytes += bytes.count
        actions.append(.spool(number, .write(bytes)))
    }

    /// Something has come of a submission; what is not of this transaction means nothing.
    package mutating func spoolSaid(_ number: Int, _ event: SpoolEvent) {
        let isEarlier = number == ended?.number
        if isEarlier { swap(&transaction, &ended) }
        note(event, ofSubmission: number)
        if isEarlier { swap(&transaction, &ended) }
        carryOut()
    }

    private mutating func note(_ event: SpoolEvent, ofSubmission number: Int) {
        guard number == transaction?.number else { return }
        switch event {
        case .wrote(let count):
            let pending = transaction?.spool.pendingBytes ?? 0
            transaction?.spool.pendingBytes = max(0, pending - count)
        case .committed:
            guard case .committing? = transaction?.spool.state else { return }
            tally.spooled += transaction?.spool.recipients.count ?? 0
            settleSpool(Self.kept)
        case .failed:
            settleSpool(Self.unwritable)
        }
    }

    /// Says what became of the recipients that the spool was to take.
    private mutating func settleSpool(_ reply: Reply) {
        guard transaction?.spool.recipients.isEmpty == false, let spool = transaction?.spool else { return }
        if case .over = spool.state { return }
        transaction?.spool.state = .over
        transaction?.spool.pendingBytes = 0
        for (recipient, _) in spool.recipients { conclude(recipient, reply) }
    }

    private static let kept = Reply(local: 250, .init(2, 0, 0), "kept in the queue")
    private static let unwritable = Reply(local: 451, .init(4, 3, 1), "it cannot be written to the queue now")
}
