// The line ends of sixteen bytes found at once.

/// Where in sixteen bytes lines end.
struct LineEnds {
    /// All bits of a byte that is LF or CR, in the order of the bytes.
    private let low: UInt64
    private let high: UInt64

    @inline(__always)
    init(in block: SIMD16<UInt8>) {
        // Compared with vectors: a comparison with a number is not made of one instruction.
        let lineFeeds = SIMD16<UInt8>(repeating: 0x0A)
        let carriageReturns = SIMD16<UInt8>(repeating: 0x0D)
        let isEnd = (block .== lineFeeds) .| (block .== carriageReturns)
        // A mask has all bits of an element set or none, and the size of its vector.
        let words = unsafe unsafeBitCast(isEnd, to: SIMD2<UInt64>.self)
        low = UInt64(littleEndian: words.x)
        high = UInt64(littleEndian: words.y)
    }

    /// The first; nil where there is none.
    @inline(__always)
    var first: Int? {
        if low | high == 0 { return nil }
        return low != 0 ? low.trailingZeroBitCount / 8 : 8 + high.trailingZeroBitCount / 8
    }

    /// Whether there is but one, where there is any.
    @inline(__always)
    var isSingle: Bool {
        let word = low != 0 ? low : high
        return (low == 0 || high == 0) && word >> UInt64(word.trailingZeroBitCount) == 0xFF
    }
}
