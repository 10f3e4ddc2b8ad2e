// A message on its way to the wire: line ends made CRLF, leading dots doubled (RFC 5321 4.5.2), chunk by chunk.
//
// Rules. LF, CRLF and a CR that no LF follows each end a line, and each becomes CRLF: nothing in a message can then be
// read as its end by a peer that takes LF or CR for a line end. A missing last line end is added. Lines over 998 bytes
// stay as they are: the stores take them, and folding would change the content. NUL stays: RFC 5321 4.1.1.4 allows it,
// stores differ, and one that refuses it says so for each recipient, which a person can then read in the bounce.

import Glibc

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
            output.append(0x0D)
            output.append(0x0A)
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
        var written = 0
        var dots = 0
        var position = 0
        if isAfterCarriageReturn {
            isAfterCarriageReturn = false
            if unsafe source[0] == 0x0A { position = 1 }
        }
        // Each is searched again only when it has been passed, so that no input makes the work grow with its square.
        var lineFeed = unsafe Self.find(0x0A, in: source, position, count)
        var carriageReturn = unsafe Self.find(0x0D, in: source, position, count)
        while position < count {
            if isAtLineStart, framing == .data, unsafe source[position] == 0x2E {
                unsafe target[written] = 0x2E
                written += 1
                dots += 1
            }
            if lineFeed < position { lineFeed = unsafe Self.find(0x0A, in: source, position, count) }
            if carriageReturn < position { carriageReturn = unsafe Self.find(0x0D, in: source, position, count) }
            let end = min(lineFeed, carriageReturn)
            unsafe (target + written).initialize(from: source + position, count: end - position)
            written += end - position
            isAtLineStart = end < count
            guard isAtLineStart else { break }
            unsafe target[written] = 0x0D
            unsafe target[written + 1] = 0x0A
            written += 2
            position = end + 1
            guard end == carriageReturn else { continue }
            if position == count {
                isAfterCarriageReturn = true
            } else if unsafe source[position] == 0x0A {
                position += 1
            }
        }
        octetCount += UInt64(written - dots)
        return written
    }

    /// The offset of the next such byte, or the count.
    private static func find(_ byte: UInt8, in source: UnsafePointer<UInt8>, _ start: Int, _ count: Int) -> Int {
        guard let found = unsafe memchr(source + start, Int32(byte), count - start) else { return count }
        return unsafe UnsafeRawPointer(found) - UnsafeRawPointer(source)
    }
}
