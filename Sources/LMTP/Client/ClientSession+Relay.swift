// A transaction that is passed on while it comes, on a session that has nothing else to do meanwhile.
//
// The next one may go along with the end of its message, by the rules of ClientSession+Transactions.swift: exactly one final
// reply is due, the server's final replies have been seen to differ from its replies to MAIL, and the envelope goes as a whole.
// What the final reply was is told once the 354 of the one that went along stands in its place, or RSET is answered; until
// then nothing is told of that one either. A connection that ends before leaves to each what was answered to it.

import Bytes

extension ClientSession {
    /// Gives the session a transaction to pass on; it begins when the opening is done.
    ///
    /// It ends with one `ClientAction.relayEnded`, whatever happens. Nothing may be enqueued until then.
    public mutating func relay(_ transaction: consuming RelayTransaction) {
        if let ending = isStopping ? .stopped : ending {
            actions.append(.relayEnded(transaction, ending))
        } else {
            relayed = transaction
            advance()
        }
    }

    /// Changes the transaction that is passed on, and sends what that allows; nothing where there is none any more.
    public mutating func changeRelay(_ change: (inout RelayTransaction) -> Void) {
        // One that is held has had its last reply.
        guard relayed != nil, heldRelay == nil else { return }
        relayed?.change(change)
        advance()
    }

    /// Whether a transaction may be sent along with the end of the message that is passed on.
    ///
    /// It changes nothing, and is asked as `standing` is, so that nothing is copied.
    public mutating func mayRelayNext(_ next: borrowing RelayTransaction) -> Bool {
        guard case .ready = state, !isQuitRequested, !isStopping, nextRelay == nil, heldRelay == nil else {
            return false
        }
        guard tellsFinalReplies == true, !isWithinReply, relayed?.mayTakeNextAlong == true else { return false }
        let way = relayWay
        return way.isPipelined && next.mayGoAlong(way)
    }

    /// Sends a transaction along with the end of the message that is passed on, where `mayRelayNext` says so.
    ///
    /// It ends with a `ClientAction.relayEnded` of its own, after that of the one before; what is told of it follows that.
    public mutating func relayNext(_ transaction: consuming RelayTransaction) {
        advanceRelay()
        let start = output.count
        transaction.isUnconfirmed = true
        // What is sent as a whole waits: there is no other step.
        _ = transaction.advance(relayWay, into: &output, piece: packedCount + 1)
        if options.recordsTranscript { noteLines(from: start) }
        nextRelay = transaction
    }

    /// Changes the transaction that was sent along.
    public mutating func changeNextRelay(_ change: (inout RelayTransaction) -> Void) {
        if nextRelay != nil {
            nextRelay?.change(change)
        } else if heldRelay != nil {
            relayed?.change(change)
            advance()
        }
    }

    private var relayWay: RelayTransaction.Way {
        RelayTransaction.Way(
            capabilities: capabilities, dialect: options.dialect,
            isPipelined: options.usesPipelining && capabilities.extensions.contains(.pipelining),
            isWithinReply: isWithinReply)
    }

    /// Sends what can be sent of the transaction that is passed on, which is changed where it lies: it is large.
    mutating func advanceRelay() {
        guard case .ready = state, relayed != nil else { return }
        let start = output.count
        let way = relayWay
        guard let step = relayed?.advance(way, into: &output, piece: packedCount + 1) else { return }
        noteRelayed(from: start)
        takeStep(step)
    }

    /// Takes a reply that is due to the transaction that is passed on.
    mutating func handleRelayReply(_ reply: Reply) {
        let isFinal = relayed?.isEnded == true
        guard !isFinal || isRelayedFinal(reply) else {
            return fail(.protocolError("the reply to MAIL came where the final reply is due: \(reply)"))
        }
        let isToMail = relayed?.replyStage == .mail
        let isForeign = isToMail && isForeignToMail(reply)
        guard let step = relayed?.handle(reply, sentCount: sentCount, isForeignToMail: isForeign) else { return }
        if isFinal { lastRelayedFinal = reply } else if isToMail { lastReplyToMail = reply }
        // What that allows is sent once everything is read that has come: a reply too many is then known of.
        takeStep(step)
    }

    /// Whether a reply in the place of a final one is that, as far as this server's replies can be told apart.
    private mutating func isRelayedFinal(_ reply: Reply) -> Bool {
        guard reply.severity == .success, let mailReply = relayed?.mailReply else { return true }
        guard reply.resembles(mailReply) else {
            tellsFinalReplies = tellsFinalReplies ?? true
            return true
        }
        // What went along may have been answered in its place.
        if nextRelay != nil { return false }
        tellsFinalReplies = false
        return true
    }

    /// Whether a reply to MAIL looks like one to a message before, and not like those to MAIL: one too many was said then.
    private func isForeignToMail(_ reply: Reply) -> Bool {
        guard let lastRelayedFinal, let lastReplyToMail else { return false }
        return reply.resembles(lastRelayedFinal) && !reply.resembles(lastReplyToMail)
    }

    private mutating func takeStep(_ step: RelayTransaction.Step) {
        if case .finished = step, nextRelay != nil {
            heldRelay = relayed.take()
            relayed = nextRelay.take()
            return
        }
        if relayed?.isUnconfirmed == false {
            tellHeld()
            while let event = relayed?.nextEvent() { act(.relayed(event)) }
        }
        switch step {
        case .wait: break
        case .finished:
            if let transaction = relayed.take() { act(.relayEnded(transaction, nil)) }
            if isStopping { fail(.stopped) }
        case .close: fail(.stopped)
        case .misfit(let what, let count):
            // Where replies are missing, what was read as the final one was not.
            if count == .tooFew, relayed?.isUnconfirmed == true { isHeldRelayWithdrawn = true }
            fail(.protocolError(what))
        }
    }

    /// Tells what became of the message before: the count of replies is proved right up to here.
    private mutating func tellHeld() {
        guard var held = heldRelay.take() else { return }
        while let event = held.nextEvent() { act(.relayed(event)) }
        act(.relayEnded(held, nil))
    }

    /// Ends the transaction that is passed on with the session; whoever drives it decides whether it is tried again.
    mutating func interruptRelay(_ failure: ClientFailure) {
        if isHeldRelayWithdrawn || relayed?.castsDoubt == true, var held = heldRelay.take() {
            held.withdrawFinals()
            act(.relayEnded(held, failure))
        }
        tellHeld()
        for transaction in [relayed.take(), nextRelay.take()] {
            guard var transaction else { continue }
            if transaction.isUnconfirmed { transaction.withdrawUntold() }
            act(.relayEnded(transaction, failure))
        }
    }

    /// Notes commands in the transcript; a message is no part of it.
    private mutating func noteRelayed(from start: Int) {
        guard options.recordsTranscript, output.count > start, let transaction = relayed else { return }
        if transaction.stage == .body { return }
        if transaction.isEnded {
            transcript.append(TranscriptLine(speaker: .client, bytes: [ASCII.dot]))
        } else {
            noteLines(from: start)
        }
    }
}

extension RelayTransaction {
    /// Changes it by wishes.
    fileprivate mutating func change(_ change: (inout RelayTransaction) -> Void) { change(&self) }
}
