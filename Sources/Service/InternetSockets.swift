// Listening at a port, on every address that the endpoint means.

import Glibc
import System

/// The sockets of one endpoint of a host and a port.
struct InternetSockets {
    private let endpoint: ListeningEndpoint
    private let host: ListeningEndpoint.Host
    private let port: Int

    init(_ endpoint: ListeningEndpoint, _ host: ListeningEndpoint.Host, _ port: Int) {
        self.endpoint = endpoint
        self.host = host
        self.port = port
    }

    /// How often another port is tried where the system's choice is free on the first address and taken on the next.
    private static let tries = 20

    /// Listens at each address; one that this host does not have is passed over where another is one of its own.
    func listen(_ handedOver: inout HandedOverSockets) throws(FileError) -> [ListeningSocket] {
        let addresses = try resolve()
        let ready = addresses.compactMap { handedOver.take(address: $0) }
        if !ready.isEmpty { return ready }
        for attempt in 1... {
            do throws(Failure) {
                return try listen(at: addresses)
            } catch {
                let isChosen = port == 0 && error.code == EADDRINUSE && attempt < Self.tries
                if !isChosen { throw failure(error) }
            }
        }
        return []
    }

    /// An address at which it cannot listen.
    private struct Failure: Error {
        let address: SocketEndpoint
        let code: Int32
        /// Whether this host has no such address, or not this kind of addresses.
        var isNotOurs: Bool { [EADDRNOTAVAIL, EAFNOSUPPORT].contains(code) }
    }

    private func listen(at addresses: [SocketEndpoint]) throws(Failure) -> [ListeningSocket] {
        var sockets: [ListeningSocket] = []
        var notOurs: Failure?
        for var address in addresses {
            // All of them have the port that the first was given.
            if port == 0, let port = sockets.first?.port { address.port = port }
            do throws(Failure) {
                sockets.append(try listen(at: address, isOnly: addresses.count == 1))
            } catch {
                guard !error.isNotOurs else {
                    notOurs = notOurs ?? error
                    continue
                }
                for socket in sockets { socket.abandon() }
                throw error
            }
        }
        if sockets.isEmpty, let notOurs { throw notOurs }
        return sockets
    }

    private func listen(at address: SocketEndpoint, isOnly: Bool) throws(Failure) -> ListeningSocket {
        let descriptor = makeStreamSocket(address.family)
        guard descriptor >= 0 else { throw Failure(address: address, code: errno) }
        var yes: Int32 = 1
        let size = socklen_t(MemoryLayout<Int32>.size)
        var isSet = unsafe setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, size) == 0
        // Beside a socket for IPv4, which otherwise finds its port taken.
        if address.family == AF_INET6, !isOnly {
            isSet = unsafe setsockopt(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &yes, size) == 0 && isSet
        }
        var code = isSet ? address.bind(descriptor) : errno
        if code == 0, Glibc.listen(descriptor, ListeningSocket.backlog) != 0 { code = errno }
        guard code == 0 else {
            close(descriptor)
            throw Failure(address: address, code: code)
        }
        let bound = SocketEndpoint(of: descriptor) ?? address
        return ListeningSocket(descriptor: descriptor, name: "\(bound)", port: bound.port)
    }

    private func failure(_ failure: Failure) -> FileError {
        let remedy: String? =
            switch failure.code {
            case EADDRINUSE: "another program listens there: end it, or choose another port"
            case EADDRNOTAVAIL: "give an address of this host, or * for all of them"
            case EAFNOSUPPORT: "this host has no addresses of that kind: give another"
            case EACCES, EPERM:
                "ports below \(Self.firstFreePort) are for the superuser: choose another, or let systemd hand the socket over"
            default: nil
            }
        let text = "\(failure.address)" == "\(endpoint)" ? "\(endpoint)" : "\(endpoint) (\(failure.address))"
        return ListeningSocket.failure(text, code: failure.code, remedy)
    }

    private static let firstFreePort = 1024

    /// The addresses that the endpoint means.
    private func resolve() throws(FileError) -> [SocketEndpoint] {
        var hints = unsafe addrinfo()
        unsafe hints.ai_family = AF_UNSPEC
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        unsafe hints.ai_flags = AI_NUMERICSERV | (host == .any ? AI_PASSIVE : 0)
        var list: UnsafeMutablePointer<addrinfo>?
        let code =
            switch host {
            case .named(let name): unsafe getaddrinfo(name, "\(port)", &hints, &list)
            case .loopback, .any: unsafe getaddrinfo(nil, "\(port)", &hints, &list)
            }
        guard code == 0 else {
            let reason = code == EAI_SYSTEM ? FileError(operation: "", path: "", code: errno).reason : unsafe text(code)
            throw ListeningSocket.failure(
                "\(endpoint)", "the name cannot be resolved: \(reason); give an address of this host")
        }
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

    @unsafe private func text(_ code: Int32) -> String { unsafe String(cString: gai_strerror(code)) }
}
