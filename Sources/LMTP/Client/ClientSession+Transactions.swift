// The transactions of a session: begun in order, one ahead of the other where that is safe, ended by reports.
//
// How far replies can be trusted. A reply has no name on it: it belongs to the command whose turn it is. With one write
// for a message's end and the next envelope, one reply too few (a server that forgets a final) or too many (a server
// that also answers for recipients it refused) would silently shift every verdict after it. Three rules keep that out:
//   - the next envelope goes along only where exactly one final reply is due (`hasCertainFinalCount`), and only to a
//     server whose final replies have been seen to differ from its replies to MAIL (`tellsFinalReplies`): the first
//     transaction of a connection never takes another along, and what looks like the reply to the next MAIL is not
//     taken for the final one;
//   - a transaction's report waits until the 354 of the one sent along stands in its right place;
//   - where the one sent along ends without a 354, RSET must be answered before its verdicts count.
// A reply that cannot belong to the command whose turn it is shows that the count is wrong. It takes back the verdicts of
// the envelope it is read in, and where replies may be missing (354 too early, 503 to an address, a recipient accepted
// after MAIL was refused and no 354 in its place after that) also the final replies before it. Both only ever turn into
// deferrals.

import Bytes
import MailSyntax

extension ClientSession {
    // MARK: Beginning

    /// Begins what can be begun: a transaction, the envelope of the next one, QUIT.
    mutating func advance() {
        advanceRelay()
        guard relayed == nil else { return }
        while case .ready = state {
            let isAhead = current != nil
            if isAhead, !canSendAhead { return }
            guard let next = queue.popFirst() else {
                if !isAhead, isQuitRequested { sayQuit(nil, repliesLeft: 1) }
                return
            }
            begin(next.id, next.envelope, isAhead: isAhead)
        }
    }

    private var isPipelining: Bool {
        options.usesPipelining && capabilities.extensions.contains(.pipelining)
    }

    private var isChunking: Bool {
        options.prefersChunking && capabilities.extensions.contains(.chunking)
    }

    /// Whether the next envelope may be sent before the final reply is read.
    ///
    /// With BDAT there is no 354 to prove the count of replies, and nothing to gain: its two writes a message are the
    /// same two.
    private var canSendAhead: Bool {
        tellsFinalReplies == true && current?.hasCertainFinalCount == true && successor == nil && isPipelining
            && !isChunking
    }

    /// Sends the opening of a transaction, or reports it at once where no recipient can be sent.
    private mutating func begin(_ id: TransactionID, _ envelope: consuming Envelope, isAhead: Bool) {
        let extensions = capabilities.extensions
        let (recipients, isInternationalized) = judgeAddresses(envelope)
        let isConverted =
            options.forcesSevenBit
            || (envelope.bodyType == .eightBit && !extensions.contains(.eightBitMIME) && !options.forcesEightBit)
        var chunkSize: UInt64?
        if isChunking, !isConverted, case .exact(let octets) = envelope.length { chunkSize = octets }
        let request = TransactionRequest(
            id: id, envelope: envelope, dialect: options.dialect,
            writer: CommandWriter(
                extensions: extensions, isConverted: isConverted, hasInternationalizedAddress: isInternationalized),
            isPipelined: isPipelining && !isTooLong(envelope.length), chunkSize: chunkSize)
        let transaction = TransactionState(request, recipients: recipients, isUnconfirmed: isAhead)
        guard transaction.hasUndecided else { return finish(transaction) }
        let start = output.count
        transaction.appendOpening(to: &output)
        noteOutput(from: start, isAhead: isAhead)
        if isAhead { successor = transaction } else { current = transaction }
    }

    /// Whether the peer has announced that it will refuse a message of that length.
    ///
    /// MAIL then goes alone, for the refusal in the peer's own words: nothing after it is of use.
    private func isTooLong(_ length: Envelope.Length) -> Bool {
        guard let limit = capabilities.sizeLimit else { return false }
        switch length {
        case .unknown: return false
        case .estimate(let octets), .exact(let octets): return octets > limit
        }
    }

    /// Refuses the addresses that cannot be sent to this peer.
    private func judgeAddresses(_ envelope: Envelope) -> ([RecipientReport], isInternationalized: Bool) {
        let sender = capabilities.refusal(of: envelope.sender, isSender: true, shown: envelope.sender)
        if let refused = sender.reply {
            let report = RecipientReport(.failed, by: refused, subject: .session)
            return (Array(repeating: report, count: envelope.recipients.count), sender.isInternationalized)
        }
        var recipients: [RecipientReport] = []
        recipients.reserveCapacity(envelope.recipients.count)
        var isInternationalized = sender.isInternationalized
        var room = recipientLimit
        for index in envelope.recipients.indices {
            if room == 0 {
                recipients.append(.overLimit(Self.limitReply(recipientLimit)))
                continue
            }
            let address = envelope.recipients[index].address
            // The reply is told to the sender, who may know another address.
            let judged = capabilities.refusal(
                of: address, isSender: false, shown: envelope.recipients[index].originalRecipient?.address ?? address)
            if let refused = judged.reply {
                recipients.append(RecipientReport(.failed, by: refused, subject: .session))
            } else {
                recipients.append(RecipientReport())
                room = room.map { $0 - 1 }
                if judged.isInternationalized { isInternationalized = true }
            }
        }
        return (recipients, isInternationalized)
    }

