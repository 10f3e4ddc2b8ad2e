// A server and the way to speak to it: what recipients must have in common to share a transaction and its connections.

public import LMTP
import NIOSSL

/// An endpoint with all settings of its connections.
///
/// A class for its identity: the same clause, endpoint and options give the same object.
public final class Destination: Sendable {
    /// A limit on connections that several destinations share.
    struct ConnectionLimit: Sendable, Hashable {
        /// What is counted together.
        let scope: String
        let maximum: Int
    }

    /// The server.
    public let endpoint: Endpoint
    /// The settings of its sessions.
    public let options: ClientOptions
    /// The time-outs.
    public let limits: TimeLimits
    /// The transport channel, for counts.
    public let channel: String
    let tls: TLSClient?
    let connectionLimits: [ConnectionLimit]
    /// How many messages one connection takes.
    let messagesPerConnection: Int
    /// How long a connection is used, and how long it is kept without work.
    let maximumAge: TimeSpan
    let idleLimit: TimeSpan
    let log: DialogueLog?

    init(
        endpoint: Endpoint, options: ClientOptions, limits: TimeLimits, channel: String, tls: TLSClient?,
        connectionLimits: [ConnectionLimit], messagesPerConnection: Int, maximumAge: TimeSpan, idleLimit: TimeSpan,
        log: DialogueLog?
    ) {
        self.endpoint = endpoint
        self.options = options
        self.limits = limits
        self.channel = channel
        self.tls = tls
        self.connectionLimits = connectionLimits
        self.messagesPerConnection = messagesPerConnection
        self.maximumAge = maximumAge
        self.idleLimit = idleLimit
        self.log = log
    }
}
