// Lines of a descriptor, in constant memory: one block is held, and one line at most beyond it.

import Files
import Glibc
import MailAddress

/// Reads lines as bytes, without their line ends (LF or CRLF).
struct LineReader: ~Copyable {
    private let descriptor: Int32
    private let name: String
    private var block: [UInt8]
    private var start = 0
    private var end = 0
    private var atEnd = false

    /// The longest line accepted; an address of this length is none.
    static let lineLimit = 1 << 20

    init(descriptor: Int32, name: String) {
        self.descriptor = descriptor
        self.name = name
        block = [UInt8](repeating: 0, count: 64 * 1024)
    }

    /// Hands the next line to a closure.
    ///
    /// - Returns: false at the end of the input.
    /// - Throws: `FileError` when reading fails, or a line is longer than the limit.
    mutating func next(_ body: (Span<UInt8>) -> Void) throws(FileError) -> Bool {
        var searched = start
        while true {
            if let newline = firstNewline(from: searched) {
                var last = newline
                if last > start, block[last - 1] == 0x0D { last -= 1 }
                body(block.span.extracting(start..<last))
                start = newline + 1
                return true
            }
            searched = end
            if atEnd {
                guard end > start else { return false }
                body(block.span.extracting(start..<end))
                start = end
                return true
            }
            let moved = start
            try fill()
            searched -= moved
        }
    }

    private func firstNewline(from place: Int) -> Int? {
        guard place < end else { return nil }
        return unsafe block.withUnsafeBytes { bytes in
            // place < end <= count, so the search stays inside the block.
            guard let base = bytes.baseAddress, let found = unsafe memchr(base + place, 0x0A, end - place) else {
                return nil
            }
            return unsafe UnsafeRawPointer(found) - base
        }
    }

    /// Moves what is left to the front and reads more behind it.
    private mutating func fill() throws(FileError) {
        if start > 0 {
            block.replaceSubrange(0..<(end - start), with: block[start..<end])
            end -= start
            start = 0
        }
        if end == block.count {
            guard block.count < Self.lineLimit else {
                throw FileError(operation: "read", path: name, reason: "line longer than \(Self.lineLimit) bytes")
            }
            block.append(contentsOf: [UInt8](repeating: 0, count: block.count))
        }
        var got = 0
        repeat {
            got = unsafe block.withUnsafeMutableBytes { bytes in
                // end < count: read(2) writes only into the room behind what is held.
                unsafe read(descriptor, bytes.baseAddress.map { unsafe $0 + end }, bytes.count - end)
            }
        } while got < 0 && errno == EINTR
        guard got >= 0 else { throw FileError(operation: "read", path: name, code: errno) }
        if got == 0 { atEnd = true }
        end += got
    }
}
