// Sockets that the service manager has opened, and hands over with the process: sd_listen_fds(3).

import Configuration
import Glibc
package import System

/// The listening sockets that this process was started with.
package struct HandedOverSockets {
    private struct Entry {
        let name: String
        let address: SocketEndpoint
        let socket: ListeningSocket
    }

    private var entries: [Entry] = []

    /// The first descriptor that is handed over (SD_LISTEN_FDS_START).
    private static let first: Int32 = 3
    /// No manager hands over more.
    private static let most = 1024

    /// Whether the environment says that sockets are handed over to this process.
    package static var areExpected: Bool {
        environmentVariable("LISTEN_PID") == "\(getpid())"
            && environmentVariable("LISTEN_FDS").map { $0 != "0" } ?? false
    }

    /// Takes what the environment says is handed over to this process: `LISTEN_PID`, `LISTEN_FDS`, `LISTEN_FDNAMES`.
    ///
    /// Each of the descriptors is closed by exec from now on, and does not wait.
    ///
    /// - Throws: `FileError` where a descriptor is no listening stream socket, or the variables cannot be meant.
    package init() throws(FileError) {
        guard Self.areExpected, let text = environmentVariable("LISTEN_FDS") else { return }
        guard let count = Int(text), (0...Self.most).contains(count) else {
            throw ListeningSocket.failure(
                "LISTEN_FDS", "'\(text)' is no number of sockets; it is set by systemd, with LISTEN_PID: set neither")
        }
        let names = (environmentVariable("LISTEN_FDNAMES") ?? "").split(
            separator: ":", omittingEmptySubsequences: false)
        for index in 0..<count {
            // Nobody has named it: what sd_listen_fds_with_names(3) says.
            let name = names.indices.contains(index) && !names[index].isEmpty ? String(names[index]) : "unknown"
            entries.append(try Self.entry(Self.first + Int32(index), name))
        }
    }

    private static func entry(_ descriptor: Int32, _ name: String) throws(FileError) -> Entry {
        let subject = "systemd:\(name) (descriptor \(descriptor))"
        let flags = fcntl(descriptor, F_GETFL)
        guard flags >= 0 else {
            throw ListeningSocket.failure(
                subject, "it is not open; LISTEN_FDS must be the number of sockets that are handed over")
        }
        guard fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0, fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) == 0 else {
            throw ListeningSocket.failure(subject, code: errno, nil)
        }
        guard let kind = option(SO_TYPE, of: descriptor), let address = SocketEndpoint(of: descriptor) else {
            throw ListeningSocket.failure(subject, "it is no socket; name sockets alone in the socket unit")
        }
        guard kind == Int32(SOCK_STREAM.rawValue), [AF_UNIX, AF_INET, AF_INET6].contains(address.family) else {
            throw ListeningSocket.failure(
                subject, "it is no stream socket of AF_UNIX, IPv4 or IPv6; use ListenStream= in the socket unit")
        }
        guard option(SO_ACCEPTCONN, of: descriptor) == 1 else {
            throw ListeningSocket.failure(
                subject, "it does not listen; use ListenStream= with Accept=no in the socket unit")
        }
        // The file is the manager's: it stays when we end.
        return Entry(
            name: name, address: address,
            socket: ListeningSocket(descriptor: descriptor, name: "\(address)", port: address.port))
    }

    private static func option(_ option: Int32, of descriptor: Int32) -> Int32? {
        var value: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        return unsafe getsockopt(descriptor, SOL_SOCKET, option, &value, &size) == 0 ? value : nil
    }

    /// Whether nothing was handed over, or all of it was taken.
    package var isEmpty: Bool { entries.isEmpty }

    /// Takes the sockets of a name, or all.
    ///
    /// - Throws: `FileError` where there is none.
    mutating func take(named name: String?) throws(FileError) -> [ListeningSocket] {
        let wanted = entries.filter { name == nil || $0.name == name }
        guard !wanted.isEmpty else {
            let others = entries.map(\.name).joined(separator: ", ")
            throw ListeningSocket.failure(
                "\(ListeningEndpoint.handedOver(name: name))",
                "no such socket was handed over\(others.isEmpty ? "" : ", only \(others)"); start it by a socket unit"
                    + (name.map { " with FileDescriptorName=\($0)" } ?? ""))
        }
        entries.removeAll { name == nil || $0.name == name }
        return wanted.map(\.socket)
    }

    /// Takes the socket at a path; nil where there is none.
    mutating func take(path: [UInt8]) -> ListeningSocket? { take { $0.path == path } }

    /// Takes the socket at an address; nil where there is none.
    mutating func take(address: SocketEndpoint) -> ListeningSocket? { take { $0 == address } }

    private mutating func take(where fits: (SocketEndpoint) -> Bool) -> ListeningSocket? {
        guard let index = entries.firstIndex(where: { fits($0.address) }) else { return nil }
        return entries.remove(at: index).socket
    }

    /// Makes sure that all of them were taken: whoever connects to another would wait in vain.
    ///
    /// - Throws: `FileError` naming one that was not.
    package func refuseUnused() throws(FileError) {
        guard let entry = entries.first else { return }
        throw ListeningSocket.failure(
            "systemd:\(entry.name) (\(entry.socket.name))",
            "it was handed over and no option names it; add --listen systemd:\(entry.name), or take it out of the socket"
                + " unit")
    }
}
