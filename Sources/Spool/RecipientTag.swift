// The one byte that says how far a recipient is; it is rewritten in place (ZMailer: the second column of r lines).

/// The state of a recipient line, or of a diagnostic that was reported.
public enum RecipientTag: UInt8, Sendable, Hashable, CaseIterable {
    /// To do (a blank).
    case pending = 0x20
    /// Being worked on, by the process whose number follows (`~`).
    case locked = 0x7E
    /// Delivered, or handed on (`+`).
    case done = 0x2B
    /// Failed for good (`-`).
    case failed = 0x2D
}
