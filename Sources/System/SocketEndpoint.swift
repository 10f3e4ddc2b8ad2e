// The address of a socket as the system's calls take it.

package import Glibc

/// The bytes of a socket's address (sockaddr(3type)).
package struct SocketEndpoint: Sendable, Hashable {
    private var bytes: [UInt8]

    /// The longest path of a socket in the file system, in bytes.
    package static let longestPath = MemoryLayout<sockaddr_un>.size - pathOffset - 1
    private static let pathOffset = MemoryLayout<sa_family_t>.size
    private static let portOffset = MemoryLayout<sa_family_t>.size

    /// A socket in the file system; the path is not ended by a NUL, and one at its beginning makes it an abstract name.
    ///
    /// - Returns: nil where the path is too long.
    package init?(path: [UInt8]) {
        guard path.count <= Self.longestPath else { return nil }
        bytes = Self.family(sa_family_t(AF_UNIX)) + path
        // A path ends with a NUL; an abstract name ends where the address does.
        if path.first != 0 { bytes.append(0) }
    }

    /// A copy of an address.
    @unsafe package init(_ address: UnsafePointer<sockaddr>, length: socklen_t) {
        bytes = unsafe Array(UnsafeRawBufferPointer(start: address, count: Int(length)))
    }

    /// The address that a socket is bound to.
    ///
    /// - Returns: nil where the descriptor is no socket.
    package init?(of descriptor: Int32) {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        // The system writes no more than the size that it is told.
        let code = unsafe withUnsafeMutablePointer(to: &storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe getsockname(descriptor, $0, &length)
            }
        }
        guard code == 0, length >= socklen_t(Self.pathOffset) else { return nil }
        bytes = unsafe withUnsafeBytes(of: &storage) { unsafe Array($0.prefix(Int(length))) }
    }

    private static func family(_ family: sa_family_t) -> [UInt8] {
        unsafe withUnsafeBytes(of: family) { unsafe Array($0) }
    }

    /// The address family, such as AF_INET6.
    package var family: Int32 {
        var family = sa_family_t(AF_UNSPEC)
        unsafe withUnsafeMutableBytes(of: &family) { unsafe $0.copyBytes(from: bytes.prefix($0.count)) }
        return Int32(family)
    }

    private var isInternet: Bool { [AF_INET, AF_INET6].contains(family) && bytes.count > Self.portOffset + 1 }

    /// The port; nil where the address has none.
    package var port: Int? {
        get { isInternet ? Int(bytes[Self.portOffset]) << 8 | Int(bytes[Self.portOffset + 1]) : nil }
        set {
            guard isInternet, let newValue else { return }
            bytes[Self.portOffset] = UInt8(truncatingIfNeeded: newValue >> 8)
            bytes[Self.portOffset + 1] = UInt8(truncatingIfNeeded: newValue)
        }
    }

    /// The path of a socket in the file system; nil for any other.
    package var path: [UInt8]? {
        guard family == AF_UNIX else { return nil }
        let path = bytes.dropFirst(Self.pathOffset).prefix { $0 != 0 }
        return path.isEmpty ? nil : Array(path)
    }

    /// Binds a socket to the address.
    ///
    /// - Returns: 0, or errno.
    package func bind(_ descriptor: Int32) -> Int32 {
        unsafe withPointer { unsafe Glibc.bind(descriptor, $0, $1) == 0 ? 0 : errno }
    }

    /// Connects a socket to the address.
    ///
    /// - Returns: 0, or errno.
    package func connect(_ descriptor: Int32) -> Int32 {
        unsafe withPointer { unsafe Glibc.connect(descriptor, $0, $1) == 0 ? 0 : errno }
    }

    /// Sends a datagram to the address; one that nobody receives is lost.
    package func send(_ message: [UInt8], from descriptor: Int32) {
        _ = unsafe withPointer { unsafe sendto(descriptor, message, message.count, Int32(MSG_NOSIGNAL), $0, $1) }
    }

    /// Gives the address to a call of the system.
    private func withPointer<Answer>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Answer) -> Answer {
        var storage = sockaddr_storage()
        // No address is longer than the storage; the pointer is used only within the closure.
        unsafe withUnsafeMutableBytes(of: &storage) { unsafe $0.copyBytes(from: bytes.prefix($0.count)) }
        return unsafe withUnsafePointer(to: &storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe body($0, socklen_t(bytes.count))
            }
        }
    }
}

extension SocketEndpoint: CustomStringConvertible {
    /// The form in messages: `/path`, `192.0.2.1:24`, `[2001:db8::1]:24`.
    package var description: String {
        if let path { return String(decoding: path, as: UTF8.self) }
        guard let port else { return "a socket without an address" }
        // As long as the longest (NI_MAXHOST).
        var host = [CChar](repeating: 0, count: 1025)
        let code = unsafe withPointer { address, length in
            unsafe getnameinfo(address, length, &host, socklen_t(host.count), nil, 0, NI_NUMERICHOST)
        }
        guard code == 0 else { return "port \(port)" }
        let text = String(decoding: host.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return family == AF_INET6 ? "[\(text)]:\(port)" : "\(text):\(port)"
    }
}

/// Makes a socket that does not wait and is closed by exec.
///
/// - Returns: the descriptor; negative, with errno, where the system gives none.
package func makeStreamSocket(_ family: Int32) -> Int32 {
    socket(
        family,
        Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
}