    /// What stands for the reply about a recipient that is not offered, because the server would take no more.
    private static func limitReply(_ limit: Int?) -> Reply {
        Reply(local: 452, .init(4, 5, 3), "the server takes \(limit ?? 0) recipients of a message at a time")
    }

    // MARK: Replies

    /// Takes a reply that is due to a transaction's command.
    mutating func handleTransactionReply(_ reply: Reply) {
        guard isFinalReply(reply) else {
            return fail(.protocolError("the reply to MAIL came where the final reply is due: \(reply)"))
        }
        guard let step = current?.handle(reply) else {
            return fail(.protocolError("reply without a command: \(reply)"))
        }
        switch step {
        case .wait: break
        case .sendCommand, .reset:
            let start = output.count
            current?.appendCommand(to: &output)
            noteOutput(from: start)
        case .sendBody: sendBody()
        case .sendNothing: sendNothing()
        case .abandon: abandon()
        case .finished: finishCurrent()
        case .misfit(let what, let count): breakOff(what, count)
        }
    }

    /// Whether a reply in the place of a final one is that, as far as this server's replies can be told apart.
    private mutating func isFinalReply(_ reply: Reply) -> Bool {
        guard reply.severity == .success, let isLikeMail = current?.finalResemblesMail(reply) else { return true }
        guard isLikeMail else {
            tellsFinalReplies = tellsFinalReplies ?? true
            return true
        }
        // What went along ahead may have been answered in its place.
        if successor != nil { return false }
        tellsFinalReplies = false
        return true
    }

    private mutating func sendBody() {
        confirm()
        // The 354 was waited for only because it proves the final replies before it.
        if isStopping { return fail(.stopped) }
        guard let request = current?.request else { return }
        if let octets = request.chunkSize { send(Array("BDAT \(octets) LAST".utf8)) }
        let transfer = BodyTransfer(
            framing: request.chunkSize == nil ? .data : .chunk, convertsToSevenBit: request.writer.isConverted)
        act(.sendBody(request.id, transfer))
    }

    /// Ends at once a message that DATA invited for nobody (RFC 2920 3.1).
    private mutating func sendNothing() {
        confirm()
        sendEndOfData()
        guard options.dialect == .lmtp else { return }
        // How many replies an LMTP server now gives, none or one or one a recipient, is its secret.
        let replies = (current?.report.recipients.count ?? 0) + 2
        finishCurrent()
        let failure = ClientFailure.protocolError("DATA was accepted though no recipient was")
        settle(failure)
        sayQuit(failure, repliesLeft: replies)
    }

    /// Closes a connection on which the peer waits for a message that it has refused.
    private mutating func abandon() {
        confirm()
        finishCurrent()
        fail(.protocolError("DATA was accepted though MAIL was refused"))
    }

    /// The count of replies is proved right up to here.
    private mutating func confirm() {
        current?.isUnconfirmed = false
        if let confirmed = held.take() { finish(confirmed) }
    }

    private mutating func finishCurrent() {
        guard let transaction = current.take() else { return }
        if successor != nil {
            held = transaction
            promoteSuccessor()
        } else {
            if let confirmed = held.take() { finish(confirmed) }
            finish(transaction)
        }
    }

    private mutating func finish(_ transaction: consuming TransactionState) {
        if let limit = transaction.recipientLimit { recipientLimit = min(recipientLimit ?? limit, limit) }
        act(.finished(transaction.report))
    }

    /// Ends the session at a reply that cannot belong to the command whose turn it is.
    mutating func breakOff(_ what: String, _ count: TransactionState.ReplyCount) {
        if count != .unquestioned, current?.acceptsShift == true {
            let reply = Reply(local: 451, .init(4, 5, 0), "replies and commands are out of step: \(what)")
            // Where replies are missing, what was read as the final one was not.
            if count == .tooFew { held?.withdrawFinals(because: reply) }
            current?.withdrawAll(because: reply)
        }
        fail(.protocolError(what))
    }

    /// Before a session ends, takes back what the count of replies leaves in doubt.
    ///
    /// An envelope whose MAIL is refused, and which is then not answered to its end, is also what a missing reply looks
    /// like: that to MAIL itself, with a refused recipient's read in its place, or the final one ahead of it.
    mutating func withdrawDoubtful(_ failure: ClientFailure) {
        guard let transaction = current, let mailReply = transaction.mailReply, mailReply.severity != .success else {
            return
        }
        let isTimeout = if case .timedOut = failure { true } else { false }
        let isUnanswered = transaction.isPipelined && transaction.stage != .reset
        guard transaction.isContradictory || (isUnanswered && (isTimeout || transaction.isUnconfirmed)) else { return }
        let reply = Reply(local: 451, .init(4, 5, 0), "a reply is missing, so it is not known what the others answered")
        held?.withdrawFinals(because: reply)
        current?.withdrawAll(because: reply)
    }
}
