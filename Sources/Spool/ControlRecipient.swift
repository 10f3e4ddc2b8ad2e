// A recipient of a control file with all that the lines around it say of it.

public import MailAddress

/// One recipient line (`r` or `X`) and what belongs to it.
public struct ControlRecipient: Sendable, Hashable {
    /// The columns after the tag that hold the process number of the agent at work.
    public static let processColumns = 6
    /// The columns after those that hold a note on delay reports.
    public static let delayColumns = 4

    /// Where the line begins, in bytes from the file's beginning: the recipient's identity in ZMailer's programs.
    public let offset: Int
    /// The tag as it stands; nil where it is none of the known ones.
    public let tag: RecipientTag?
    /// The process number in its columns; nil where they hold none.
    public let process: Int32?
    /// For an `X` line the number of its set of alternatives; nil for `r`.
    public let alternativeSet: Int?
    /// Where the message goes for this recipient.
    public let address: ControlAddress
    /// The sender line before it; nil where there is none.
    public let sender: ControlAddress?
    /// The error address before it (`e`); nil where there is none, as for the null sender.
    public let errorAddress: [UInt8]?
    /// The notification parameters (`N`), and where their line begins.
    public let notification: [UInt8]?, notificationOffset: Int?
    /// FULL or HDRS (`R`).
    public let returnMode: [UInt8]?
    /// The envelope identifier (`n`).
    public let envelopeIdentifier: [UInt8]?
    /// The address that it was submitted with (`O`); nil in files that others wrote, and older ones.
    public let submittedAddress: OriginalRecipient?
    /// Which of the file's lines is the header block (`m`), and where its first header line begins in the file.
    public let headerLine: Int?, headerOffset: Int?
}
