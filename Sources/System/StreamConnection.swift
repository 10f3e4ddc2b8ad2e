// A connection to a server, each of whose steps ends in time.

import Glibc

/// A stream socket of a client; closed when the value goes.
package struct StreamConnection: ~Copyable, Sendable {
    /// What became of a step.
    package enum Failure: Error, Sendable, Hashable {
        /// It was not done in time.
        case late
        /// The other side has closed the connection.
        case closed
        /// The system's reason.
        case system(String)
        /// The name of the host cannot be found out now.
        case unresolved(String)
    }

    private let descriptor: Int32

    /// Connects to a socket in the file system.
    ///
    /// - Parameter end: when that has to be done, on the clock of `monotonicNanoseconds`.
    package init(path: String, until end: UInt64) throws(Failure) {
        guard let address = SocketEndpoint(path: Array(path.utf8)) else {
            throw .system("a socket's path has \(SocketEndpoint.longestPath) bytes at the most")
        }
        self.descriptor = try Self.connect(to: address, until: end)
    }

    /// Connects to the first address of a host that takes the connection.
    ///
    /// - Parameter end: when that has to be done; to find the addresses of a name may take longer, and whoever watches the worker
    ///   sees that.
    package init(host: String, port: UInt16, until end: UInt64) throws(Failure) {
        var last = Failure.unresolved("it has no address")
        for address in try Self.addresses(of: host, port: port) {
            do throws(Failure) {
                self.descriptor = try Self.connect(to: address, until: end)
                return
            } catch {
                last = error
            }
        }
        throw last
    }

    deinit { close(descriptor) }

    /// Whether nothing has come that nobody asked for, and the other side has not closed the connection.
    package var isIdle: Bool {
        var byte: UInt8 = 0
        let got = unsafe recv(descriptor, &byte, 1, Int32(MSG_PEEK | MSG_DONTWAIT))
        return got < 0 && (errno == EAGAIN || errno == EINTR)
    }

    /// Sends all bytes.
    package func send(_ bytes: [UInt8], until end: UInt64) throws(Failure) {
        var done = 0
        while done < bytes.count {
            // In bounds: done is smaller than the count.
            let sent = unsafe bytes.withUnsafeBytes { buffer in
                unsafe Glibc.send(
                    descriptor, buffer.baseAddress.map { unsafe $0 + done }, buffer.count - done,
                    Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
            }
            if sent > 0 {
                done += sent
            } else if errno == EAGAIN {
                try Self.wait(descriptor, for: Int16(POLLOUT), until: end)
            } else if errno != EINTR {
                throw Self.failure(errno)
            }
        }
    }

    /// Takes what has come; waits where nothing has.
    ///
    /// - Returns: how many bytes of the buffer were filled, at least one.
    package func receive(into buffer: inout [UInt8], until end: UInt64) throws(Failure) -> Int {
        while true {
            let got = unsafe buffer.withUnsafeMutableBytes { buffer in
                unsafe recv(descriptor, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT))
            }
            if got > 0 { return got }
            if got == 0 { throw .closed }
            if errno == EAGAIN {
                try Self.wait(descriptor, for: Int16(POLLIN), until: end)
            } else if errno != EINTR {
                throw Self.failure(errno)
            }
        }
    }

    private static func failure(_ code: Int32) -> Failure {
        [ECONNRESET, EPIPE].contains(code) ? .closed : .system(FileError(operation: "", path: "", code: code).reason)
    }

    private static func connect(to address: SocketEndpoint, until end: UInt64) throws(Failure) -> Int32 {
        let descriptor = makeStreamSocket(address.family)
        guard descriptor >= 0 else { throw failure(errno) }
        do throws(Failure) {
            var code = address.connect(descriptor)
            // A local server with a full queue: there is nothing to wait for but time.
            while code == EAGAIN, monotonicNanoseconds() < end {
                usleep(5000)
                code = address.connect(descriptor)
            }
            if code == EINPROGRESS || code == EINTR {
                try wait(descriptor, for: Int16(POLLOUT), until: end)
                var length = socklen_t(MemoryLayout<Int32>.size)
                guard unsafe getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &length) == 0 else {
                    throw failure(errno)
                }
            }
            if code == EAGAIN { throw .late }
            guard code == 0 else { throw .system(FileError(operation: "", path: "", code: code).reason) }
            return descriptor
        } catch {
            close(descriptor)
            throw error
        }
    }

    private static func wait(_ descriptor: Int32, for event: Int16, until end: UInt64) throws(Failure) {
        while true {
            let now = monotonicNanoseconds()
            guard now < end else { throw .late }
            var wanted = pollfd(fd: descriptor, events: event, revents: 0)
            // Up, so that the last millisecond is waited for and not asked for again and again.
            let milliseconds = Int32(clamping: (end - now) / 1_000_000 + 1)
            let ready = unsafe poll(&wanted, 1, milliseconds)
            if ready > 0 { return }
            guard ready == 0 || errno == EINTR else { throw failure(errno) }
        }
    }

    private static func addresses(of host: String, port: UInt16) throws(Failure) -> [SocketEndpoint] {
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        unsafe hints.ai_flags = AI_NUMERICSERV
        var list: UnsafeMutablePointer<addrinfo>?
        let code = unsafe getaddrinfo(host, "\(port)", &hints, &list)
        guard code == 0 else { throw .unresolved(unsafe String(cString: gai_strerror(code))) }
        defer { unsafe freeaddrinfo(list) }
        var addresses: [SocketEndpoint] = []
        var next = unsafe list
        while let entry = unsafe next {
            // The list, and the address of each entry, live until freeaddrinfo.
            if let address = unsafe entry.pointee.ai_addr {
                let copy = unsafe SocketEndpoint(address, length: entry.pointee.ai_addrlen)
                if !addresses.contains(copy) { addresses.append(copy) }
            }
            unsafe next = entry.pointee.ai_next
        }
        return addresses
    }
}
