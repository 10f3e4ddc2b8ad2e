// Buffered bytes to a descriptor: results go to standard output in few writes, unchanged.

import Glibc
import MailAddress

/// A buffered writer of bytes.
struct OutputStream: ~Copyable {
    private let descriptor: Int32
    private let turn: OutputTurn?
    private var buffer: [UInt8] = []
    /// Whether the reader has gone away, or writing failed in another way; everything after that is dropped.
    private(set) var hasFailed = false

    /// A stream.
    ///
    /// - Parameter turn: what other streams to the descriptor have too, where there are any at the same time.
    init(descriptor: Int32, turn: OutputTurn? = nil) {
        self.descriptor = descriptor
        self.turn = turn
        buffer.reserveCapacity(Self.capacity + 4096)
    }

    private static let capacity = 64 * 1024

    /// Adds bytes, and writes when there are many.
    mutating func write(_ bytes: [UInt8]) {
        buffer.append(contentsOf: bytes)
        if buffer.count >= Self.capacity { flush() }
    }

    /// Adds what a block holds, and writes when there is much.
    mutating func write(_ block: ByteBlock) {
        buffer.append(from: block.bytes.span, 0..<block.end)
        if buffer.count >= Self.capacity { flush() }
    }

    /// Adds text.
    mutating func write(_ text: String) {
        buffer.append(contentsOf: text.utf8)
        if buffer.count >= Self.capacity { flush() }
    }

    /// Lets a formatter append to the buffer itself, and writes when there are many bytes.
    mutating func write(_ format: (inout [UInt8]) -> Void) {
        format(&buffer)
        if buffer.count >= Self.capacity { flush() }
    }

    /// Writes what is buffered.
    mutating func flush() {
        guard let turn else { return writeBuffer() }
        turn.take { writeBuffer() }
    }

    private mutating func writeBuffer() {
        var done = 0
        while done < buffer.count, !hasFailed {
            let written = unsafe buffer.withUnsafeBytes { bytes in
                // The rebased part lies inside the buffer, which is not changed during the call.
                unsafe Glibc.write(descriptor, bytes.baseAddress.map { unsafe $0 + done }, bytes.count - done)
            }
            if written > 0 {
                done += written
            } else if errno != EINTR {
                hasFailed = true
            }
        }
        buffer.removeAll(keepingCapacity: true)
    }
}
