// Lines of a descriptor, many at a time, in constant memory: a block goes on as soon as read(2) gave it, so that a line
// typed at a terminal or sent through a pipe is answered without waiting for more.

import Glibc

/// Reads blocks of whole lines.
package struct LineBlockReader: ~Copyable {
    private let descriptor: Int32
    private let name: String
    private let signals: TerminationSignals?
    /// The beginning of a line that has not ended yet.
    private var rest: [UInt8] = []
    private var atEnd = false

    /// The longest line accepted; an address of this length is none.
    package static let lineLimit = 1 << 20
    private static let blockSize = 64 * 1024

    /// Reads from a descriptor.
    ///
    /// - Parameter signals: those that are held back; when one comes, the input is at its end.
    package init(descriptor: Int32, name: String, signals: TerminationSignals? = nil) {
        self.descriptor = descriptor
        self.name = name
        self.signals = signals
    }

    /// Whether reading would not wait.
    package var isReady: Bool {
        var wanted = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return unsafe atEnd || poll(&wanted, 1, 0) != 0
    }

    /// Reads whole lines, with their line ends; the last line of the input may lack it.
    ///
    /// - Returns: at least one line; nil at the end of the input.
    /// - Throws: `FileError` when reading fails, or a line is longer than the limit.
    package mutating func next() throws(FileError) -> [UInt8]? {
        while !atEnd {
            guard signals?.wait(for: descriptor, .reading) ?? true else { return nil }
            let known = rest.count
            try fill()
            if let newline = rest[known...].lastIndex(of: 0x0A) {
                let tail = Array(rest[(newline + 1)...])
                rest.removeSubrange((newline + 1)...)
                return exchange(&rest, with: tail)
            }
            guard rest.count <= Self.lineLimit else {
                throw FileError(operation: "read", path: name, reason: "line longer than \(Self.lineLimit) bytes")
            }
        }
        return rest.isEmpty ? nil : exchange(&rest, with: [])
    }

    /// Reads once, behind what is left of the last block.
    private mutating func fill() throws(FileError) {
        let known = rest.count
        var failure: FileError?
        let block = unsafe [UInt8](unsafeUninitializedCapacity: known + Self.blockSize) { buffer, count in
            // In bounds: the buffer has room for what is known and one block behind it.
            unsafe UnsafeMutableRawBufferPointer(buffer).copyBytes(from: rest)
            var got = 0
            repeat {
                got = unsafe read(descriptor, buffer.baseAddress.map { unsafe $0 + known }, Self.blockSize)
            } while got < 0 && errno == EINTR
            if got < 0 { failure = FileError(operation: "read", path: name, code: errno) }
            count = known + max(got, 0)
        }
        if let failure { throw failure }
        atEnd = block.count == known
        rest = block
    }
}
