// Tells a call that hangs from one that is only slow, by looking now and then.

/// Watches one worker for a call that lasts longer than the deadline.
///
/// Only time during which somebody looked counts, at most two intervals for each look: when the whole process was
/// stopped and continued, a call that had no time to end is not taken for one that hangs.
public struct CallSupervisor: Sendable {
    /// What is watched.
    public let watch: CallWatch
    private var call: UInt64?
    private var age = Duration.zero

    /// Nothing has been seen yet.
    public init(_ watch: CallWatch) {
        self.watch = watch
    }

    /// How often ``look(after:)`` should be called.
    public var interval: Duration { Self.interval(deadline: watch.health.deadline) }

    /// How often to look, so that a hang is found soon after the deadline.
    public static func interval(deadline: Duration) -> Duration {
        min(max(deadline / 20, .milliseconds(5)), .milliseconds(250))
    }

    /// Looks at the worker.
    ///
    /// - Parameter elapsed: the time since the last look.
    /// - Returns: the call that hangs, for `CallWatch.abandon`; nil where all is well.
    public mutating func look(after elapsed: Duration) -> UInt64? {
        let present = watch.presentCall
        guard let present, present == call else {
            call = present
            age = .zero
            return nil
        }
        age += min(elapsed, interval * 2)
        return age >= watch.health.deadline ? present : nil
    }
}
