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
