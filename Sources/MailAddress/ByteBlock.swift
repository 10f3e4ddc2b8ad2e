// One block that holds all the text of a piece of work. What is put into it is a range from then on, so that no piece of
// an address costs an allocation of its own; everything is forgotten at once.

/// Bytes that only grow, until all are forgotten.
///
/// Ranges that it gave out stay good until then.
@frozen
public struct ByteBlock: Sendable {
    /// The bytes; those behind `end` are room for more.
    ///
    /// Only the methods here change them.
    @usableFromInline package var bytes: [UInt8]
    /// Where the next piece begins.
    @usableFromInline package var end = 0

    /// An empty block.
    ///
    /// - Parameter capacity: the bytes it holds before it has to grow.
    public init(capacity: Int = 0) {
        bytes = Array(repeating: 0, count: capacity)
    }

    /// How many bytes it holds before it has to grow.
    public var capacity: Int { bytes.count }

    /// Forgets every piece; of a block that a large list has blown up the memory, too.
    @inlinable @inline(__always)
    public mutating func removeAll() {
        end = 0
        if bytes.count > Self.keptCapacity { bytes = [] }
    }

    /// The most memory that an empty block keeps.
    ///
    /// A copy of a block takes all its memory along: whoever keeps many answers must not keep that of the largest with
    /// each.
    @usableFromInline static let keptCapacity = 1 << 12

    /// The byte at a place.
    @inlinable @inline(__always)
    public subscript(place: Int) -> UInt8 {
        bytes[place]
    }

    /// A copy of a piece.
    @inlinable
    public subscript(range: Range<Int>) -> [UInt8] {
        [UInt8](copying: bytes.span.extracting(range))
    }

    // MARK: Putting pieces in

    /// Adds one byte.
    @inlinable
    @discardableResult
    public mutating func append(_ byte: UInt8) -> Range<Int> {
        reserve(1)
        bytes[end] = byte
        end += 1
        return (end - 1)..<end
    }

    /// Adds bytes.
    @inlinable
    @discardableResult
    public mutating func append(_ part: Span<UInt8>) -> Range<Int> {
        reserve(part.count)
        let start = end
        unsafe part.withUnsafeBytes { source in
            unsafe bytes.withUnsafeMutableBytes { target in
                // In bounds: the room was just reserved.
                unsafe copyBytes(from: source, to: target, at: start)
            }
        }
        end = start + part.count
        return start..<end
    }

    /// Adds bytes of an array.
    @inlinable
    @discardableResult
    public mutating func append(_ part: [UInt8]) -> Range<Int> {
        append(part.span)
    }

    /// Adds the bytes of a literal.
    @inlinable
    @discardableResult
    public mutating func append(_ literal: StaticString) -> Range<Int> {
        let count = literal.utf8CodeUnitCount
        reserve(count)
        let start = end
        unsafe bytes.withUnsafeMutableBytes { target in
            // In bounds: the room was just reserved. A static string lives as long as the program.
            let source = unsafe UnsafeRawBufferPointer(start: literal.utf8Start, count: count)
            unsafe copyBytes(from: source, to: target, at: start)
        }
        end = start + count
        return start..<end
    }

    /// Adds a copy of a piece, right behind the last one.
    @inlinable
    @discardableResult
    public mutating func append(copyOf range: Range<Int>) -> Range<Int> {
        unsafe append(range, copiedBy: copyBytes)
    }

    /// Adds a copy of a piece with its ASCII letters in lower case.
    @discardableResult
    public mutating func append(lowercaseOf range: Range<Int>) -> Range<Int> {
        unsafe append(range, copiedBy: copyLowercase)
    }

    @inlinable @inline(__always)
    mutating func append(
        _ range: Range<Int>, copiedBy copy: (UnsafeRawBufferPointer, UnsafeMutableRawBufferPointer, Int) -> Void
    ) -> Range<Int> {
        precondition(range.upperBound <= end, "the range is none of this block")
        reserve(range.count)
        let start = end
        unsafe bytes.withUnsafeMutableBytes { all in
            // In bounds: the room was just reserved. Behind the end, so the two do not overlap.
            unsafe copy(UnsafeRawBufferPointer(rebasing: all[range]), all, start)
        }
        end = start + range.count
        return start..<end
    }

    /// Puts another byte at a place of a piece.
    @inlinable
    public mutating func replace(at place: Int, with byte: UInt8) {
        bytes[place] = byte
    }

