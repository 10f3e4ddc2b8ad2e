// Tells systemd how the service fares: sd_notify(3), one datagram to the socket it names.

import Configuration
import Glibc

/// The service manager that started this process, if one did.
public enum ServiceManager {
    /// How often the manager wants to hear from this process, in nanoseconds (sd_watchdog_enabled(3)); nil where it does
    /// not.
    public static var watchdogInterval: Int? {
        guard let microseconds = environmentVariable("WATCHDOG_USEC").flatMap({ Int($0) }),
            (1...Int.max / 1000).contains(microseconds)
        else { return nil }
        if let process = environmentVariable("WATCHDOG_PID"), process != "\(getpid())" { return nil }
        return microseconds * 1000
    }

    /// Sends a state, such as `READY=1`; without a service manager nothing happens.
    public static func notify(_ state: String) {
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
