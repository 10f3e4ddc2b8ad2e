// What a service tells its manager: the datagrams that systemd would get.

import Glibc

/// A socket for sd_notify's messages.
package final class NotificationListener {
    /// Where it listens (NOTIFY_SOCKET).
    package let path: String
    private let descriptor: Int32

    /// Listens at a path.
    package init(_ path: String) throws {
        self.path = path
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) {
            unsafe $0.copyBytes(from: path.utf8.prefix($0.count - 1))
        }
        let bound = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard bound == 0 else { throw CommandFailure("\(path): errno \(errno)") }
    }

    deinit { close(descriptor) }

    /// The next message; nil where none comes within half a minute.
    package func next() throws -> String? { receive(milliseconds: 30_000) }

    /// All that has come.
    package func rest() throws -> [String] {
        var messages: [String] = []
        while let message = receive(milliseconds: 0) { messages.append(message) }
        return messages
    }

    private func receive(milliseconds: Int32) -> String? {
        var event = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard unsafe poll(&event, 1, milliseconds) > 0 else { return nil }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = unsafe recv(descriptor, &bytes, bytes.count, 0)
        return count > 0 ? String(decoding: bytes.prefix(count), as: UTF8.self) : nil
    }
}
