// A transaction that is passed on while it comes, on a session that has nothing else to do meanwhile.

import Bytes

extension ClientSession {
    /// Gives the session a transaction to pass on; it begins when the opening is done.
    ///
    /// It ends with one `ClientAction.relayEnded`, whatever happens. Nothing may be enqueued until then.
    public mutating func relay(_ transaction: RelayTransaction) {
        if let ending = isStopping ? .stopped : ending {
            actions.append(.relayEnded(transaction, ending))
        } else {
            relayed = transaction
            advance()
        }
    }

    /// Changes the transaction that is passed on, and sends what that allows; nothing where there is none any more.
    public mutating func changeRelay(_ change: (inout RelayTransaction) -> Void) {
        guard relayed != nil else { return }
        if var transaction = relayed.take() {
            change(&transaction)
            relayed = transaction
        }
        advance()
    }

    /// Sends what can be sent of the transaction that is passed on.
    mutating func advanceRelay() {
        guard case .ready = state, var transaction = relayed.take() else { return }
        let way = RelayTransaction.Way(
            capabilities: capabilities, dialect: options.dialect,
            isPipelined: options.usesPipelining && capabilities.extensions.contains(.pipelining))
        let start = output.count
        let step = transaction.advance(way, into: &output, piece: packedCount + 1)
        noteRelayed(from: start, transaction)
        take(transaction, step)
    }

    /// Takes a reply that is due to the transaction that is passed on.
    mutating func handleRelayReply(_ reply: Reply) {
        guard var transaction = relayed.take() else { return }
        let isFinal = transaction.isEnded
        let step = transaction.handle(reply, sentCount: sentCount) { isForeignToMail($0) }
        if isFinal { lastRelayedFinal = reply } else if transaction.replyToMail == reply { lastReplyToMail = reply }
        take(transaction, step)
        advanceRelay()
    }

    /// Whether a reply to MAIL looks like one to a message before, and not like those to MAIL: one too many was said then.
    private func isForeignToMail(_ reply: Reply) -> Bool {
        guard let lastRelayedFinal, let lastReplyToMail else { return false }
        return reply.resembles(lastRelayedFinal) && !reply.resembles(lastReplyToMail)
    }

    private mutating func take(_ transaction: RelayTransaction, _ step: RelayTransaction.Step) {
        var transaction = transaction
        while let event = transaction.nextEvent() { act(.relayed(event)) }
        switch step {
        case .wait: relayed = transaction
        case .finished:
            act(.relayEnded(transaction, nil))
            if isStopping { fail(.stopped) }
        case .close:
            relayed = transaction
            fail(.stopped)
        case .misfit(let what):
            relayed = transaction
            fail(.protocolError(what))
        }
    }

    /// Ends the transaction that is passed on with the session; whoever drives it decides whether it is tried again.
    mutating func interruptRelay(_ failure: ClientFailure) {
        if let transaction = relayed.take() { act(.relayEnded(transaction, failure)) }
    }

    /// Notes commands in the transcript; a message is no part of it.
    private mutating func noteRelayed(from start: Int, _ transaction: RelayTransaction) {
        guard options.recordsTranscript, output.count > start else { return }
        if transaction.stage == .body { return }
        if transaction.isEnded {
            transcript.append(TranscriptLine(speaker: .client, bytes: [ASCII.dot]))
        } else {
            noteLines(from: start)
        }
    }
}
