// A message on its way to the wire: line ends made CRLF, leading dots doubled (RFC 5321 4.5.2), chunk by chunk.
//
// Rules. LF, CRLF and a CR that no LF follows each end a line, and each becomes CRLF: nothing in a message can then be
// read as its end by a peer that takes LF or CR for a line end. A missing last line end is added. Lines over 998 bytes
// stay as they are: the stores take them, and folding would change the content. NUL stays: RFC 5321 4.1.1.4 allows it,
// stores differ, and one that refuses it says so for each recipient, which a person can then read in the bounce.

import Bytes

/// Encodes one message for DATA or BDAT.
public struct MessageEncoder: Sendable {
    /// How the message's end is marked.
    public enum Framing: Sendable, Hashable {
        /// DATA: leading dots are doubled; the line with one dot is the session's to send.
        case data
        /// BDAT (RFC 3030): the length says it all.
        case chunk
    }

    private let framing: Framing
    private var isAtLineStart = true
    /// The last byte was a CR whose line end has been written; an LF after it is part of it.
    private var isAfterCarriageReturn = false

    /// The octets of the message so far, line ends as CRLF, doubled dots counted once: what SIZE and BDAT count.
    public private(set) var octetCount: UInt64 = 0

    /// Makes an encoder for one message.
    public init(framing: Framing) {
        self.framing = framing
    }

    /// Encodes the next chunk, of any size.
    public mutating func encode(_ chunk: borrowing Span<UInt8>, into output: inout [UInt8]) {
        var start = 0
        while start < chunk.count {
            let end = min(chunk.count, start + Self.blockSize)
            encodeBlock(chunk.extracting(start..<end), into: &output)
            start = end
        }
    }

    /// Ends the message: adds the last line end where it is missing.
    public mutating func finish(into output: inout [UInt8]) {
        if !isAtLineStart {
            output.append(ASCII.carriageReturn)
            output.append(ASCII.lineFeed)
            octetCount += 2
        }
        isAtLineStart = true
        isAfterCarriageReturn = false
    }

    /// Bytes encoded at a time, which bounds the room kept ready for the worst case.
    private static let blockSize = 16_384

    private mutating func encodeBlock(_ block: borrowing Span<UInt8>, into output: inout [UInt8]) {
        // No byte becomes more than two: a line end CRLF, a leading dot two dots.
        let needed = block.count * 2
        if output.capacity - output.count < needed {
            // Doubling, because a reservation grows to just what is asked for.
            output.reserveCapacity(max(output.count + needed, output.capacity * 2))
        }
        // All pointers stay within the closures that lend them. What is read lies below the block's count; what is
        // written stays within `needed`, by the count of bytes above.
        output.append(addingCapacity: needed) { span in
            unsafe block.withUnsafeBufferPointer { source in
                unsafe span.withUnsafeMutableBufferPointer { target, count in
                    guard let source = source.baseAddress, let target = target.baseAddress else { return }
                    count = unsafe encode(source, block.count, to: target)
                }
            }
        }
    }

    /// Encodes so many bytes into a target with room for twice as many, and gives the number written.
    private mutating func encode(
        _ source: UnsafePointer<UInt8>, _ count: Int, to target: UnsafeMutablePointer<UInt8>
    ) -> Int {
        var from = unsafe source
        var to = unsafe target
        let end = unsafe source + count
        var dots = 0
        let doublesDots = framing == .data
        var isLineStart = isAtLineStart
        if isAfterCarriageReturn, unsafe from < end {
            isAfterCarriageReturn = false
            if unsafe from[0] == ASCII.lineFeed { unsafe from += 1 }
        }
        while unsafe from < end {
            if isLineStart, doublesDots, unsafe from[0] == ASCII.dot {
                unsafe to[0] = ASCII.dot
                unsafe to += 1
                dots += 1
            }
            if unsafe end - from >= 32 {
                let block = unsafe UnsafeRawPointer(from).loadUnaligned(as: SIMD16<UInt8>.self)
                unsafe UnsafeMutableRawPointer(to).storeBytes(of: block, as: SIMD16<UInt8>.self)
                let ends = LineEnds(in: block)
                guard let first = ends.first else {
                    unsafe from += 16
                    unsafe to += 16
                    isLineStart = false
                    continue
                }
                if unsafe ends.isSingle && from[first] == ASCII.lineFeed && from[first + 1] != ASCII.dot {
                    // The block once more, moved by the CR, so that the next one does not depend on where this line ends.
                    unsafe to[first] = ASCII.carriageReturn
                    unsafe to[first + 1] = ASCII.lineFeed
                    let rest = unsafe UnsafeRawPointer(from + first + 1).loadUnaligned(as: SIMD16<UInt8>.self)
                    unsafe UnsafeMutableRawPointer(to + first + 2).storeBytes(of: rest, as: SIMD16<UInt8>.self)
                    unsafe from += 16
                    unsafe to += 17
                    isLineStart = first == 15
                    continue
                }
                unsafe from += first
                unsafe to += first
            }
            let byte = unsafe from[0]
            unsafe from += 1
            isLineStart = byte == ASCII.lineFeed || byte == ASCII.carriageReturn
            guard isLineStart else {
                unsafe to[0] = byte
                unsafe to += 1
                continue
            }
            unsafe to[0] = ASCII.carriageReturn
            unsafe to[1] = ASCII.lineFeed
            unsafe to += 2
            guard byte == ASCII.carriageReturn else { continue }
            if unsafe from == end {
                isAfterCarriageReturn = true
            } else if unsafe from[0] == ASCII.lineFeed {
                unsafe from += 1
            }
        }
        isAtLineStart = isLineStart
        let written = unsafe to - target
        octetCount += UInt64(written - dots)
        return written
    }
}

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
