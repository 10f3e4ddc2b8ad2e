// What is seen of a message while it passes: how many hosts it came by, and what a store must be able to take.

import Bytes

/// A message that passes piece by piece.
struct PassingMessage: Sendable {
    /// How many Received fields its header has so far.
    private(set) var hopCount = 0
    /// Whether a byte above 0x7F was in its header, and anywhere in it.
    private(set) var hasEightBitHeader = false, isEightBit = false

    private static let name: [UInt8] = Array("received".utf8)

    private enum Line {
        /// So many bytes of the name were matched.
        case name(Int)
        /// The name is whole: a colon makes it a field.
        case afterName
        case other
    }

    private var isInHeader = true
    private var line = Line.name(0)
    private var isLineEmpty = true
    private var isAfterCarriageReturn = false

    /// Looks at the next piece.
    ///
    /// - Parameter isWholeLookedAt: whether it matters that bytes beyond ASCII follow the header.
    mutating func look(at bytes: borrowing Span<UInt8>, isWholeLookedAt: Bool) {
        var position = 0
        while position < bytes.count, isInHeader {
            if case .other = line {
                // Nothing before the line's end matters but bytes beyond ASCII, and of those only the first.
                isAfterCarriageReturn = false
                position = endOfLine(in: bytes, from: position)
                guard position < bytes.count else { return }
            }
            look(at: bytes[position])
            position += 1
        }
        guard isWholeLookedAt, !isEightBit else { return }
        if bytes.firstIndex(from: position, marked: { $0 }) < bytes.count { isEightBit = true }
    }

    /// Where the line ends, or the first byte beyond ASCII stands; the count where neither does.
    private func endOfLine(in bytes: borrowing Span<UInt8>, from start: Int) -> Int {
        let beyondASCII: UInt64 = hasEightBitHeader ? 0 : EightBytes.highest
        return bytes.firstIndex(from: start) { word in
            EightBytes.firstZero(word ^ EightBytes.repeating(ASCII.lineFeed))
                | EightBytes.firstZero(word ^ EightBytes.repeating(ASCII.carriageReturn)) | word & beyondASCII
        }
    }

    /// Looks at a byte of the header.
    ///
    /// LF, CRLF and a CR alone end a line, as they do for whoever sends it on.
    private mutating func look(at byte: UInt8) {
        if byte == ASCII.lineFeed || byte == ASCII.carriageReturn {
            let isSecondHalf = byte == ASCII.lineFeed && isAfterCarriageReturn
            isAfterCarriageReturn = byte == ASCII.carriageReturn
            guard !isSecondHalf else { return }
            if isLineEmpty { isInHeader = false }
            isLineEmpty = true
            line = .name(0)
            return
        }
        isAfterCarriageReturn = false
        isLineEmpty = false
        if byte >= 0x80 {
            hasEightBitHeader = true
            isEightBit = true
        }
        switch line {
        case .name(let count):
            guard ASCII.lowercase(byte) == Self.name[count] else {
                line = .other
                return
            }
            line = count + 1 == Self.name.count ? .afterName : .name(count + 1)
        case .afterName:
            if ASCII.isBlank(byte) { return }
            if byte == UInt8(ascii: ":") { hopCount += 1 }
            line = .other
        case .other: break
        }
    }
}
