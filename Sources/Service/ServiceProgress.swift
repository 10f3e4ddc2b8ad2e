// Lets the service manager know that a service gets on with its work, from whatever thread does.

import Synchronization
import System

/// What a service shows of its getting on: the manager's watchdog is fed by it, and by nothing else, so that a service whose
/// work stands still is found out.
package final class ServiceProgress: Sendable {
    /// How often the manager wants to hear of the service at the least; nil where it does not.
    package let interval: Duration?
    /// The manager is told no more often than this, in nanoseconds.
    private let pause: UInt64
    private let next = Atomic<UInt64>(0)

    /// The progress of this process, of which the manager that the environment names is told.
    package init() {
        let nanoseconds = ServiceManager.watchdogInterval
        interval = nanoseconds.map { .nanoseconds($0) }
        pause = UInt64(clamping: (nanoseconds ?? 0) / 4)
    }

    /// Says that a piece of work is done; costs a look at the clock where that was said just now.
    package func note() {
        guard interval != nil else { return }
        let now = MonotonicTime.coarse()
        let due = next.load(ordering: .relaxed)
        guard now.nanoseconds >= due else { return }
        next.store(now.advanced(by: pause).nanoseconds, ordering: .relaxed)
        ServiceManager.notify("WATCHDOG=1")
    }
}
