// One block that holds all the text of a piece of work. What is put into it is a range from then on, so that no piece of
// an address costs an allocation of its own; everything is forgotten at once.

/// Bytes that only grow, until all are forgotten.
///
/// Ranges that it gave out stay good until then. It is never copied, so that putting a piece in has no second owner to
/// ask for.
@safe
public struct TextArena: ~Copyable, @unchecked Sendable {
    /// `capacity` bytes, and `spare` bytes behind them.
    public var base: UnsafeMutableRawPointer
    /// How many bytes it holds before it has to grow.
    public internal(set) var capacity: Int
    /// How many bytes are ready to be written to; they, and the spare ones behind them, have a value.
    public var room = 0
    /// Where the next piece begins; at most `capacity`.
    @usableFromInline package internal(set) var end = 0

    /// Whole blocks of so many bytes are copied at once, the last of them beyond its end.
    public static var spare: Int { 16 }

    /// An empty block.
    ///
    /// - Parameter capacity: the bytes it holds before it has to grow.
    public init(capacity: Int = 0) {
        unsafe base = .allocate(byteCount: capacity + Self.spare, alignment: Self.spare)
        self.capacity = capacity
        unsafe base.initializeMemory(as: UInt8.self, repeating: 0, count: Self.spare)
    }

    deinit { unsafe base.deallocate() }

    /// Forgets every piece; of a block that a large list has blown up the memory, too.
    @inlinable @inline(__always)
    public mutating func removeAll() {
        end = 0
        if capacity > Self.keptCapacity { replaceMemory(by: 0) }
    }

    /// Forgets every piece that begins at a place or behind it.
    @inlinable @inline(__always)
    public mutating func removeAll(from place: Int) {
        precondition(0...end ~= place, "the place is none of this block")
        end = place
    }

    /// The most memory that an empty block keeps.
    ///
    /// One large list must not cost its memory as long as the process lives.
    public static var keptCapacity: Int { 1 << 12 }

    /// The byte at a place.
    @inlinable @inline(__always)
    public subscript(place: Int) -> UInt8 {
        precondition(UInt(bitPattern: place) < UInt(bitPattern: end), "the place is none of this block")
        return unsafe base.load(fromByteOffset: place, as: UInt8.self)
    }

    /// A copy of a piece.
    public subscript(range: Range<Int>) -> [UInt8] {
        withSpan(range) { [UInt8](copying: $0) }
    }

    /// The bytes put in so far, as an array.
    public var array: [UInt8] { self[0..<end] }

    /// Lets a function look at the bytes of a piece.
    @inlinable @inline(__always)
    public func withSpan<Answer, Failure>(
        _ range: Range<Int>, _ body: (Span<UInt8>) throws(Failure) -> Answer
    ) throws(Failure) -> Answer {
        let bytes = unsafe UnsafeRawBufferPointer(start: piece(range), count: range.count)
        // The memory stays as it is as long as the block is borrowed, which is until the function returns.
        return try body(unsafe bytes.bindMemory(to: UInt8.self).span)
    }

    /// Where a piece begins in memory.
    @inlinable @inline(__always)
    public func piece(_ range: Range<Int>) -> UnsafeRawPointer {
        precondition(range.lowerBound >= 0 && range.upperBound <= end, "the range is none of this block")
        return unsafe UnsafeRawPointer(base + range.lowerBound)
    }

    // MARK: Putting pieces in

    /// Adds one byte.
    @inlinable
    @discardableResult
    public mutating func append(_ byte: UInt8) -> Range<Int> {
        reserve(1)
        // In bounds: the room was just reserved.
        unsafe base.storeBytes(of: byte, toByteOffset: end, as: UInt8.self)
        return advance(by: 1)
    }

    /// Adds bytes.
    @inlinable @inline(__always)
    @discardableResult
    public mutating func append(_ part: Span<UInt8>) -> Range<Int> {
        reserve(part.count)
        // In bounds: the room was just reserved.
        unsafe part.withUnsafeBytes { unsafe copyBytes(from: $0, to: base + end) }
        return advance(by: part.count)
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
        // In bounds: the room was just reserved. A static string lives as long as the program.
        unsafe copyBytes(from: UnsafeRawBufferPointer(start: literal.utf8Start, count: count), to: base + end)
        return advance(by: count)
    }

    /// Adds a copy of a piece, right behind the last one.
    @inlinable @inline(__always)
    @discardableResult
    public mutating func append(copyOf range: Range<Int>) -> Range<Int> {
        append(range, by: { $0 })
    }

    /// Adds a copy of a piece with its ASCII letters in lower case.
    @inlinable
    @discardableResult
    public mutating func append(lowercaseOf range: Range<Int>) -> Range<Int> {
        append(range, by: lowercased)
    }

