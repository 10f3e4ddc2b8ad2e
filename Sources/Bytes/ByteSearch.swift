// Arithmetic on eight bytes at once, or on twice eight: what the processor does with vectors, in a form that every
// compiler makes vectors of. The first byte in memory is the lowest of its word, as on every processor that Swift runs on.

public import Glibc

/// Arithmetic on bytes in the words that they lie in.
public enum EightBytes {
    /// The highest bit of each of eight bytes.
    @inlinable public static var highest: UInt64 { 0x8080_8080_8080_8080 }

    /// Eight times a byte.
    @inlinable @inline(__always)
    public static func repeating(_ byte: UInt8) -> UInt64 {
        0x0101_0101_0101_0101 &* UInt64(byte)
    }

    /// Sixteen times a byte.
    @inlinable @inline(__always)
    public static func twice(_ byte: UInt8) -> SIMD2<UInt64> {
        SIMD2(repeating: repeating(byte))
    }

    /// 0x20 for each byte in a range of ASCII, and 0 for every other.
    @inlinable @inline(__always)
    public static func caseBits(of bytes: SIMD2<UInt64>, from first: UInt8, through last: UInt8) -> SIMD2<UInt64> {
        let low = bytes & twice(0x7F)
        // The highest bit of each sum says whether the byte is at least the first, and whether it is past the last.
        let isReached = low &+ twice(0x80 - first)
        let isPast = low &+ twice(0x7F - last)
        return (isReached & ~isPast & ~bytes & twice(0x80)) &>> 2
    }

    /// Bytes of which some has its highest bit if, and only if, a control character below 0x20 or one of two other bytes
    /// is among those given.
    @inlinable @inline(__always)
    public static func isControl(_ bytes: SIMD2<UInt64>, or first: UInt8, or second: UInt8) -> SIMD2<UInt64> {
        // A byte below a limit borrows from its highest bit when the limit is taken off.
        let (firsts, seconds) = (bytes ^ twice(first), bytes ^ twice(second))
        return ((bytes &- twice(0x20)) & ~bytes) | ((firsts &- twice(1)) & ~firsts) | ((seconds &- twice(1)) & ~seconds)
    }

    /// The highest bits of bytes, those of both halves together.
    @inlinable @inline(__always)
    public static func highestBits(of bytes: SIMD2<UInt64>) -> UInt64 {
        (bytes[0] | bytes[1]) & highest
    }

    /// The highest bit of the first byte that is 0, and of any behind it; 0 where there is none.
    @inlinable @inline(__always)
    public static func firstZero(_ bytes: UInt64) -> UInt64 {
        // Taking one off borrows from a byte that is 0, and then perhaps from those behind it.
        (bytes &- repeating(1)) & ~bytes & highest
    }

    /// The highest bit of each byte that is none of `0` to `9`, `a` to `z`, `` ` ``, `{`, `|`, `}` and `~`, which are those
    /// of an atom that are told apart soonest; the lowest byte is the first in memory.
    @inline(__always)
    public static func notOrdinary(_ bytes: UInt64) -> UInt64 {
        let low = bytes & ~highest
        // 0x60 to 0x7E become 0 to 0x1E, digits 0 to 9.
        let isNoLetter = (low ^ repeating(0x60)) &+ repeating(0x80 - 0x1F)
        let isNoDigit = (low ^ repeating(0x30)) &+ repeating(0x80 - 0x0A)
        return (isNoLetter & isNoDigit | bytes) & highest
    }
}

// Searches in bytes, many at a time: what a loop over single bytes would do at four times the price.

extension Span<UInt8> {
    /// The place of the first such byte.
    @inlinable
    public func firstIndex(of byte: UInt8) -> Int? {
        unsafe withUnsafeBytes { bytes in
            // The search stays inside the bytes, which outlive it.
            guard let base = bytes.baseAddress, let found = unsafe memchr(base, Int32(byte), bytes.count) else {
                return nil
            }
            return unsafe UnsafeRawPointer(found) - base
        }
    }

    /// The place of the first such byte at or after another place.
    public func firstIndex(of byte: UInt8, from start: Int) -> Int? {
        unsafe withUnsafeBytes { bytes in
            // memchr is given only what lies between start and the end of the bytes, which outlive the search.
            guard start >= 0, start < bytes.count, let base = bytes.baseAddress,
                let found = unsafe memchr(base + start, Int32(byte), bytes.count - start)
            else { return nil }
            return unsafe UnsafeRawPointer(found) - base
        }
    }

    /// The place of the first byte at or after another place that is marked; the count where there is none.
    ///
    /// - Parameter marks: the highest bits of marked bytes among eight, those behind the first of them perhaps wrong; the lowest
    ///   byte is the first in memory.
    @inlinable
    public func firstIndex(from start: Int, marked marks: (UInt64) -> UInt64) -> Int {
        unsafe withUnsafeBytes { bytes in
            var place = max(start, 0)
            // Each load lies before the end of the bytes, which outlive the search.
            func found(_ place: Int) -> UInt64 {
                let word = unsafe bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self)
                return marks(UInt64(littleEndian: word)) & EightBytes.highest
            }
            while bytes.count - place >= 32,
                found(place) | found(place + 8) | found(place + 16) | found(place + 24) == 0
            { place += 32 }
            while bytes.count - place >= 8 {
                let found = found(place)
                if found != 0 { return place + found.trailingZeroBitCount / 8 }
                place += 8
            }
            while place < bytes.count {
                // Eight times the byte: whatever is found is this one.
                if unsafe marks(EightBytes.repeating(bytes[place])) & 0x80 != 0 { return place }
                place += 1
            }
            return bytes.count
        }
    }

    /// Whether other bytes stand at a place.
    public func holds(_ other: borrowing Span<UInt8>, at start: Int) -> Bool {
        guard start >= 0, start <= count, other.count <= count - start else { return false }
        // The pointers are used only within the closures, while both spans are borrowed; what is compared lies in them.
        return unsafe withUnsafeBytes { bytes in
            unsafe other.withUnsafeBytes { others in
                guard let base = bytes.baseAddress, let other = others.baseAddress else { return true }
                return unsafe memcmp(base + start, other, others.count) == 0
            }
        }
    }

    /// Whether these bytes begin with a text written in source.
    public func begins(with text: StaticString) -> Bool {
        // A static string lives as long as the program; the closure only reads it.
        text.withUTF8Buffer { unsafe holds(Span(_unsafeElements: $0), at: 0) }
    }

    /// Whether these are the same bytes as others.
    public func isEqual(to other: borrowing Span<UInt8>) -> Bool { count == other.count && holds(other, at: 0) }

    /// Whether these are the bytes of a text written in source.
    public func isEqual(to text: StaticString) -> Bool {
        // A static string lives as long as the program; the closure only reads it.
        text.withUTF8Buffer { unsafe isEqual(to: Span(_unsafeElements: $0)) }
    }
}

extension String {
    /// Where a text written in source begins for the first time, as an offset in UTF-8; nil where it does not.
    ///
    /// The standard library's search of a string in another would bring regular expressions along, a megabyte of them.
    public func utf8Offset(of text: StaticString) -> Int? {
        let bytes = Array(utf8)
        let count = text.utf8CodeUnitCount
        guard count <= bytes.count else { return nil }
        return (0...(bytes.count - count)).first {
            bytes.span.extracting($0..<($0 + count)).isEqual(to: text)
        }
    }
}
