// How long a connection waits in each state: ZMailer's `-T` groups with its defaults, which are RFC 5321 4.5.3.2's.

import LMTP

/// The time-outs of a connection.
public struct TimeLimits: Sendable, Hashable {
    /// `conn`: for the connection and the TLS handshake; 3 minutes.
    public var connection = TimeSpan(seconds: 180)
    /// `tcpw`: for the peer to take a block of the message, and for each MiB of the whole; 5 minutes.
    public var block = TimeSpan(seconds: 300)
    /// `cmd`: for the greeting and the whole reply to any command but DATA; 5 minutes.
    public var command = TimeSpan(seconds: 300)
    /// `data`: for the reply to DATA; 2 minutes.
    public var data = TimeSpan(seconds: 120)
    /// `dot`: for each reply to the end of the message; 20 minutes.
    public var final = TimeSpan(seconds: 1200)

    /// The defaults.
    public init() {}

    /// Reads the value of `-T`: `conn=3m,tcpw=5m,cmd=5m,data=2m,dot=20m` in any order and number; a time alone is `cmd`.
    ///
    /// Nil where a group is unknown or a time is none, or is zero.
    public init?(_ text: String) {
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let value = pair.last, let span = TimeSpan(value), span.seconds > 0 else { return nil }
            switch pair.count == 1 ? "cmd" : pair[0].lowercased() {
            case "conn": connection = span
            case "tcpw": block = span
            case "cmd": command = span
            case "data": data = span
            case "dot": final = span
            default: return nil
            }
        }
    }

    /// The limit of one state.
    ///
    /// Nobody's mail depends on the reply to QUIT, so it is not waited for longer than half a minute.
    func limit(of phase: ClientPhase) -> TimeSpan {
        switch phase {
        case .connect, .tlsHandshake: connection
        case .greeting, .hello, .startTLS, .authentication, .mail, .recipient, .reset: command
        case .data: data
        case .body: block
        case .final: final
        case .quit: min(command, TimeSpan(seconds: 30))
        }
    }
}