    /// Forgets what stands from a place on, but for some pieces, which move there.
    ///
    /// - Parameter pieces: those that are kept, and where they are afterwards; one that begins before the place stays
    ///   where it is. Of pieces that overlap, which none do that are put in one by one, nothing is forgotten.
    public mutating func forget(from place: Int, but pieces: inout [Range<Int>]) {
        let order = pieces.indices.filter { !pieces[$0].isEmpty && pieces[$0].upperBound > place }
            .sorted { pieces[$0].lowerBound < pieces[$1].lowerBound }
        guard zip(order, order.dropFirst()).allSatisfy({ pieces[$0].upperBound <= pieces[$1].lowerBound }) else {
            return
        }
        var next = place
        for index in order {
            let piece = pieces[index]
            guard piece.lowerBound >= place else {
                next = piece.upperBound
                continue
            }
            unsafe bytes.withUnsafeMutableBytes { all in
                // In bounds: no piece moves but to where it, or one before it, was. They may overlap.
                let target = unsafe UnsafeMutableRawBufferPointer(rebasing: all[next...])
                unsafe target.copyMemory(from: UnsafeRawBufferPointer(rebasing: all[piece]))
            }
            pieces[index] = next..<(next + piece.count)
            next += piece.count
        }
        for index in pieces.indices where pieces[index].isEmpty { pieces[index] = 0..<0 }
        end = next
    }

    @inlinable @inline(__always)
    mutating func reserve(_ count: Int) {
        if bytes.count - end < count { grow(by: count) }
    }

    @inlinable @inline(never)
    mutating func grow(by count: Int) {
        let capacity = max(bytes.count * 2, end + count, 256)
        let old = bytes
        bytes = unsafe [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
            // In bounds: the new capacity is not less than the old. The rest is made zero.
            let all = UnsafeMutableRawBufferPointer(buffer)
            unsafe old.withUnsafeBytes { unsafe all.copyMemory(from: $0) }
            let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: all[old.count..<capacity])
            unsafe rest.initializeMemory(as: UInt8.self, repeating: 0)
            count = capacity
        }
    }

    // MARK: Looking into pieces

    /// The place of the first such byte in a piece.
    @inlinable
    public func firstIndex(of byte: UInt8, in range: Range<Int>) -> Int? {
        bytes.span.extracting(range).firstIndex(of: byte).map { range.lowerBound + $0 }
    }

    /// The place of the last such byte in a piece.
    @inlinable
    public func lastIndex(of byte: UInt8, in range: Range<Int>) -> Int? {
        var place = range.upperBound
        while place > range.lowerBound {
            place -= 1
            if bytes[place] == byte { return place }
        }
        return nil
    }

    /// The first byte of a piece; nil of an empty one.
    @inlinable
    public func first(_ range: Range<Int>) -> UInt8? {
        range.isEmpty ? nil : bytes[range.lowerBound]
    }

    /// The last byte of a piece; nil of an empty one.
    @inlinable
    public func last(_ range: Range<Int>) -> UInt8? {
        range.isEmpty ? nil : bytes[range.upperBound - 1]
    }

    /// Whether a piece begins with a literal.
    @inlinable @inline(__always)
    public func starts(_ range: Range<Int>, with literal: StaticString) -> Bool {
        let count = literal.utf8CodeUnitCount
        // Most texts differ in their first byte.
        guard range.count >= count, count == 0 || bytes[range.lowerBound] == (unsafe literal.utf8Start[0]) else {
            return false
        }
        // The literal has as many bytes as it says.
        for place in 0..<count where unsafe bytes[range.lowerBound + place] != literal.utf8Start[place] { return false }
        return true
    }

    /// Whether a piece is a literal.
    @inlinable
    public func equals(_ range: Range<Int>, _ literal: StaticString) -> Bool {
        range.count == literal.utf8CodeUnitCount && starts(range, with: literal)
    }

    /// Whether a piece has these bytes.
    @inlinable
    public func equals(_ range: Range<Int>, _ other: [UInt8]) -> Bool {
        guard range.count == other.count else { return false }
        for place in other.indices where bytes[range.lowerBound + place] != other[place] { return false }
        return true
    }

    /// What follows a prefix in a piece; nil if the prefix is not there, or nothing follows it.
    @inlinable
    public func dropping(_ prefix: StaticString, from range: Range<Int>) -> Range<Int>? {
        guard range.count > prefix.utf8CodeUnitCount, starts(range, with: prefix) else { return nil }
        return range.dropFirst(prefix.utf8CodeUnitCount)
    }

    /// The bytes put in so far, as an array.
    public var array: [UInt8] { self[0..<end] }
}
