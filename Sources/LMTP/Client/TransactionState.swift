// One mail transaction (RFC 5321 3.3, RFC 2033 4.2): which reply is due, and what each recipient's outcome is so far.

/// The state of one transaction on the wire.
struct TransactionState: Sendable {
    /// Which reply is due next.
    enum Stage: Sendable, Equatable {
        case mail
        /// The reply to RCPT of the recipient at this index.
        case recipient(Int)
        case data
        /// None: the message is being written.
        case body
        /// A final reply: over LMTP, that of the recipient at this index.
        case final(Int)
        /// The reply to an end of data sent for nobody.
        case emptyMessage
        case reset
    }

    /// What a reply leads to.
    enum Step {
        /// More replies are due to what was sent.
        case wait
        /// The command of the new stage is to be sent.
        case sendCommand
        /// The message is to be sent.
        case sendBody
        /// DATA was accepted though no recipient was: the message is to be ended at once.
        case sendNothing
        /// DATA and recipients were accepted though MAIL was refused: the connection is to be closed.
        case abandon
        /// RSET is to be sent.
        case reset
        /// Every recipient is decided.
        case finished
        /// The reply does not fit the command it must belong to.
        case misfit(String, ReplyCount)
    }

    /// What a reply that does not fit says about the replies before it.
    enum ReplyCount {
        /// Nothing: it is strange by itself.
        case unquestioned
        /// There were too many: it is late.
        case tooMany
        /// There were too few, it is early; or it cannot be known which.
        case tooFew
    }

    /// The report as far as it has come; a recipient that is not decided would be deferred by it.
    var report: TransactionReport
    /// Whether the commands were sent before the transaction ahead had its final reply, so that a reply too many or too
    /// few there would be misread here, until a 354 in its right place proves the count.
    var isUnconfirmed: Bool
    private(set) var stage = Stage.mail
    private(set) var acceptedCount = 0
    private var refusedCount = 0
    /// How many recipients the server took before it said that there were too many; nil where it has not said so.
    private(set) var recipientLimit: Int?
    /// A recipient seems to have been accepted after MAIL was refused.
    private(set) var isContradictory = false

    init(_ request: consuming TransactionRequest, recipients: consuming [RecipientReport], isUnconfirmed: Bool) {
        report = TransactionReport(request, recipients: recipients, wasAttempted: false)
        self.isUnconfirmed = isUnconfirmed
    }

    /// What it was begun with.
    var request: TransactionRequest { report.request }
    /// The reply to MAIL, where one was read.
    var mailReply: Reply? { report.mailReply }

    /// Whether MAIL, RCPT and DATA were sent together.
    var isPipelined: Bool { request.isPipelined }
    /// The argument of BDAT; nil where DATA is used.
    var chunkSize: UInt64? { request.chunkSize }

    /// What is waited for.
    var phase: ClientPhase {
        switch stage {
        case .mail: .mail
        case .recipient: .recipient
        case .data: .data
        case .body: .body
        case .final, .emptyMessage: .final
        case .reset: .reset
        }
    }

    /// Whether exactly one reply is due to the message and none of the recipients was refused by the peer.
    ///
    /// Only then is it safe to let the next envelope travel with the end of the message: servers are known that answer
    /// once for several recipients, or also for those they had refused.
    var hasCertainFinalCount: Bool {
        guard case .final = stage else { return false }
        return request.dialect == .smtp || (acceptedCount == 1 && refusedCount == 0)
    }

    /// Whether the replies read so far could belong to other commands: not once 354 has proved their count.
    var acceptsShift: Bool {
        switch stage {
        case .mail, .recipient, .data, .reset: true
        case .body, .final, .emptyMessage: false
        }
    }

    /// Whether a reply in the place of a final one may as well be another to MAIL; nil where no final one is due.
    func finalResemblesMail(_ reply: Reply) -> Bool? {
        guard case .final = stage else { return nil }
        return mailReply.map { reply.resembles($0) }
    }

    // MARK: Replies

    /// Takes the reply that is due.
    mutating func handle(_ reply: Reply) -> Step {
        let isGoAhead = stage == .data && reply.code == 354
        guard reply.severity != .preliminary, reply.severity != .intermediate || isGoAhead else {
            return misfit(reply, reply.code != 354 ? .unquestioned : stage == .reset ? .tooMany : .tooFew)
        }
        report.wasAttempted = true
        switch stage {
        case .mail: return handleMail(reply)
        case .recipient(let index): return handleRecipient(reply, at: index)
        case .data: return handleData(reply)
        case .body: return misfit(reply, .unquestioned)
        case .final(let index): return handleFinal(reply, at: index)
        case .emptyMessage: return .finished
        case .reset:
            return reply.severity == .success
                ? .finished : misfit(reply, isUnconfirmed || reply.code == 503 ? .tooMany : .unquestioned)
        }
    }

