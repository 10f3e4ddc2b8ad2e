// Where a service listens, as options name it.

import Bytes

/// An endpoint to listen at.
package enum ListeningEndpoint: Sendable, Hashable, CustomStringConvertible {
    /// A socket in the file system.
    case unix(String)
    /// Every address of a host, and a port; 0 for any that is free.
    case tcp(Host, port: Int)
    /// What systemd hands over (sd_listen_fds(3)): everything, or the sockets of this name (`FileDescriptorName=`).
    case handedOver(name: String?)

    /// The addresses of this host at which a port listens.
    package enum Host: Sendable, Hashable {
        /// Those that only this host reaches.
        case loopback
        /// All there are.
        case any
        /// Those of a name, or an IPv4 or IPv6 address.
        case named(String)
    }

    /// Reads `unix:/path`, `HOST:PORT`, `:PORT`, `*:PORT`, `systemd`, or `systemd:NAME`; nil for anything else.
    ///
    /// HOST is a name, an IPv4 address, or an IPv6 address with or without brackets. Without one the port listens on the
    /// loopback addresses alone, with `*` on all.
    package init?(_ text: String) {
        if text == "systemd" {
            self = .handedOver(name: nil)
        } else if text.lowercased().hasPrefix("unix:") {
            let path = String(text.dropFirst(5))
            guard !path.isEmpty, !path.utf8.contains(0) else { return nil }
            self = .unix(path)
        } else if text.hasPrefix("systemd:"), Self.port(text.dropFirst(8)) == nil {
            let name = String(text.dropFirst(8))
            guard !name.isEmpty else { return nil }
            self = .handedOver(name: name)
        } else {
            guard let colon = text.lastIndex(of: ":"), let port = Self.port(text[text.index(after: colon)...]),
                let host = Self.host(text[..<colon])
            else { return nil }
            self = .tcp(host, port: port)
        }
    }

    private static func port(_ text: Substring) -> Int? {
        guard text.utf8.allSatisfy(ASCII.isDigit), let port = Int(text), port <= 65_535 else { return nil }
        return port
    }

    private static func host(_ text: Substring) -> Host? {
        switch text {
        case "": .loopback
        case "*": .any
        case _ where text.hasPrefix("[") && text.hasSuffix("]") && text.count > 2:
            .named(String(text.dropFirst().dropLast()))
        case "[]": nil
        case _ where text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "/") }): .named(String(text))
        default: nil
        }
    }

    /// The form in messages: `/path`, `host:24`, `[2001:db8::1]:24`, `systemd:lmtp`.
    package var description: String {
        switch self {
        case .unix(let path): path
        case .tcp(.loopback, let port): ":\(port)"
        case .tcp(.any, let port): "*:\(port)"
        case .tcp(.named(let host), let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .handedOver(let name): name.map { "systemd:\($0)" } ?? "systemd"
        }
    }
}
