// The opening of a session: greeting, LHLO or EHLO (RFC 2033 4.1, RFC 5321 3.1-3.2), STARTTLS (RFC 3207), AUTH
// (RFC 4954).

extension ClientSession {
    /// Takes a reply that is due before the first transaction.
    mutating func handleOpeningReply(_ reply: Reply) {
        let isAwaitedChallenge = if case .authentication = state { reply.code == 334 } else { false }
        guard isAwaitedChallenge || (reply.severity != .preliminary && reply.severity != .intermediate) else {
            return fail(.protocolError("while waiting for \(waitingFor?.rawValue ?? "work"), got \(reply)"))
        }
        let isGood = reply.severity == .success
        switch state {
        case .greeting: isGood ? sayHello() : giveUp(.greetingRefused(reply))
        case .hello(let isFallback): handleHello(reply, isFallback: isFallback)
        case .startTLS: handleStartTLS(reply)
        case .authentication(let exchange): handleAuthentication(reply, exchange)
        case .connecting, .tlsHandshake, .ready, .quitting, .closed: break
        }
    }

    /// Sends LHLO or EHLO.
    mutating func sayHello() {
        let verb = options.dialect == .lmtp ? "LHLO " : "EHLO "
        send(Array(verb.utf8) + options.helloName)
        state = .hello(isFallback: false)
    }

    private mutating func handleHello(_ reply: Reply, isFallback: Bool) {
        guard reply.severity == .success else {
            // RFC 5321 3.2: a server that does not know EHLO may know HELO; LMTP has nothing of the kind.
            if options.dialect == .smtp, !isFallback, reply.severity == .permanentFailure {
                send(Array("HELO ".utf8) + options.helloName)
                state = .hello(isFallback: true)
                return
            }
            return giveUp(.helloRefused(reply))
        }
        if !isFallback { capabilities = Capabilities(hello: reply) }
        guard !isEncrypted, options.tls != .never else { return authenticate() }
        if capabilities.extensions.contains(.startTLS) {
            send(Array("STARTTLS".utf8))
            state = .startTLS
        } else if options.tls == .required {
            giveUp(.tlsNotOffered)
        } else {
            authenticate()
        }
    }

    private mutating func handleStartTLS(_ reply: Reply) {
        if reply.code == 220 {
            act(.startTLS)
            state = .tlsHandshake
        } else if reply.severity == .success {
            // Whether the peer now expects a handshake cannot be known.
            fail(.protocolError("STARTTLS answered by \(reply)"))
        } else if options.tls == .required {
            giveUp(.tlsRefused(reply))
        } else {
            authenticate()
        }
    }

    private mutating func authenticate() {
        guard let authentication = options.authentication else {
            state = .ready
            return
        }
        let offered = capabilities.authenticationMechanisms
        guard let mechanism = authentication.bestMechanism(of: offered) else {
            if authentication.isRequired {
                giveUp(.noAuthenticationMechanism(offered))
            } else {
                state = .ready
            }
            return
        }
        let exchange = AuthenticationExchange(authentication, mechanism: mechanism)
        let line = exchange.command()
        send(line.bytes, redacted: line.redacted)
        state = .authentication(exchange)
    }

    private mutating func handleAuthentication(_ reply: Reply, _ exchange: AuthenticationExchange) {
        switch reply.severity {
        case .success: state = .ready
        case .permanentFailure: giveUp(.authenticationFailed(reply))
        case .transientFailure: giveUp(.authenticationDeferred(reply))
        case .intermediate, .preliminary:
            var exchange = exchange
            guard let line = exchange.answer(to: reply) else {
                return fail(.protocolError("unusable challenge to AUTH \(exchange.mechanism.rawValue)"))
            }
            send(line.bytes, redacted: line.redacted)
            state = .authentication(exchange)
        }
    }
}

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
        case .ready where relayed != nil: handleRelayReply(reply)
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
        if case .stopped = failure {
            current?.giveUp()
            successor?.giveUp()
        }
        for transaction in [held.take(), current.take(), successor.take()] {
            if let transaction { act(.finished(transaction.report)) }
        }
        interruptRelay(failure)
        settleQueue(failure)
    }

    private mutating func settleQueue(_ failure: ClientFailure) {
        while let queued = queue.popFirst() { act(.finished(unsent(queued, because: failure))) }
    }

    /// The report about a transaction that was never begun.
    func unsent(_ queued: QueuedTransaction, because failure: ClientFailure) -> TransactionReport {
        var report = TransactionReport(unsent: queued.envelope, id: queued.id, because: failure.reply)
        if case .stopped = failure { report.isGivenUp = true }
        return report
    }

    /// Ends the session as soon as nothing would be in doubt: what is not sent to its end is given up at once, and a
    /// message that is waits for its final replies.
    public mutating func stop() {
        isStopping = true
        settleQueue(.stopped)
        endIfStopping()
        quit()
    }

    /// Ends a session that is to stop, unless a final reply is due, or waits for the count of replies to be proved.
    mutating func endIfStopping() {
        guard isStopping, !isEnding else { return }
        if case .ready = state {
            if held != nil || current?.phase == .final || heldRelay != nil || relayed?.isEnded == true { return }
            // Without work there is time for QUIT.
            if current == nil, relayed == nil { return }
        }
        fail(.stopped)
    }
}