    /// Notes the refusal of a recipient, which may be for nothing but the number of those before it.
    private mutating func refuse(_ index: Int, by reply: Reply) {
        let isCertain = reply.saysTooManyRecipients
        guard isCertain || (acceptedCount > 0 && reply.mayMeanTooManyRecipients) else {
            return decide(index, by: reply, subject: .recipient)
        }
        report.recipients[index].putOff(overLimit: reply)
        guard isCertain, acceptedCount > 0 else { return }
        recipientLimit = recipientLimit ?? acceptedCount
        guard !isPipelined else { return }
        // The others would be told the same, one by one.
        var next = nextRecipient(from: index + 1)
        while let place = next {
            report.recipients[place].putOff(overLimit: reply)
            next = nextRecipient(from: place + 1)
        }
    }

    private func misfit(_ reply: Reply, _ count: ReplyCount) -> Step {
        .misfit("while waiting for \(phase.rawValue), got \(reply)", count)
    }

    private mutating func handleMail(_ reply: Reply) -> Step {
        // 503, bad sequence, is no verdict on an address: the peer takes the session for another than it is here.
        if reply.code == 503 { return misfit(reply, .tooFew) }
        report.mailReply = reply
        guard let first = nextRecipient(from: 0) else { return ending() }
        if reply.severity != .success, !isPipelined {
            decideUndecided(by: reply, subject: .mail)
            return ending()
        }
        stage = .recipient(first)
        return isPipelined ? .wait : .sendCommand
    }

    private mutating func handleRecipient(_ reply: Reply, at index: Int) -> Step {
        if mailReply?.severity == .success {
            if reply.code == 503 { return misfit(reply, .tooFew) }
            report.recipients[index].recipientReply = reply
            if reply.severity == .success {
                acceptedCount += 1
            } else {
                refusedCount += 1
                refuse(index, by: reply)
            }
        } else if reply.severity == .success {
            // The count is wrong. Where the 354 turns up among the replies still due will tell in which way.
            isContradictory = true
        }
        if let next = nextRecipient(from: index + 1) {
            stage = .recipient(next)
            return isPipelined ? .wait : .sendCommand
        }
        if isPipelined, chunkSize == nil {
            stage = .data
            return .wait
        }
        if isContradictory { return misfit(reply, .tooFew) }
        if acceptedCount == 0 {
            decideByMail()
            return ending()
        }
        if chunkSize != nil {
            stage = .body
            return .sendBody
        }
        stage = .data
        return .sendCommand
    }

    private mutating func handleData(_ reply: Reply) -> Step {
        if reply.severity == .success { return misfit(reply, .tooMany) }
        if isContradictory, reply.code != 354 { return misfit(reply, .tooFew) }
        report.dataReply = reply
        decideByMail()
        // A 354 in its place proves the count: the peer does take recipients after it has refused MAIL, as Cyrus does
        // where a message is too large. Any end of the message, even an empty one, would be delivered to them.
        if isContradictory { return .abandon }
        if reply.code == 354 {
            stage = acceptedCount > 0 ? .body : .emptyMessage
            return acceptedCount > 0 ? .sendBody : .sendNothing
        }
        decideUndecided(by: reply, subject: .data)
        return ending()
    }

    private mutating func handleFinal(_ reply: Reply, at index: Int) -> Step {
        guard request.dialect == .lmtp else {
            decideUndecided(by: reply, subject: .message)
            return .finished
        }
        decide(index, by: reply, subject: .message)
        guard let next = nextRecipient(from: index + 1) else { return .finished }
        stage = .final(next)
        return .wait
    }

    /// Notes that the message has been written to its end.
    mutating func endBody() {
        stage = .final(nextRecipient(from: 0) ?? 0)
    }

    /// The end of a transaction that never came to a message: RSET where the peer may think it open, and where the
    /// reply to RSET has to prove that replies and commands are in step.
    private mutating func ending() -> Step {
        guard mailReply?.severity == .success || isUnconfirmed else { return .finished }
        stage = .reset
        return .reset
    }

    /// Whether the outcome of any recipient is open.
    var hasUndecided: Bool { nextRecipient(from: 0) != nil }

    /// The next recipient whose outcome is open.
    private func nextRecipient(from start: Int) -> Int? {
        var index = start
        while index < report.recipients.count {
            if !report.recipients[index].isDecided { return index }
            index += 1
        }
        return nil
    }
}
