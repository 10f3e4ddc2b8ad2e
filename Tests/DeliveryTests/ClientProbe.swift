// A client that a test speaks for: bytes to a port of this machine, and what comes back.

import Glibc
import ZRouteTestKit

/// A blocking connection.
final class ClientProbe {
    private let descriptor: Int32
    private var input = ""

    /// Connects; a server that says nothing for half a minute is an error.
    init(port: Int) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var limit = timeval(tv_sec: 30, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else { throw CommandFailure("port \(port): errno \(errno)") }
        // It is the server's connection too from here on.
        while !input.utf8.contains(0x0A) { guard try fill() else { break } }
    }

    deinit { close(descriptor) }

    /// Sends text, and gives what has come back since the last call when some words are in it.
    func say(_ text: String, until words: String) throws -> String {
        input = ""
        guard send(descriptor, text, text.utf8.count, Int32(MSG_NOSIGNAL)) == text.utf8.count else {
            throw CommandFailure("the connection does not take what is written")
        }
        while !input.contains(words) { guard try fill() else { break } }
        return input
    }

    /// All that comes until the server closes the connection.
    func rest() throws -> String {
        while try fill() {}
        return input
    }

    private func fill() throws -> Bool {
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = recv(descriptor, &bytes, bytes.count, 0)
        guard count >= 0 else { throw CommandFailure("nothing came for half a minute: errno \(errno)") }
        input += String(decoding: bytes.prefix(count), as: UTF8.self)
        return count > 0
    }
}
