// A transaction that is passed on: what a session sends of it, and what it makes of the replies.

import Bytes
import MailSyntax

extension RelayTransaction {
    /// What a session knows that sends it.
    struct Way {
        let capabilities: Capabilities
        let dialect: Dialect
        let isPipelined: Bool
        /// Whether the server has begun to say something.
        let isWithinReply: Bool
    }

    /// What comes of an event.
    enum Step {
        /// It goes on.
        case wait
        /// It is over, and the session may take another.
        case finished
        /// It is given up, and what was sent of its message must never be taken for a whole one.
        case close
        /// The reply does not fit the command it must belong to.
        case misfit(String, TransactionState.ReplyCount)
    }

    /// What is waited for; nil while nothing is, but more of the transaction.
    var phase: ClientPhase? {
        switch replyStage {
        case .mail: .mail
        case .recipient: .recipient
        case .data: .data
        case .reset: .reset
        case .final: .final
        default: stage == .body ? .body : nil
        }
    }

    /// Sends what can be sent.
    ///
    /// - Parameter piece: the number of the piece of output that is written to.
    mutating func advance(_ way: Way, into output: inout [UInt8], piece: Int) -> Step {
        if writer == nil { begin(way, into: &output, piece: piece) }
        if isAbandoned { return giveUp(into: &output, piece: piece) }
        switch stage {
        case .envelope:
            sendRecipients(way, into: &output, piece: piece)
            guard isMessageWanted, nextUnsent == recipients.count else { return .wait }
            guard outstanding.isEmpty ? nextAccepted(from: 0) != nil : mayInviteAlong else {
                return outstanding.isEmpty ? reset(into: &output, piece: piece) : .wait
            }
            send("DATA", .data, into: &output, piece: piece)
            stage = .invitation
        case .body:
            // What a server says before the end of a message is no answer to it. With the end sent it would be read as one.
            guard !way.isWithinReply else { return .wait }
            output.append(early.span)
            early = []
            guard isMessageEnded else { return .wait }
            output.append(".\r\n")
            endPiece = piece
            stage = .finals(nextAccepted(from: 0) ?? 0)
        case .invitation, .finals, .ending, .over: break
        }
        return .wait
    }

    /// Whether DATA may go along with what is not answered.
    private var mayInviteAlong: Bool {
        isPipelined && mailReply.map { $0.severity == .success } ?? true
            && recipients.contains { $0.progress == .sent || $0.progress == .accepted }
    }

    private mutating func begin(_ way: Way, into output: inout [UInt8], piece: Int) {
        dialect = way.dialect
        isPipelined = way.isPipelined
        let sender = way.capabilities.refusal(of: envelope.sender, isSender: true, shown: envelope.sender)
        var isInternationalized = sender.isInternationalized
        if recipients.contains(where: { !$0.recipient.address.allSatisfy { $0 < 0x80 } }) { isInternationalized = true }
        let extensions = way.capabilities.extensions
        let writer = CommandWriter(
            extensions: extensions, isConverted: false, hasInternationalizedAddress: isInternationalized)
        self.writer = writer
        events.append(.began(extensions))
        if let refusal = sender.reply {
            // As if the server had said so.
            mailReply = refusal
            return
        }
        guard !isAbandoned else { return }
        writer.appendMail(envelope, to: &output)
        output.append("\r\n")
        outstanding.append((.mail, piece))
    }

    private mutating func sendRecipients(_ way: Way, into output: inout [UInt8], piece: Int) {
        while nextUnsent < recipients.count {
            let index = nextUnsent
            if let mailReply, mailReply.severity != .success {
                if recipients[index].progress == .unsent { tell(index, mailReply) }
            } else if recipients[index].progress != .refused {
                guard isPipelined || outstanding.isEmpty else { return }
                sendRecipient(index, way, into: &output, piece: piece)
            }
            nextUnsent += 1
        }
    }

    private mutating func sendRecipient(_ index: Int, _ way: Way, into output: inout [UInt8], piece: Int) {
        let recipient = recipients[index].recipient
        let shown = recipient.originalRecipient?.address ?? recipient.address
        let judged = way.capabilities.refusal(of: recipient.address, isSender: false, shown: shown)
        if let refusal = judged.reply { return tell(index, refusal) }
        recipients[index].progress = .sent
        writer?.appendRecipient(recipient, to: &output)
        output.append("\r\n")
        outstanding.append((.recipient(index), piece))
    }

    private mutating func send(_ line: StaticString, _ command: Command, into output: inout [UInt8], piece: Int) {
        output.append(line)
        output.append("\r\n")
        outstanding.append((command, piece))
    }

    private mutating func giveUp(into output: inout [UInt8], piece: Int) -> Step {
        switch stage {
        case .envelope: return reset(into: &output, piece: piece)
        // Where nobody is accepted, what is said to DATA that went along decides.
        case .invitation: return nextAccepted(from: 0) == nil ? .wait : .close
        case .body: return .close
        case .finals, .ending: return .wait
        case .over: return .finished
        }
    }

    /// Ends it before its message: RSET, where the server may think that it is under way.
    private mutating func reset(into output: inout [UInt8], piece: Int) -> Step {
        guard outstanding.isEmpty else { return .wait }
        guard mailReply?.severity == .success || isUnconfirmed else {
            stage = .over
            return .finished
        }
        send("RSET", .reset, into: &output, piece: piece)
        stage = .ending
        return .wait
    }

