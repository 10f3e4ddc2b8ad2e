// How long a file must have kept still before its content is believed.

/// For how long a file must not have been written to; all times in nanoseconds.
public struct SettlingRule: Sendable {
    /// A file that ends with a newline, or is empty and always was.
    public var pause: UInt64 = 1_000_000_000
    /// One that is smaller than the content believed before, written into the same file.
    public var shrunk: UInt64 = 5_000_000_000
    /// One without a newline at its end, or empty where it had content: probably cut short.
    public var cutShort: UInt64 = 60_000_000_000
    /// So long the content believed before is good while the file does not keep still.
    public var patience: UInt64 = 90_000_000_000
    /// So long a reader waits that has no content from before.
    public var wait: UInt64 = 3_000_000_000

    /// For files whose absent entries are people: maps, lists, accounts.
    public static let map = SettlingRule()

    /// For files that are read once, at the start of a program: the missing newline counts for less.
    public static let once: SettlingRule = {
        var rule = SettlingRule()
        rule.cutShort = 2_000_000_000
        return rule
    }()
}
