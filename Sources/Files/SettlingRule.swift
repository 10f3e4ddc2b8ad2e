// How long a file must have kept still before its content is believed.

/// For how long a file must not have been written to; all times in nanoseconds.
struct SettlingRule: Sendable {
    /// A file that ends with a newline.
    let whole: UInt64
    /// Such a file that somebody has open for writing, or that was seen growing where that cannot be known.
    let inWork: UInt64
    /// An empty one that was empty before, or that nobody knows: most writers empty a file first.
    let empty: UInt64
    /// One that is smaller than the content believed before, written into the same file.
    let shrunk: UInt64
    /// One without a newline at its end, or empty where it had content: probably cut short.
    let cutShort: UInt64

    /// For the first look: there is no content from before, and a person or a script waits.
    ///
    /// A whole file is believed two ticks of the slowest kernel's clock after it was written: what is written later has
    /// another date, and is noticed. So a map can be written and compiled in one breath.
    static let first = SettlingRule(
        whole: 20_000_000, inWork: 1_000_000_000, empty: 1_000_000_000, shrunk: 1_000_000_000, cutShort: 2_000_000_000)

    /// For a file that changed: the content from before is good until then.
    static let later = SettlingRule(
        whole: 1_000_000_000, inWork: 1_000_000_000, empty: 1_000_000_000, shrunk: 5_000_000_000,
        cutShort: 60_000_000_000)

    /// So long the content believed before is good while the file does not keep still.
    static let patience: UInt64 = 90_000_000_000
    /// So long a reader waits that has no content from before.
    static let wait: UInt64 = 3_000_000_000
}
