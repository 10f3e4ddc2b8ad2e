// Tells systemd how the service fares: sd_notify(3), one datagram to the socket it names.

import Configuration
import Glibc
import Synchronization
import System

/// The service manager that started this process, if one did.
package enum ServiceManager {
    /// How often the manager wants to hear from this process, in nanoseconds (sd_watchdog_enabled(3)); nil where it does
    /// not.
    package static var watchdogInterval: Int? {
        guard let microseconds = environmentVariable("WATCHDOG_USEC").flatMap({ Int($0) }),
            (1...Int.max / 1000).contains(microseconds)
        else { return nil }
        if let process = environmentVariable("WATCHDOG_PID"), process != "\(getpid())" { return nil }
        return microseconds * 1000
    }

    /// Sends a state, such as `READY=1`; without a service manager nothing happens.
    package static func notify(_ state: String) {
        guard let name = environmentVariable("NOTIFY_SOCKET") else { return }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var path = Array(name.utf8)
        // A leading @ stands for the NUL of an abstract socket's name.
        if path.first == UInt8(ascii: "@") { path[0] = 0 }
        let capacity = MemoryLayout.size(ofValue: address.sun_path)
        guard path.count < capacity else { return }
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { place in unsafe place.copyBytes(from: path) }
        let length = socklen_t(MemoryLayout<sockaddr_un>.offset(of: \.sun_path) ?? 2) + socklen_t(path.count)
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        let message = Array(state.utf8)
        // The address is a whole sockaddr_un and `length` at most its size. A manager that is gone is no error.
        _ = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                unsafe sendto(descriptor, message, message.count, Int32(MSG_NOSIGNAL), address, length)
            }
        }
    }
}

// Lets the service manager know that a service lives, from whatever thread gets on with its work.

/// The watchdog of a service manager, fed no more often than it wants.
package final class Watchdog: Sendable {
    /// How often the manager wants to hear of the service at the least, in nanoseconds; nil where it does not.
    package let interval: Int?
    private let next = Atomic<UInt64>(0)

    /// The watchdog that the environment names.
    package init() { interval = ServiceManager.watchdogInterval }

    /// Says that the service lives; costs a look at the clock where that was said just now.
    package func feed() {
        guard let interval else { return }
        let now = MonotonicTime.coarse()
        let due = next.load(ordering: .relaxed)
        guard now.nanoseconds >= due else { return }
        next.store(now.advanced(by: UInt64(interval / 4)).nanoseconds, ordering: .relaxed)
        ServiceManager.notify("WATCHDOG=1")
    }
}
