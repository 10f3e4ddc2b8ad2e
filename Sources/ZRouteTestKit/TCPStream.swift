// A blocking connection to a server on this machine, for tests that speak a protocol themselves.

import Glibc

/// A connection to a port of the loopback address, read by lines.
final class TCPStream {
    private let descriptor: Int32
    private var input: [UInt8] = []

    /// Connects; whatever takes longer than half a minute fails.
    init(port: UInt16) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var limit = timeval(tv_sec: 30, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            _ = unsafe setsockopt(descriptor, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
        }
        let connected = unsafe withUnsafePointer(to: &address) { pointer in
            // The pointer is to a whole sockaddr_in, of the length given.
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                unsafe connect(descriptor, address, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else {
            let code = errno
            close(descriptor)
            throw CommandFailure("port \(port): errno \(code)")
        }
    }

    deinit { close(descriptor) }

    /// Writes text.
    func write(_ text: String) throws {
        let bytes = Array(text.utf8)
        let wrote = unsafe bytes.withUnsafeBytes { buffer in
            unsafe send(descriptor, buffer.baseAddress, buffer.count, Int32(MSG_NOSIGNAL))
        }
        guard wrote == bytes.count else { throw CommandFailure("the connection does not take what is written") }
    }

    /// The next line without its end.
    func readLine() throws -> String {
        while true {
            if let end = input.firstIndex(of: 0x0A) {
                let line = input[..<end].filter { $0 != 0x0D }
                input.removeFirst(end + 1)
                return String(decoding: line, as: UTF8.self)
            }
            try fill()
        }
    }

    /// So many bytes.
    func read(_ count: Int) throws -> [UInt8] {
        while input.count < count { try fill() }
        defer { input.removeFirst(count) }
        return Array(input.prefix(count))
    }

    private func fill() throws {
        var got = 0
        let block = unsafe [UInt8](unsafeUninitializedCapacity: 16 << 10) { buffer, initialized in
            got = unsafe Glibc.read(descriptor, buffer.baseAddress, buffer.count)
            initialized = max(got, 0)
        }
        guard got > 0 else { throw CommandFailure("the connection ended, or nothing came for half a minute") }
        input += block
    }
}
