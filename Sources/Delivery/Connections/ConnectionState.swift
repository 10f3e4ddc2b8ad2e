// What is decided about one connection: whether it may take another message, when it has waited long enough, when it is to
// end. A value that is told events with their time; the handler of the connection only obeys.

package import LMTP
package import NIOCore

/// What is known of one connection, from before it is made until it is closed.
package struct ConnectionState: Sendable {
    /// Two transactions: one whose reply is awaited, one whose envelope goes along with the end of its message.
    package static let depth = 2

    private let terms: ConnectionTerms
    private let began: NIODeadline
    /// Whether the opening dialogue is done, and when it was.
    package private(set) var isReady = false
    package private(set) var readySince = NIODeadline.uptimeNanoseconds(0)
    /// Whether any of its transactions was answered.
    package private(set) var wasUsed = false
    package private(set) var isClosed = false
    /// How many messages it was ever given, and how many are with it.
    package private(set) var takenCount = 0, load = 0
    package private(set) var isQuitting = false
    /// As of the last look at the session: it ends before its work is done.
    private var hasFailed = false
    /// Whether what is being done comes of bytes just read, `lastProgress` being the time.
    private var isReading = false
    /// When something last came, or was sent.
    package private(set) var lastProgress: NIODeadline
    /// Since when the reply that is due has been waited for.
    ///
    /// A part of it does not begin the time anew.
    package private(set) var waitingSince: NIODeadline
    /// When the connection last took a block of a message.
    private var lastBlock: NIODeadline
    private var repliesSeen = 0
    private var phase: ClientPhase?

    /// A connection that is about to be made.
    package init(_ terms: ConnectionTerms, at now: NIODeadline) {
        self.terms = terms
        began = now
        lastProgress = now
        waitingSince = now
        lastBlock = now
    }

    // MARK: Opening

    /// Between two attempts at a server that is busy.
    package static let busyPause = TimeAmount.milliseconds(50)

    /// What is done where the server could not be connected to.
    package enum Retry: Sendable, Hashable {
        /// It is tried again after a pause.
        case again(TimeAmount)
        /// The connection has failed.
        case giveUp
    }

    /// Judges an attempt that failed: a server that is busy is tried again, as long as connecting may take.
    ///
    /// - Parameters:
    ///   - isBusy: whether the server is there and has not come to accept.
    ///   - isEnding: whether all connections are to end.
    package func connectFailed(isBusy: Bool, isEnding: Bool, at now: NIODeadline) -> Retry {
        let patience = TimeAmount.seconds(Int64(terms.limits.connection.seconds))
        guard isBusy, !isEnding, !isClosed, now + Self.busyPause < began + patience else { return .giveUp }
        return .again(Self.busyPause)
    }

    // MARK: Work

    /// Whether it may be given a message: not once it ends, or is to end after what it has.
    package var isOpen: Bool {
        !isClosed && !isQuitting && !hasFailed && takenCount < terms.messagesPerConnection
            && lastProgress - began < .seconds(Int64(terms.maximumAge.seconds))
    }

    /// Whether a message may be given to it now.
    ///
    /// One that is not ready has a message from the beginning: a second would wait for its opening.
    package var hasRoom: Bool { load < Self.depth && (isReady || load == 0) && isOpen }

    /// Whether it has nothing to do and could be given up for another.
    package var isIdle: Bool { isReady && load == 0 && isOpen }

    /// What a connection is in need of.
    package enum Need: Sendable, Hashable {
        /// Another message.
        case work
        /// To end: it may take no message any more. Were it left to the idle limit, it would keep its place among the
        /// connections that the limits allow.
        case quit
        case nothing
    }

    /// What it needs after a step, or once a message has ended.
    package var need: Need {
        guard load < Self.depth else { return .nothing }
        if isOpen { return .work }
        return load == 0 && isReady && !hasFailed ? .quit : .nothing
    }

    /// It was given a message.
    package mutating func took() {
        takenCount += 1
        load += 1
    }

    /// A message has its outcome.
    package mutating func finished(wasAttempted: Bool) {
        load -= 1
        if wasAttempted { wasUsed = true }
    }

    /// It is to end after what it has.
    ///
    /// - Returns: false where that was said before.
    package mutating func quit() -> Bool {
        defer { isQuitting = true }
        return !isQuitting
    }

    /// It is closed.
    package mutating func close() { isClosed = true }

    // MARK: Progress

    /// Bytes have come; what follows until `stoppedReading` comes of them.
    package mutating func received(at now: NIODeadline) {
        lastProgress = now
        isReading = true
    }

    /// All that came of the bytes is done.
    package mutating func stoppedReading() { isReading = false }

    /// Bytes were sent.
    package mutating func sent(at now: @autoclosure () -> NIODeadline) {
        if !isReading { lastProgress = now() }
    }

    /// A block of a message was sent, and there is more of it.
    package mutating func sentBlock(at now: NIODeadline) { lastBlock = now }

    /// A step begins: the session is looked at.
    package mutating func beginStep(isFailing: Bool) { hasFailed = isFailing }

    /// A step has ended.
    ///
    /// - Parameters:
    ///   - phase: what the session waits for.
    ///   - isIdle: whether it has been opened and has no work.
    ///   - replyCount: how many replies it has read.
    /// - Returns: whether the timer's time has changed.
    package mutating func endStep(
        _ phase: ClientPhase?, isIdle: Bool, replyCount: Int, at now: @autoclosure () -> NIODeadline
    ) -> Bool {
        hasFailed = phase == .quit ? !isQuitting : isClosed
        let isNewPhase = !isClosed && phase != self.phase
        if isNewPhase {
            self.phase = phase
            waitingSince = now()
            lastProgress = waitingSince
            lastBlock = waitingSince
        } else if !isClosed, replyCount != repliesSeen {
            waitingSince = lastProgress
        }
        repliesSeen = replyCount
        if !isReady { noteReadiness(phase, isIdle: isIdle) }
        return isNewPhase
    }

    private mutating func noteReadiness(_ phase: ClientPhase?, isIdle: Bool) {
        switch phase {
        case .mail, .recipient, .data, .body, .final, .reset: isReady = true
        case nil: isReady = isIdle
        case .connect, .greeting, .hello, .startTLS, .tlsHandshake, .authentication, .quit: break
        }
        if isReady { readySince = lastProgress }
    }

    // MARK: Time

    /// When what is waited for must have come as a whole; a message has its time for each block and for each MiB of it.
    package func deadline(bodySize: Int) -> NIODeadline {
        guard let phase else { return waitingSince + .seconds(Int64(terms.idleLimit.seconds)) }
        let seconds = Int64(terms.limits.limit(of: phase).seconds)
        guard phase == .body else { return waitingSince + .seconds(seconds) }
        let mebibytes = Int64(bodySize / (1 << 20) + 1)
        return min(lastBlock + .seconds(seconds), waitingSince + .seconds(seconds * mebibytes))
    }

    /// What comes of a timer that has fired.
    package enum TimerOutcome: Sendable, Hashable {
        /// Things have moved since: wait on, until the deadline of now.
        case wait
        /// It was without work for too long.
        case quit
        /// The server was silent for too long.
        case timeOut
        case nothing
    }

    /// What is to be done once the timer has fired.
    package func timerFired(bodySize: Int, at now: NIODeadline) -> TimerOutcome {
        guard !isClosed else { return .nothing }
        guard deadline(bodySize: bodySize) <= now else { return .wait }
        return phase == nil ? .quit : .timeOut
    }
}
