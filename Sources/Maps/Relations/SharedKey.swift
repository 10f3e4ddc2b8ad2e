// A key that several relations are asked for is folded and hashed once for all of them.

/// A key, its form in lower case, and the hash of that.
@usableFromInline
struct SharedKey {
    /// Where the key stands in the text, as it was given.
    @usableFromInline let original: Range<Int>
    /// Where it stands in lower case.
    @usableFromInline let folded: Range<Int>
    /// The hash of the form in lower case.
    @usableFromInline let hash: KeyHash

    /// Whether the key was given in lower case.
    @inlinable var isFolded: Bool { original == folded }

    @inlinable @inline(__always)
    init(original: Range<Int>, folded: Range<Int>, hash: KeyHash) {
        self.original = original
        self.folded = folded
        self.hash = hash
    }
}
