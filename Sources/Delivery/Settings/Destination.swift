// A server and the way to speak to it: what recipients must have in common to share a transaction and its connections.

import Bytes
package import LMTP
import NIOSSL

/// An endpoint with all settings of its connections.
///
/// A class for its identity: the same clause, endpoint and options give the same object.
package final class Destination: Sendable {
    /// The server.
    package let endpoint: Endpoint
    /// The settings of its sessions.
    package let options: ClientOptions
    /// The time-outs.
    package var limits: TimeLimits { terms.limits }
    /// The transport channel, for counts.
    package let channel: String
    let tls: TLSClient?
    let connectionLimits: [ConnectionLimit]
    /// On what terms its connections are used.
    let terms: ConnectionTerms
    let log: DialogueLog?

    init(
        endpoint: Endpoint, options: ClientOptions, terms: ConnectionTerms, channel: String, tls: TLSClient?,
        connectionLimits: [ConnectionLimit], log: DialogueLog?
    ) {
        self.endpoint = endpoint
        self.options = options
        self.channel = channel
        self.tls = tls
        self.connectionLimits = connectionLimits
        self.terms = terms
        self.log = log
    }

    /// The address of a route's user as this server is given it.
    ///
    /// Domains mean the same in either case, but Cyrus's lmtpd ends with a failed assertion after the message where its
    /// default domain comes in capitals, and the mail would be tried again for ever.
    package func recipientAddress(_ user: [UInt8]) -> [UInt8] {
        guard options.dialect == .lmtp, let at = user.lastIndex(of: UInt8(ascii: "@")) else { return user }
        guard user[at...].contains(where: { $0 != ASCII.lowercase($0) }) else { return user }
        return user[..<at] + user[at...].map { ASCII.lowercase($0) }
    }
}

/// On what terms a destination's connections are used.
package struct ConnectionTerms: Sendable {
    /// How many messages one takes.
    package var messagesPerConnection: Int
    /// How long one is used, and how long it is kept without work.
    package var maximumAge: TimeSpan, idleLimit: TimeSpan
    /// How long each reply is waited for.
    package var limits: TimeLimits

    /// Puts terms together.
    package init(messagesPerConnection: Int, maximumAge: TimeSpan, idleLimit: TimeSpan, limits: TimeLimits) {
        self.messagesPerConnection = messagesPerConnection
        self.maximumAge = maximumAge
        self.idleLimit = idleLimit
        self.limits = limits
    }
}

/// A limit on connections that several destinations share.
package struct ConnectionLimit: Sendable, Hashable {
    /// What is counted together.
    package let scope: String
    /// Another connection is made only where the scope has fewer than these.
    package let maximum: Int

    /// A limit on what is counted together.
    package init(scope: String, maximum: Int) {
        self.scope = scope
        self.maximum = maximum
    }
}

// Where a connection goes to.

/// A server's address.
package enum Endpoint: Sendable, Hashable, CustomStringConvertible {
    /// A socket in the file system.
    case unix(path: String)
    /// A name, or an IPv4 or IPv6 address without brackets, and a port.
    case tcp(host: String, port: Int)

    /// Reads `UNIX:/path`, `/path`, `host:port`, `192.0.2.1:24`, `[2001:db8::1]:24`; nil for anything else.
    package init?(_ text: String) {
        if let path = Self.path(text) {
            self = .unix(path: path)
            return
        }
        guard let colon = text.lastIndex(of: ":"), let port = Self.port(text[text.index(after: colon)...]) else {
            return nil
        }
        guard let host = Self.host(text[..<colon]) else { return nil }
        self = .tcp(host: host, port: port)
    }

    /// The path in `UNIX:/path` or `/path`, if it is of one of these forms.
    static func path(_ text: String) -> String? {
        let path = text.hasPrefix("UNIX:") ? String(text.dropFirst(5)) : text
        return path.hasPrefix("/") && !path.utf8.contains(0) ? path : nil
    }

    /// A port number from 1 to 65535.
    static func port(_ text: some StringProtocol) -> Int? {
        guard let port = Int(text), (1...65_535).contains(port) else { return nil }
        return port
    }

    /// A host as ZMailer's `-F` writes it: a name, `[name]`, `[192.0.2.1]`, `[ipv6.2001:db8::1]`, `[2001:db8::1]`.
    static func host(_ text: some StringProtocol) -> String? {
        var host = String(text)
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = String(host.dropFirst().dropLast())
            for prefix in ["ipv6.", "ipv6:"] where host.lowercased().hasPrefix(prefix) {
                host = String(host.dropFirst(prefix.count))
            }
        } else if host.contains(":") {
            return nil
        }
        let isWord = host.utf8.allSatisfy {
            $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "[")
        }
        return !host.isEmpty && host.utf8.count <= 255 && isWord ? host : nil
    }

    /// The form in diagnostics: `UNIX:/path`, `host:24`, `[2001:db8::1]:24`.
    package var description: String {
        switch self {
        case .unix(let path): "UNIX:\(path)"
        case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        }
    }
}
