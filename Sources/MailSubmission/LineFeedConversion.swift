// A message as the spool has it: lines end in LF, and a line of a dot alone may be the end.

import Bytes

/// Makes LF of each CRLF, piece by piece.
package struct LineFeedConversion: Sendable {
    private var isAfterCarriageReturn = false

    /// A conversion of a message's beginning.
    package init() {}

    /// Converts the next piece.
    package mutating func convert(_ bytes: [UInt8]) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(bytes.count + 1)
        for byte in bytes {
            if isAfterCarriageReturn, byte != ASCII.lineFeed { output.append(ASCII.carriageReturn) }
            isAfterCarriageReturn = byte == ASCII.carriageReturn
            if !isAfterCarriageReturn { output.append(byte) }
        }
        return output
    }

    /// What is left at the end.
    package mutating func finish() -> [UInt8] {
        defer { isAfterCarriageReturn = false }
        return isAfterCarriageReturn ? [ASCII.carriageReturn] : []
    }
}

// The end of a message that somebody types, or that a program ends as if it were typed.

/// Finds a line of a dot alone, piece by piece; lines end in LF.
struct LoneDot: Sendable {
    private var isAtLineStart = true
    /// Whether a dot at the start of a line was held back, of which nobody knows yet whether it is alone.
    private var isDotHeld = false
    /// Whether the line was found: what follows is not of the message.
    private(set) var isFound = false

    /// What of a piece is of the message.
    mutating func pass(_ bytes: [UInt8]) -> [UInt8] {
        guard !isFound, !bytes.isEmpty else { return [] }
        var output: [UInt8] = []
        if isDotHeld {
            isDotHeld = false
            isFound = bytes.first == ASCII.lineFeed
            guard !isFound else { return [] }
            output.append(ASCII.dot)
            isAtLineStart = false
        }
        var position = 0
        while position < bytes.count {
            if isAtLineStart, bytes[position] == ASCII.dot {
                isDotHeld = position + 1 == bytes.count
                isFound = !isDotHeld && bytes[position + 1] == ASCII.lineFeed
                guard !isDotHeld, !isFound else { return output }
            }
            let end = bytes[position...].firstIndex(of: ASCII.lineFeed) ?? bytes.count - 1
            output += bytes[position...end]
            isAtLineStart = bytes[end] == ASCII.lineFeed
            position = end + 1
        }
        return output
    }
}
