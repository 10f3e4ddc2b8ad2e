// What a line of dbases.conf names for a map behind a socket: where the server is, which of its maps is asked, and a key that it
// must have.

import System

/// The server and the map of a line: `unix:/path:NAME` or `inet:host:port:NAME`, as Postfix's socketmap writes them, and, behind
/// `?canary=`, a key that must be found.
struct SocketmapServer: Sendable, Hashable {
    /// Where the server is.
    enum Place: Sendable, Hashable, CustomStringConvertible {
        case path(String)
        case host(String, port: UInt16)

        var description: String {
            switch self {
            case .path(let path): "unix:\(path)"
            case .host(let host, let port): host.contains(":") ? "inet:[\(host)]:\(port)" : "inet:\(host):\(port)"
            }
        }
    }

    /// Where it is.
    let place: Place
    /// The map that it is asked.
    let map: String
    /// A key that it must find before an absence is believed; nil where nobody named one.
    let canary: [UInt8]?

    /// How a line names a server, for messages.
    private static let forms = "write unix:/path:NAME or inet:host:port:NAME"

    /// Reads what a line names.
    init(_ text: String) throws(Mistake) {
        var text = text
        if let mark = text.firstRange(of: Self.canaryMark) {
            guard mark.upperBound < text.endIndex else { throw Mistake("?canary= names no key") }
            canary = Array(text[mark.upperBound...].utf8)
            text = String(text[..<mark.lowerBound])
        } else {
            canary = nil
        }
        guard let colon = text.lastIndex(of: ":"), let scheme = text.firstIndex(of: ":"), scheme < colon else {
            throw Mistake("'\(text)' names no server and map; \(Self.forms)")
        }
        map = String(text[text.index(after: colon)...])
        let place = text[text.index(after: scheme)..<colon]
        switch text[..<scheme] {
        case "unix":
            guard place.utf8.first == UInt8(ascii: "/"), place.utf8.count <= SocketEndpoint.longestPath else {
                throw Mistake(
                    "'\(place)' is no path from the root of at most \(SocketEndpoint.longestPath) bytes; \(Self.forms)")
            }
            self.place = .path(String(place))
        case "inet":
            guard let last = place.lastIndex(of: ":"), let port = UInt16(place[place.index(after: last)...]), port > 0
            else {
                throw Mistake("'\(place)' is no host and port; \(Self.forms)")
            }
            var host = place[..<last]
            if host.first == "[", host.last == "]" { host = host.dropFirst().dropLast() }
            guard !host.isEmpty else { throw Mistake("'\(place)' names no host; \(Self.forms)") }
            self.place = .host(String(host), port: port)
        default:
            throw Mistake("'\(text[..<scheme]):' is neither 'unix:' nor 'inet:'; \(Self.forms)")
        }
    }

    private static let canaryMark = "?canary="

    /// Why a line names no server.
    struct Mistake: Error {
        /// The cause and the remedy.
        let text: String

        init(_ text: String) { self.text = text }
    }
}
