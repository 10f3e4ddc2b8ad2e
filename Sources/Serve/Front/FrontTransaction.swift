// One transaction of a client as the front sees it: which stores it concerns, what each has said, what goes into the spool.

import Delivery
import LMTP
import MailSubmission
import MailSyntax

/// What a store is asked for on behalf of one transaction.
struct FrontStore: Sendable {
    /// One RCPT at the store, and what it said.
    struct Slot: Sendable {
        let address: [UInt8]
        /// The recipients whose mailbox it is, by their numbers: one copy serves them all.
        var recipients: [Int]
        var reply: Reply?
        var final: Reply?

        /// Whether its outcome is open: it was accepted, and the message is not answered.
        var isOpen: Bool { reply?.severity == .success && final == nil }
    }

    let number: Int
    let destination: Destination
    let isInternationalized: Bool
    var slots: [Slot] = []
    /// How many of them are open.
    var openSlots = 0
    /// Where the slots are, once there are more than a few.
    private var slotOfAddress: [[UInt8]: Int] = [:]
    /// What it announced; nil before its session was opened.
    var extensions: Capabilities.Extensions?
    /// Whether it was asked to invite the message, after which it is asked for no recipient; and whether it has.
    var isAsked = false, isInvited = false
    /// Whether the message goes to it.
    var isReceiving = false
    /// Whether it cannot take more of the message at the moment.
    var isBlocked = false
    /// Whether nothing is to be said to it any more.
    var isOver = false

    /// Makes a store with its first recipient.
    init(number: Int, destination: Destination, isInternationalized: Bool, address: [UInt8], recipient: Int) {
        self.number = number
        self.destination = destination
        self.isInternationalized = isInternationalized
        add(address, recipient)
    }

    /// Adds an address with its first recipient.
    mutating func add(_ address: [UInt8], _ recipient: Int) {
        slots.append(Slot(address: address, recipients: [recipient]))
        if slots.count == Self.searchedSlots {
            for (place, slot) in slots.enumerated() { slotOfAddress[slot.address] = place }
        } else if slots.count > Self.searchedSlots {
            slotOfAddress[address] = slots.count - 1
        }
    }

    /// The slot of an address that was added.
    func slot(of address: [UInt8]) -> Int? {
        slots.count < Self.searchedSlots ? slots.firstIndex { $0.address == address } : slotOfAddress[address]
    }

    /// As many are searched one by one.
    private static let searchedSlots = 16

    /// Notes the reply to RCPT, and gives those who wait for it; nobody where it is known already.
    mutating func setReply(_ reply: Reply, slot: Int) -> [Int] {
        guard slots.indices.contains(slot), slots[slot].reply == nil else { return [] }
        slots[slot].reply = reply
        if reply.severity == .success { openSlots += 1 }
        return slots[slot].recipients
    }

    /// Notes what became of the message, and gives those whose outcome it is; nobody where it is known already.
    mutating func setFinal(_ reply: Reply, slot: Int) -> [Int] {
        guard slots.indices.contains(slot), slots[slot].isOpen else { return [] }
        slots[slot].final = reply
        openSlots -= 1
        if openSlots == 0 { isBlocked = false }
        return slots[slot].recipients
    }

    /// Nothing more is said to it.
    mutating func end() {
        isOver = true
        isBlocked = false
    }

    /// Whether the message may have bytes beyond ASCII that it does not take.
    var mayRefuseEightBit: Bool {
        let options = destination.options
        return options.forcesSevenBit
            || (extensions?.contains(.eightBitMIME) == false && !options.forcesEightBit)
    }

    /// Its number, where it may be asked to invite the message.
    var numberIfAskable: Int? { isOver || isAsked ? nil : number }

    /// Whether the message was answered before it began, for anybody.
    var hasEarlyFinal: Bool { slots.contains { $0.final != nil } }

    /// Its number, where the message goes to it.
    var numberIfReceiving: Int? { isReceiving && !isOver ? number : nil }

    /// Whether anybody waits for what it says to the message.
    var hasOpenSlots: Bool { openSlots > 0 }
}

/// What goes into the spool of one transaction.
struct FrontSpool: Sendable {
    enum State: Sendable {
        /// No message has begun.
        case waiting
        /// The message is written as it comes.
        case writing
        /// The whole message waits to be durable.
        case committing
        case over
    }

    var recipients: [(number: Int, recipient: EnvelopeRecipient)] = []
    var state = State.waiting
    var conversion = LineFeedConversion()
    /// Bytes that were given to be written, and are not.
    var pendingBytes = 0
}

/// A transaction from MAIL to the last reply to its message.
struct FrontTransaction: Sendable {
    let number: Int
    let envelope: Envelope
    /// Those that are being resolved.
    var asked: [(number: Int, recipient: EnvelopeRecipient)] = []
    var stores: [FrontStore] = []
    var spool = FrontSpool()
    /// The recipients whose mail is thrown away.
    var discarded: [Int] = []
    var message = PassingMessage()
    var encoder = MessageEncoder(framing: .data)
    /// What goes to the stores before the first piece of the message.
    var mark: [UInt8] = []
    var isMessageBegun = false
    var isMessageWhole = false

    init(number: Int, envelope: Envelope) {
        self.number = number
        self.envelope = envelope
    }

    /// Whether a store that receives its message cannot take more of it.
    var hasBlockedStore: Bool { stores.contains { $0.isBlocked } }

    /// Whether a store's number is one of its own.
    func hasStore(_ number: Int) -> Bool { stores.contains { $0.number == number } }

    /// The number of the store that its message goes to at a destination, where that has not ended.
    func storeUnderWay(at destination: Destination) -> Int? {
        stores.last { $0.destination === destination && $0.isReceiving && !$0.isOver }?.number
    }

    /// The position of a store that is asked for such addresses, and may be asked for another.
    func store(for destination: Destination, isInternationalized: Bool) -> Int? {
        stores.firstIndex {
            $0.destination === destination && $0.isInternationalized == isInternationalized && !$0.isOver && !$0.isAsked
        }
    }
}

/// What a front has counted since it was last asked.
package struct FrontTally: Sendable, Hashable {
    /// Transactions begun, and messages that came whole.
    package var transactions = 0, messages = 0
    /// Messages whose last reply is known.
    package var answered = 0
    /// Recipients by the reply to RCPT.
    package var accepted = 0, refused = 0, putOff = 0
    /// Accepted recipients by the reply to the message, and of the delivered those that the spool took.
    package var delivered = 0, failed = 0, deferred = 0, spooled = 0

    /// Nothing counted.
    package init() {}

    /// Adds another's counts.
    package mutating func add(_ other: FrontTally) {
        transactions &+= other.transactions
        messages &+= other.messages
        answered &+= other.answered
        accepted &+= other.accepted
        refused &+= other.refused
        putOff &+= other.putOff
        delivered &+= other.delivered
        failed &+= other.failed
        deferred &+= other.deferred
        spooled &+= other.spooled
    }

    mutating func countAnswer(_ reply: Reply) {
        switch reply.severity {
        case .success: accepted += 1
        case .permanentFailure: refused += 1
        default: putOff += 1
        }
    }

    mutating func countFinal(_ reply: Reply) {
        switch reply.severity {
        case .success: delivered += 1
        case .permanentFailure: failed += 1
        default: deferred += 1
        }
    }
}
