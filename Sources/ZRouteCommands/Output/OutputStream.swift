// Buffered bytes to a descriptor: results go to standard output in few writes, unchanged.

import Bytes
import Glibc
import Synchronization
import System

/// A buffered writer of bytes.
struct OutputStream: ~Copyable {
    private let descriptor: Int32
    private let turn: OutputLock?
    private let signals: TerminationSignals?
    private var buffer: [UInt8] = []
    /// Why writing failed, as errno; everything after that is dropped.
    private(set) var failure: Int32?
    /// Whether the reader has gone away, or writing failed in another way.
    var hasFailed: Bool { failure != nil }

    /// A stream.
    ///
    /// - Parameters:
    ///   - turn: what other streams to the descriptor have too, where there are any at the same time.
    ///   - signals: those that are held back, and that must not wait for a reader who does not read: writing fails then.
    init(descriptor: Int32, turn: OutputLock? = nil, signals: TerminationSignals? = nil) {
        self.descriptor = descriptor
        self.turn = turn
        // Writing to a file does not wait for anybody.
        self.signals = isRegularFile(descriptor) ? nil : signals
        buffer.reserveCapacity(Self.capacity + 4096)
    }

    private static let capacity = 64 * 1024

    /// Adds bytes, and writes when there are many.
    mutating func write(_ bytes: [UInt8]) {
        buffer.append(contentsOf: bytes)
        if buffer.count >= Self.capacity { flush() }
    }

    /// Adds what a block holds; a large one is written as it is.
    mutating func write(_ block: borrowing TextArena) {
        guard buffer.count + block.end >= Self.capacity else {
            block.withSpan(0..<block.end) { buffer.append(from: $0) }
            return
        }
        flush()
        block.withSpan(0..<block.end) { send($0) }
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
        var bytes = exchange(&buffer, with: [])
        send(bytes.span)
        // Emptied before it has a second owner, and so without being copied.
        bytes.removeAll(keepingCapacity: true)
        buffer = bytes
    }

    /// Writes what is buffered, at the end of all output.
    ///
    /// - Returns: whether all of it was written, or its reader had enough; where not, why was said.
    mutating func finish(_ log: borrowing DiagnosticLog) -> Bool {
        flush()
        // A reader that goes away has what it wanted.
        guard let code = failure, code != EPIPE else { return true }
        // Where a signal ends the process it need not be told.
        if code != ECANCELED { log.say(FileError(operation: "write", path: "standard output", code: code)) }
        return false
    }

    private mutating func send(_ bytes: Span<UInt8>) {
        guard let turn else { return sendNow(bytes) }
        turn.take { sendNow(bytes) }
    }

    /// As much as a pipe takes without waiting when it says that it can be written to, in bytes (PIPE_BUF).
    private static let pieceSize = 4096

    private mutating func sendNow(_ bytes: Span<UInt8>) {
        var done = 0
        while done < bytes.count, !hasFailed {
            if let signals, !signals.wait(for: descriptor, .writing) {
                failure = ECANCELED
                return
            }
            let end = signals == nil ? bytes.count : min(done + Self.pieceSize, bytes.count)
            let written = unsafe bytes.extracting(done..<end).withUnsafeBytes { rest in
                unsafe Glibc.write(descriptor, rest.baseAddress, rest.count)
            }
            if written > 0 {
                done += written
            } else if errno != EINTR {
                failure = errno
            }
        }
    }
}

private func isRegularFile(_ descriptor: Int32) -> Bool {
    var status = stat()
    return unsafe fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
}

// Two logs on one descriptor: each writes whole lines, and one write at a time.

/// The right to write to a descriptor that several streams share.
final class OutputLock: Sendable {
    private let turn = Mutex(())

    /// Writes while nobody else does.
    func take(_ write: () -> Void) {
        turn.withLock { _ in write() }
    }
}
