// The end of a session, polite or not: every transaction is reported, whatever happened (RFC 5321 4.1.1.10, 3.8).

extension ClientSession {
    /// Takes a reply, whatever is due.
    mutating func handle(_ reply: Reply) {
        switch state {
        case .quitting(let failure, let repliesLeft):
            if reply.code == 221 || reply.code == 421 || repliesLeft <= 1 {
                close(failure)
            } else {
                state = .quitting(failure, repliesLeft: repliesLeft - 1)
            }
        case .closed: break
        case _ where reply.code == 421: fail(.serviceUnavailable(reply))
        case _ where sentCount < duePiece:
            breakOff("reply before its command: \(reply)", .tooMany)
        case .ready: handleTransactionReply(reply)
        default: handleOpeningReply(reply)
        }
    }

    /// Ends the session at once: what is undecided is deferred, and the connection is closed.
    mutating func fail(_ failure: ClientFailure) {
        switch state {
        case .closed: return
        case .quitting(let earlier, _): return close(earlier)
        default: break
        }
        discardUnsent()
        settle(failure)
        close(failure)
    }

    /// Ends the session politely: what is undecided is deferred, and the server is told.
    mutating func giveUp(_ failure: ClientFailure) {
        settle(failure)
        sayQuit(failure, repliesLeft: 1)
    }

    /// Sends QUIT.
    mutating func sayQuit(_ failure: ClientFailure?, repliesLeft: Int) {
        send(Array("QUIT".utf8))
        if ending == nil { ending = failure ?? .closed(nil, "the session is over") }
        state = .quitting(failure, repliesLeft: repliesLeft)
    }

    private mutating func close(_ failure: ClientFailure?) {
        state = .closed
        if ending == nil { ending = failure ?? .closed(nil, "the session is over") }
        act(.close(failure))
    }

    /// Reports every transaction that is not reported yet.
    mutating func settle(_ failure: ClientFailure) {
        let reply = failure.reply
        ending = failure
        withdrawDoubtful(failure)
        current?.interrupt(by: reply)
        successor?.interrupt(by: reply)
        for transaction in [held.take(), current.take(), successor.take()] {
            if let transaction { act(.finished(transaction.report)) }
        }
        while let queued = queue.popFirst() {
            act(.finished(TransactionReport(unsent: queued.envelope, id: queued.id, because: reply)))
        }
    }
}