    /// A piece with its ASCII letters in lower case: the piece itself where they are, otherwise a copy.
    @inlinable @inline(__always)
    public mutating func lowercase(of range: Range<Int>) -> Range<Int> {
        let bytes = unsafe piece(range)
        var offset = 0
        var capitals = SIMD2<UInt64>.zero
        while offset < range.count {
            // In bounds: the last sixteen reach into the spare bytes at most. What they read there may only cost a copy.
            let some = unsafe bytes.loadUnaligned(fromByteOffset: offset, as: SIMD2<UInt64>.self)
            capitals |= EightBytes.caseBits(of: some, from: UInt8(ascii: "A"), through: UInt8(ascii: "Z"))
            offset &+= Self.spare
        }
        return capitals[0] | capitals[1] == 0 ? range : append(lowercaseOf: range)
    }

    /// Adds a copy of a piece with its ASCII letters in upper case.
    @inlinable
    @discardableResult
    public mutating func append(uppercaseOf range: Range<Int>) -> Range<Int> {
        append(range, by: uppercased)
    }

    /// Adds a copy of a piece whose bytes a function has changed, sixteen at a time.
    @inlinable @inline(__always)
    public mutating func append(_ range: Range<Int>, by change: (SIMD2<UInt64>) -> SIMD2<UInt64>) -> Range<Int> {
        reserve(range.count)
        // In bounds: the room was just reserved, and the last sixteen bytes reach into the spare ones at most. What they
        // read behind the piece is written behind its copy, where nothing is yet.
        var source = unsafe piece(range)
        var target = unsafe base + end
        let limit = unsafe target + range.count
        while unsafe target < limit {
            unsafe target.storeBytes(of: change(source.loadUnaligned(as: SIMD2<UInt64>.self)), as: SIMD2<UInt64>.self)
            unsafe source += Self.spare
            unsafe target += Self.spare
        }
        return advance(by: range.count)
    }

    /// Adds bytes and one byte behind them, unless a control character below 0x20 or one of two other bytes is among them:
    /// then nothing.
    ///
    /// - Returns: whether they were added.
    @inlinable @inline(__always)
    public mutating func append(
        _ part: Span<UInt8>, then last: UInt8, unlessControlOr first: UInt8, or second: UInt8
    ) -> Bool {
        reserve(part.count + 1)
        // In bounds: the room was just reserved.
        let isOrdinary = unsafe part.withUnsafeBytes {
            unsafe copyBytes(from: $0, to: base + end, unlessControlOr: first, or: second)
        }
        guard isOrdinary else { return false }
        unsafe base.storeBytes(of: last, toByteOffset: end &+ part.count, as: UInt8.self)
        _ = advance(by: part.count &+ 1)
        return true
    }

    /// Puts another byte at a place of a piece.
    public mutating func replace(at place: Int, with byte: UInt8) {
        precondition(0..<end ~= place, "the place is none of this block")
        unsafe base.storeBytes(of: byte, toByteOffset: place, as: UInt8.self)
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
            let kept = pieces[index]
            guard kept.lowerBound >= place else {
                next = kept.upperBound
                continue
            }
            // In bounds: no piece moves but to where it, or one before it, was. They may overlap.
            unsafe (base + next).copyMemory(from: piece(kept), byteCount: kept.count)
            pieces[index] = next..<(next + kept.count)
            next += kept.count
        }
        for index in pieces.indices where pieces[index].isEmpty { pieces[index] = 0..<0 }
        end = next
    }

    /// Notes that bytes were put in, which had been reserved.
    @inlinable @inline(__always)
    public mutating func advance(by count: Int) -> Range<Int> {
        let start = end
        end = start &+ count
        // A count is never negative.
        return unsafe Range(uncheckedBounds: (start, end))
    }

    /// Makes sure that so many more bytes can be put in.
    @inlinable @inline(__always)
    public mutating func reserve(_ count: Int) {
        if room &- end < count { makeRoom(for: count) }
    }

    /// So many bytes get a value at a time: all of a large block at once would cost more than they are worth.
    private static var portion: Int { 1024 }

    /// Makes room for so many more bytes, at least twice what there was.
    @inline(never)
    public mutating func makeRoom(for count: Int) {
        if capacity - end < count { replaceMemory(by: max(capacity * 2, end + count, 256)) }
        let wanted = min(capacity, max(end + count, room + Self.portion))
        // In bounds: there are as many bytes as the capacity says, and the spare ones.
        unsafe (base + room + Self.spare).initializeMemory(as: UInt8.self, repeating: 0, count: wanted - room)
        room = wanted
    }

    /// Moves what was put in to other memory, which has room for it.
    @inline(never)
    public mutating func replaceMemory(by capacity: Int) {
        let memory = UnsafeMutableRawPointer.allocate(byteCount: capacity + Self.spare, alignment: Self.spare)
        // In bounds: what was put in, and the spare bytes behind it, are in the old memory, and fit into the new.
        unsafe memory.copyMemory(from: base, byteCount: end + Self.spare)
        unsafe base.deallocate()
        unsafe base = memory
        self.capacity = capacity
        room = end
    }
}
