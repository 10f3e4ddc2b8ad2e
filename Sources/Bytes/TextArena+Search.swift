// Looking into the pieces of a block: searches, and comparisons with literals and with each other.

extension TextArena {
    /// The place of the first such byte in a piece.
    @inlinable @inline(__always)
    public func firstIndex(of byte: UInt8, in range: Range<Int>) -> Int? {
        let wanted = EightBytes.repeating(byte)
        return firstIndex(in: range) { EightBytes.firstZero($0 ^ wanted) }
    }

    /// The place of the first of two bytes in a piece, whichever comes first.
    @inlinable @inline(__always)
    public func firstIndex(of byte: UInt8, or other: UInt8, in range: Range<Int>) -> Int? {
        let (wanted, others) = (EightBytes.repeating(byte), EightBytes.repeating(other))
        return firstIndex(in: range) { EightBytes.firstZero($0 ^ wanted) | EightBytes.firstZero($0 ^ others) }
    }

    /// The place of the first byte that a function marks.
    ///
    /// - Parameter marks: of eight bytes, the highest bit of the first that is looked for, and of any behind it.
    @inlinable @inline(__always)
    public func firstIndex(in range: Range<Int>, _ marks: (UInt64) -> UInt64) -> Int? {
        precondition(range.lowerBound >= 0 && range.upperBound <= end, "the range is none of this block")
        var place = range.lowerBound
        while place < range.upperBound {
            let found = marks(eightBytes(at: place))
            if found != 0 {
                place &+= found.trailingZeroBitCount >> 3
                return place < range.upperBound ? place : nil
            }
            place &+= 8
        }
        return nil
    }

    /// Eight bytes from a place on, those behind the last piece of any value.
    @inlinable @inline(__always)
    public func eightBytes(at place: Int) -> UInt64 {
        precondition(UInt(bitPattern: place) < UInt(bitPattern: end), "the place is none of this block")
        // In bounds: the last eight reach into the spare bytes at most.
        return unsafe base.loadUnaligned(fromByteOffset: place, as: UInt64.self)
    }

    /// The place of the last such byte in a piece.
    @inlinable
    public func lastIndex(of byte: UInt8, in range: Range<Int>) -> Int? {
        let bytes = unsafe piece(range)
        var index = range.count
        while index > 0 {
            index &-= 1
            if unsafe bytes.load(fromByteOffset: index, as: UInt8.self) == byte { return range.lowerBound &+ index }
        }
        return nil
    }

    /// The place of the last two such bytes in a row in a piece.
    public func lastPair(of byte: UInt8, in range: Range<Int>) -> Int? {
        // Hardly ever is there even one.
        guard let first = firstIndex(of: byte, in: range) else { return nil }
        var place = range.upperBound - 1
        while place > first {
            if self[place] == byte, self[place - 1] == byte { return place - 1 }
            place -= 1
        }
        return nil
    }

    /// The first byte of a piece; nil of an empty one.
    @inlinable
    public func first(_ range: Range<Int>) -> UInt8? {
        range.isEmpty ? nil : self[range.lowerBound]
    }

    /// The last byte of a piece; nil of an empty one.
    @inlinable
    public func last(_ range: Range<Int>) -> UInt8? {
        range.isEmpty ? nil : self[range.upperBound - 1]
    }

    /// Whether a piece begins with a literal.
    @inlinable @inline(__always)
    public func starts(_ range: Range<Int>, with literal: StaticString) -> Bool {
        let count = literal.utf8CodeUnitCount
        guard count > 0 else { return true }
        // Most texts differ in their first byte.
        guard range.count >= count, self[range.lowerBound] == (unsafe literal.utf8Start[0]) else { return false }
        let bytes = unsafe piece(range)
        for index in 1..<count {
            // The literal has as many bytes as it says, and the piece has no less.
            if unsafe bytes.load(fromByteOffset: index, as: UInt8.self) != literal.utf8Start[index] { return false }
        }
        return true
    }

    /// Whether a piece is a literal.
    @inlinable @inline(__always)
    public func equals(_ range: Range<Int>, _ literal: StaticString) -> Bool {
        range.count == literal.utf8CodeUnitCount && starts(range, with: literal)
    }

    /// Whether a piece has these bytes.
    @inlinable
    public func equals(_ range: Range<Int>, _ other: [UInt8]) -> Bool {
        guard range.count == other.count else { return false }
        for place in other.indices where self[range.lowerBound + place] != other[place] { return false }
        return true
    }

    /// Whether two pieces have the same bytes.
    public func equals(_ range: Range<Int>, _ other: Range<Int>) -> Bool {
        guard range.count == other.count else { return false }
        for index in 0..<range.count where self[range.lowerBound + index] != self[other.lowerBound + index] {
            return false
        }
        return true
    }

    /// What follows a prefix in a piece; nil if the prefix is not there, or nothing follows it.
    @inlinable @inline(__always)
    public func dropping(_ prefix: StaticString, from range: Range<Int>) -> Range<Int>? {
        guard range.count > prefix.utf8CodeUnitCount, starts(range, with: prefix) else { return nil }
        return (range.lowerBound &+ prefix.utf8CodeUnitCount)..<range.upperBound
    }
}
