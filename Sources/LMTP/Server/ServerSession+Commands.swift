// What the commands of a client do, in their order (RFC 5321 4.1.4, RFC 2033 4).

import Bytes
import MailSyntax

extension ServerSession {
    /// Does what a command asks for, or holds it until what comes before it is decided.
    mutating func perform(_ command: ServerCommand) {
        if let waiting = transaction?.undecidedCount, waiting > 0 {
            guard case .recipient = command, waiting < options.limits.undecidedRecipients else {
                heldCommand = command
                return
            }
        }
        guard ended == nil || mayGoAhead(command) else {
            heldCommand = command
            return
        }
        switch command {
        case .mail(let envelope): mail(envelope)
        case .recipient(let recipient): self.recipient(recipient)
        case .data: data()
        case .chunk(let octets, let isLast): chunk(octets, isLast: isLast)
        case .quit:
            say("221 2.0.0 bye")
            close()
        case .hello, .reset, .noOperation, .verify: idle(command)
        case .refused(let reply): say(reply)
        case .unknown(let reply):
            say(reply)
            countBad()
        case .endlessChunk:
            say("501 5.5.4 BDAT has a number of octets and perhaps LAST")
            close()
        }
    }

    /// Whether a command is taken before the message that it follows is answered: those that make an envelope.
    private func mayGoAhead(_ command: ServerCommand) -> Bool {
        switch command {
        case .mail: transaction == nil
        case .recipient: transaction != nil && !isFullBehindMessage
        default: false
        }
    }

    /// A client that only ever says what is no command is a program that speaks something else, or means ill.
    private mutating func countBad() {
        badCommandCount += 1
        guard badCommandCount >= options.limits.badCommands else { return }
        say("421 4.7.0 too many lines that are no command")
        close()
    }

    private mutating func idle(_ command: ServerCommand) {
        idleCommandCount += 1
        guard idleCommandCount <= options.limits.idleCommands else {
            say("421 4.7.0 too many commands without a message")
            return close()
        }
        switch command {
        case .hello(let greeting, let name): hello(greeting, name)
        case .reset:
            say("250 2.0.0 ok")
            discard()
        case .verify: say("252 2.5.0 cannot say; send it to find out")
        default: say("250 2.0.0 ok")
        }
    }

    private mutating func hello(_ greeting: ServerCommand.Greeting, _ name: [UInt8]) {
        switch (greeting, options.dialect) {
        case (.lhlo, .lmtp), (.ehlo, .smtp), (.helo, .smtp): break
        // RFC 2033 4.1: never a positive reply, 500 recommended.
        case (.ehlo, .lmtp), (.helo, .lmtp): return say("500 5.5.1 this is LMTP: say LHLO")
        case (.lhlo, .smtp): return say("500 5.5.1 this is SMTP: say EHLO")
        }
        guard !name.isEmpty else {
            return say(options.dialect == .lmtp ? "501 5.5.4 LHLO needs a name" : "501 5.5.4 EHLO needs a name")
        }
        clientName = name
        if greeting == .helo {
            output.append("250 ")
            output.append(contentsOf: options.host)
            output.append("\r\n")
        } else {
            Capabilities.appendLines(
                of: options.extensions, sizeLimit: options.limits.messageSize, host: options.host, to: &output)
        }
        discard()
    }

    private mutating func mail(_ envelope: Envelope) {
        guard clientName != nil else {
            return say(options.dialect == .lmtp ? "503 5.5.1 say LHLO first" : "503 5.5.1 say EHLO first")
        }
        guard transaction == nil else { return say("503 5.5.1 one sender is enough") }
        if case .estimate(let octets) = envelope.length, octets > options.limits.messageSize {
            return say("552 5.3.4 message too large")
        }
        senderAllowsUTF8 = envelope.hasInternationalizedHeader
        state = .sender
        actions.append(.sender(envelope))
    }

    private mutating func recipient(_ recipient: EnvelopeRecipient) {
        guard let current = transaction else { return say("503 5.5.1 MAIL first") }
        guard !current.isChunked else { return say("503 5.5.1 the message has begun") }
        guard current.possibleCount < options.limits.recipients else {
            guard current.undecidedCount == 0 else {
                heldCommand = .recipient(recipient)
                return
            }
            return say("452 4.5.3 too many recipients")
        }
        guard current.allowsUTF8 || recipient.address.allSatisfy({ $0 < 0x80 }) else {
            transaction?.addRefused(Reply(local: 553, .init(5, 6, 7), "the address needs SMTPUTF8"))
            while let reply = transaction?.nextRecipientReply() { output.append(reply) }
            return
        }
        badCommandCount = 0
        if let number = transaction?.addRecipient() { actions.append(.recipient(number, recipient)) }
    }

    // MARK: Messages

    private mutating func data() {
        guard transaction?.isChunked != true else { return say("503 5.5.1 the message was begun by BDAT") }
        guard transaction?.hasRecipients == true else { return say("503 5.5.1 no valid recipients") }
        state = .goAhead(nil)
        actions.append(.beginMessage)
    }

    private mutating func chunk(_ octets: UInt64, isLast: Bool) {
        var chunk = Chunk(left: octets, size: octets, isLast: isLast)
        if transaction?.hasRecipients != true {
            chunk.refusal = "503 5.5.1 no valid recipients"
        } else if transaction?.isChunked != true {
            transaction?.isChunked = true
            state = .goAhead(chunk)
            return actions.append(.beginMessage)
        }
        state = .chunk(chunk)
    }

    /// The driver takes no message now.
    mutating func refuseMessage(_ refusal: Reply, _ chunk: Chunk?) {
        if let chunk {
            // It comes all the same, right behind its command.
            giveUpMessage(refusal)
            state = .chunk(chunk)
        } else {
            output.append(refusal)
            state = .command
        }
    }

    /// A chunk is at its end (RFC 3030 4.2): a reply for it, or where it was the last, for each recipient.
    mutating func endChunk(_ chunk: Chunk) {
        if let refusal = chunk.refusal {
            state = .command
            return say(refusal)
        }
        if chunk.isLast { return endMessage() }
        state = .command
        if let refusal = transaction?.refusal {
            output.append(refusal)
            return discard()
        }
        output.append("250 2.0.0 ")
        output.append(decimal: chunk.size)
        output.append(" octets\r\n")
        handOn()
    }

    /// What comes of the message is passed over, and refused at its end for every recipient.
    mutating func giveUpMessage(_ refusal: Reply) {
        transaction?.refuseMessage(refusal)
        actions.append(.discard)
    }

    /// The message is at its end.
    mutating func endMessage() {
        handOn()
        state = .finals
        if transaction?.refusal == nil { actions.append(.endMessage) }
        sayFinals()
    }
}