    // MARK: Replies

    /// Takes a reply.
    ///
    /// - Parameter sentCount: how many pieces of output have been handed out: what is not among them is not answered yet.
    /// - Parameter isForeignToMail: whether a reply to MAIL like this one seems to be one to a message.
    mutating func handle(_ reply: Reply, sentCount: Int, isForeignToMail: Bool) -> Step {
        isAnswered = true
        if case .finals(let index) = stage {
            guard sentCount >= endPiece, reply.severity != .preliminary, reply.severity != .intermediate else {
                return misfit(reply, .unquestioned)
            }
            return handleFinal(reply, at: index)
        }
        guard let first = outstanding.popFirst(), first.piece <= sentCount else { return misfit(reply, .tooMany) }
        let isInvitation = if case .data = first.command { reply.code == 354 } else { false }
        guard reply.severity != .preliminary, reply.severity != .intermediate || isInvitation else {
            return misfit(reply, reply.code != 354 ? .unquestioned : stage == .ending ? .tooMany : .tooFew)
        }
        switch first.command {
        case .mail:
            // 503, bad sequence, is no verdict: the server takes the session for another than it is here.
            guard reply.code != 503 else { return misfit(reply, .tooFew) }
            guard reply.severity != .success || !isForeignToMail else { return misfit(reply, .tooMany) }
            mailReply = reply
        case .recipient(let index): return handleRecipient(reply, at: index)
        case .data:
            if isInvitation {
                isUnconfirmed = false
                // It went along with recipients of whom none was accepted: the server waits for a message to nobody.
                guard nextAccepted(from: 0) != nil else { return .close }
                stage = .body
                events.append(.invited)
            } else {
                guard reply.severity != .success else { return misfit(reply, .tooMany) }
                settleAccepted(reply)
                // The next step sends RSET: the server may think that the transaction is under way.
                stage = .envelope
                isAbandoned = true
            }
        case .reset:
            guard reply.severity == .success else {
                return misfit(reply, isUnconfirmed || reply.code == 503 ? .tooMany : .unquestioned)
            }
            isUnconfirmed = false
            stage = .over
            return .finished
        }
        return .wait
    }

    private mutating func handleRecipient(_ reply: Reply, at index: Int) -> Step {
        if let mailReply, mailReply.severity != .success {
            // A server that takes recipients after it refused MAIL would take a message too, or replies are missing.
            guard reply.severity != .success else { return misfit(reply, .tooFew) }
            tell(index, mailReply)
            return .wait
        }
        guard reply.code != 503 else { return misfit(reply, .tooFew) }
        tell(index, reply)
        return .wait
    }

    private mutating func handleFinal(_ reply: Reply, at index: Int) -> Step {
        if dialect == .smtp {
            settleAccepted(reply)
        } else {
            settle(index, reply)
            if let next = nextAccepted(from: index + 1) {
                stage = .finals(next)
                return .wait
            }
        }
        stage = .over
        return .finished
    }

    /// What the next reply is due to, in the words of a transaction that is sent as a whole.
    var replyStage: TransactionState.Stage? {
        switch outstanding.first?.command {
        case .mail: .mail
        case .recipient(let index): .recipient(index)
        case .data: .data
        case .reset: .reset
        case nil: if case .finals(let index) = stage { .final(index) } else { nil }
        }
    }

    private func misfit(_ reply: Reply, _ count: TransactionState.ReplyCount) -> Step {
        .misfit("while waiting for \(phase?.rawValue ?? "more of a transaction"), got \(reply)", count)
    }
}

// Two transactions in one write: the end of a message, and the envelope of the next.

extension RelayTransaction {
    /// Whether the next envelope may go along with the end of its message.
    ///
    /// Exactly one reply is due to that, and no recipient was refused: servers are known that answer once for several recipients,
    /// or also for those they had refused.
    var mayTakeNextAlong: Bool {
        switch stage {
        case .body where isMessageEnded && !isAbandoned, .finals: break
        default: return false
        }
        guard recipients.allSatisfy({ $0.progress == .accepted }) else { return false }
        return dialect == .smtp || recipients.count == 1
    }

    /// Whether it can go along with the end of the message before it: as a whole, MAIL, RCPT and DATA, so that a 354 in its place
    /// proves how the replies before it are to be read.
    func mayGoAlong(_ way: Way) -> Bool {
        guard isMessageWanted, !isAbandoned, !recipients.isEmpty, stage == .envelope, writer == nil else {
            return false
        }
        let capabilities = way.capabilities
        guard capabilities.refusal(of: envelope.sender, isSender: true, shown: envelope.sender).reply == nil else {
            return false
        }
        for index in recipients.indices {
            let address = recipients[index].recipient.address
            guard recipients[index].progress == .unsent,
                capabilities.refusal(of: address, isSender: false, shown: address).reply == nil
            else { return false }
        }
        return true
    }

    /// Whether the replies that were read of it leave in doubt those before it: an envelope whose MAIL is refused, and which is
    /// then not answered to its end, is also what a missing reply looks like.
    var castsDoubt: Bool {
        guard isUnconfirmed, let mailReply, mailReply.severity != .success else { return false }
        return stage != .ending
    }
}
