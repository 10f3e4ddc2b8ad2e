// What a server's answer comes to in a control file.

/// What became of a recipient, to be written down.
public struct RecordedOutcome: Sendable, Hashable {
    /// Where the recipient's line begins, in bytes from the file's beginning.
    public let recipientOffset: Int
    /// Done, failed, or pending again.
    public let tag: RecipientTag
    /// What is appended about it, if anything.
    public let diagnostic: Diagnostic?

    /// An outcome.
    public init(_ recipient: ControlRecipient, _ tag: RecipientTag, _ diagnostic: Diagnostic? = nil) {
        recipientOffset = recipient.offset
        self.tag = tag
        self.diagnostic = diagnostic
    }
}
