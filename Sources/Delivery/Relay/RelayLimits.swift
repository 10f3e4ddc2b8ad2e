// How long a store is waited for while a client waits for its answer.

package import LMTP

/// The time for each step at a store, in seconds; a destination's own limits hold where they are shorter.
///
/// The sum of what a client can come to wait for one reply stays below what mailers wait (RFC 5321 4.5.3.2: five minutes).
package struct RelayLimits: Sendable, Hashable {
    /// For a free connection, where there may be no more of them.
    package var wait = 30
    /// For a connection to be made.
    package var connection = 30
    /// For the greeting, and each reply to a command.
    package var command = 40
    /// For DATA to be answered.
    package var data = 60
    /// For a store to take more of a message; and for each MiB of the whole.
    package var block = 60
    /// For each reply to the message.
    package var final = 240

    /// The limits named at each.
    package init() {}

    /// The limit of one state.
    func seconds(_ phase: ClientPhase, _ limits: TimeLimits) -> Int {
        let own =
            switch phase {
            case .connect, .tlsHandshake: connection
            case .greeting, .hello, .startTLS, .authentication, .mail, .recipient, .reset: command
            case .data: data
            case .body: block
            case .final: final
            case .quit: 5
            }
        return min(own, limits.limit(of: phase).seconds)
    }
}

// The clock of a connection over which messages are passed on: what is waited for, and since when. A value that is told events
// with their time.

package import NIOCore

/// What is known of the time of one connection.
package struct RelayClock {
    private let limits: RelayLimits
    private let terms: ConnectionTerms
    private let began: NIODeadline
    private var phase: ClientPhase?
    private var replyCount = 0
    private var since: NIODeadline
    /// Since when the connection takes no more of a message, and for how long it did not before that.
    private var blockedSince: NIODeadline?
    private var blocked = TimeAmount.zero
    private var written = 0
    private var taken = 0

    /// What is to be done at a point in time.
    package enum Outcome: Sendable, Hashable {
        case nothing
        /// It was without work for too long, or is old.
        case quit
        /// The store was silent for too long.
        case timeOut
    }

    /// The clock of a connection that is about to be made.
    package init(_ terms: ConnectionTerms, _ limits: RelayLimits, at now: NIODeadline) {
        self.limits = limits
        self.terms = terms
        began = now
        since = now
    }

    /// A transaction begins.
    package mutating func took() {
        taken += 1
        blocked = .zero
        written = 0
    }

    /// So many bytes of a message were given to the connection.
    package mutating func wrote(_ count: Int) { written += count }

    /// The connection takes more, or does not.
    package mutating func setBlocked(_ isBlocked: Bool, at now: NIODeadline) {
        if let blockedSince, !isBlocked { blocked = blocked + (now - blockedSince) }
        blockedSince = isBlocked ? blockedSince ?? now : nil
    }

    /// The session was looked at.
    package mutating func note(_ phase: ClientPhase?, replyCount: Int, at now: @autoclosure () -> NIODeadline) {
        guard phase != self.phase || replyCount != self.replyCount else { return }
        self.phase = phase
        self.replyCount = replyCount
        since = now()
    }

    /// Whether another transaction may be begun over it.
    package func mayTake(at now: NIODeadline) -> Bool {
        taken < terms.messagesPerConnection && now - began < .seconds(Int64(terms.maximumAge.seconds))
    }

    /// What has become due.
    ///
    /// - Parameter isIdle: whether it has no transaction; one that waits for its client is the client's to limit.
    package func outcome(isIdle: Bool, at now: NIODeadline) -> Outcome {
        guard let phase else {
            return isIdle && now - since >= .seconds(Int64(terms.idleLimit.seconds)) ? .quit : .nothing
        }
        let limit = TimeAmount.seconds(Int64(limits.seconds(phase, terms.limits)))
        guard phase == .body else { return now - since >= limit ? .timeOut : .nothing }
        guard let blockedSince else { return .nothing }
        let stall = now - blockedSince
        let mebibytes = Int64(written >> 20) + 1
        let isSlow = (blocked + stall).nanoseconds / mebibytes >= limit.nanoseconds
        return stall >= limit || isSlow ? .timeOut : .nothing
    }
}
