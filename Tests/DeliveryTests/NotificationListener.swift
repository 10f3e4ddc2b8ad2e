// What a service tells its manager: the datagrams that systemd would get.

import Glibc
import ZRouteTestKit

/// A socket for sd_notify's messages.
final class NotificationListener {
    let path: String
    private let descriptor: Int32

    init(_ path: String) throws {
        self.path = path
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard bound == 0 else { throw CommandFailure("\(path): errno \(errno)") }
    }

    deinit { close(descriptor) }

    /// The next message; nil where none comes within half a minute.
    func next() throws -> String? { receive(milliseconds: 30_000) }

    /// All that has come.
    func rest() throws -> [String] {
        var messages: [String] = []
        while let message = receive(milliseconds: 0) { messages.append(message) }
        return messages
    }

    private func receive(milliseconds: Int32) -> String? {
        var event = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&event, 1, milliseconds) > 0 else { return nil }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = recv(descriptor, &bytes, bytes.count, 0)
        return count > 0 ? text(bytes.prefix(count)) : nil
    }
}
