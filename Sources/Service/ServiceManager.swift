// Tells systemd how the service fares: sd_notify(3), one datagram to the socket it names.

import Configuration
import Glibc
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
        var path = Array(name.utf8)
        // A leading @ stands for the NUL of an abstract socket's name.
        if path.first == UInt8(ascii: "@") { path[0] = 0 }
        guard let address = SocketEndpoint(path: path) else { return }
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        // A manager that is gone is no error.
        address.send(Array(state.utf8), from: descriptor)
    }
}
