// A blocking connection to a server on this machine, for tests that speak a protocol themselves.

import Glibc

/// A connection to a server on this machine, read by lines or bytes.
package final class LocalStream {
    private let descriptor: Int32
    private var input: [UInt8] = []

    /// Connects to a port of the loopback address; whatever takes longer than half a minute fails.
    package convenience init(port: UInt16) throws {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        try self.init(AF_INET, &address, "port \(port)")
    }

    /// Connects to a socket in the file system.
    package convenience init(path: String) throws {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) {
            unsafe $0.copyBytes(from: path.utf8.prefix($0.count - 1))
        }
        try self.init(AF_UNIX, &address, path)
    }

    private init<Address>(_ family: Int32, _ address: inout Address, _ name: String) throws {
        descriptor = socket(family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var limit = timeval(tv_sec: 30, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            _ = unsafe setsockopt(descriptor, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
        }
        let connected = unsafe withUnsafePointer(to: &address) { pointer in
            // The pointer is to a whole address of the family, of the length given.
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                unsafe connect(descriptor, address, socklen_t(MemoryLayout<Address>.size))
            }
        }
        // What was made is closed by `deinit`, also where this fails.
        guard connected == 0 else { throw CommandFailure("\(name): errno \(errno)") }
    }

    deinit { close(descriptor) }

    /// Writes text.
    package func write(_ text: String) throws {
        let bytes = Array(text.utf8)
        let wrote = unsafe bytes.withUnsafeBytes { buffer in
            unsafe send(descriptor, buffer.baseAddress, buffer.count, Int32(MSG_NOSIGNAL))
        }
        guard wrote == bytes.count else { throw CommandFailure("the connection does not take what is written") }
    }

    /// The next line without its end.
    package func readLine() throws -> String {
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
    package func read(_ count: Int) throws -> [UInt8] {
        while input.count < count { try fill() }
        defer { input.removeFirst(count) }
        return Array(input.prefix(count))
    }

    private func fill() throws {
        guard try receive() else { throw CommandFailure("the server has closed the connection") }
    }

    /// Reads once; false at the end.
    private func receive() throws -> Bool {
        var got = 0
        let block = unsafe [UInt8](unsafeUninitializedCapacity: 16 << 10) { buffer, initialized in
            got = unsafe Glibc.read(descriptor, buffer.baseAddress, buffer.count)
            initialized = max(got, 0)
        }
        guard got >= 0 else {
            throw CommandFailure("nothing came for half a minute, or the connection broke: errno \(errno)")
        }
        input += block
        return got > 0
    }

    /// What comes until the server closes the connection.
    package func readToEnd() throws -> String {
        while try receive() {}
        defer { input = [] }
        return String(decoding: input, as: UTF8.self)
    }

    /// Writes text where there is room for all of it.
    ///
    /// - Returns: false where there was none for some of it.
    package func writeWithoutWaiting(_ text: String) throws -> Bool {
        let bytes = Array(text.utf8)
        let wrote = unsafe bytes.withUnsafeBytes { buffer in
            unsafe send(descriptor, buffer.baseAddress, buffer.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
        }
        guard wrote >= 0 || errno == EAGAIN else { throw CommandFailure("the connection broke: errno \(errno)") }
        return wrote == bytes.count
    }

    /// Says that nothing more is written.
    package func closeWriting() { shutdown(descriptor, Int32(SHUT_WR)) }
}
