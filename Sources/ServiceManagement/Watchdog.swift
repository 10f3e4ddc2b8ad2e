// Lets the service manager know that a service lives, from whatever thread gets on with its work.

import Files
import Synchronization

/// The watchdog of a service manager, fed no more often than it wants.
public final class Watchdog: Sendable {
    /// How often the manager wants to hear of the service at the least, in nanoseconds; nil where it does not.
    public let interval: Int?
    private let next = Atomic<UInt64>(0)

    /// The watchdog that the environment names.
    public init() { interval = ServiceManager.watchdogInterval }

    /// Says that the service lives; costs a look at the clock where that was said just now.
    public func feed() {
        guard let interval else { return }
        let now = MonotonicTime.coarse()
        let due = next.load(ordering: .relaxed)
        guard now.nanoseconds >= due else { return }
        next.store(now.advanced(by: UInt64(interval / 4)).nanoseconds, ordering: .relaxed)
        ServiceManager.notify("WATCHDOG=1")
    }
}
