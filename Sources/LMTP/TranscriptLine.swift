// The dialogue as a log may show it.

/// One line of a session's dialogue, secrets replaced by `***`.
public struct TranscriptLine: Sendable, Hashable {
    /// Who said it.
    public enum Speaker: Sendable {
        /// This side.
        case client
        /// The peer.
        case server
    }

    /// Who said it.
    public let speaker: Speaker
    /// The line without its end; a message's body is not among the lines.
    public let bytes: [UInt8]
}
