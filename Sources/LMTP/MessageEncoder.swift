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
        output.reserveCapacity(output.count + chunk.count + chunk.count / 16 + 16)
        // The pointers are used only within the closure, while the span they come from is borrowed; every offset is
        // below the buffer's count.
        unsafe chunk.withUnsafeBufferPointer { buffer in
            unsafe encode(buffer, into: &output)
        }
    }

    /// Ends the message: adds the last line end where it is missing.
    public mutating func finish(into output: inout [UInt8]) {
        if !isAtLineStart { endLine(&output) }
        isAfterCarriageReturn = false
    }

    private mutating func encode(_ bytes: UnsafeBufferPointer<UInt8>, into output: inout [UInt8]) {
        var position = 0
        if isAfterCarriageReturn, let first = unsafe bytes.first {
            isAfterCarriageReturn = false
            if first == 0x0A { position = 1 }
        }
        // Each is searched again only when it has been passed, so that no input makes the work grow with its square.
        var lineFeed = unsafe Self.find(0x0A, in: bytes, from: position)
        var carriageReturn = unsafe Self.find(0x0D, in: bytes, from: position)
        while position < bytes.count {
            if isAtLineStart, framing == .data, unsafe bytes[position] == 0x2E { output.append(0x2E) }
            if lineFeed < position { lineFeed = unsafe Self.find(0x0A, in: bytes, from: position) }
            if carriageReturn < position { carriageReturn = unsafe Self.find(0x0D, in: bytes, from: position) }
            let end = min(lineFeed, carriageReturn)
            unsafe append(bytes, position..<end, to: &output)
            guard end < bytes.count else { return }
            endLine(&output)
            position = end + 1
            guard end == carriageReturn else { continue }
            if position == bytes.count {
                isAfterCarriageReturn = true
            } else if unsafe bytes[position] == 0x0A {
                position += 1
            }
        }
    }

    private mutating func append(
        _ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, to output: inout [UInt8]
    ) {
        guard !range.isEmpty else { return }
        unsafe output.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[range]))
        octetCount += UInt64(range.count)
        isAtLineStart = false
    }

    private mutating func endLine(_ output: inout [UInt8]) {
        output.append(0x0D)
        output.append(0x0A)
        octetCount += 2
        isAtLineStart = true
    }

    /// The offset of the next such byte, or the count.
    private static func find(_ byte: UInt8, in bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
        guard start < bytes.count, let base = bytes.baseAddress,
            let found = unsafe memchr(base + start, Int32(byte), bytes.count - start)
        else { return bytes.count }
        return unsafe UnsafeRawPointer(found) - UnsafeRawPointer(base)
    }
}
