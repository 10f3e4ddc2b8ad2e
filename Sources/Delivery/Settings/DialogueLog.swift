// The log of dialogues (the smtp agent's `-l`): each line led by the process id. Secrets never get here: sessions hide
// them in their transcripts.

import Bytes
import Glibc
import LMTP
import Synchronization
import System

/// An open log file.
final class DialogueLog: Sendable {
    private let descriptor: Int32
    private let path: String
    private let report: @Sendable (String) -> Void
    private let hasFailed = Atomic(false)

    /// Opens a log to append to, created for its owner alone.
    ///
    /// - Parameter report: is told once that lines could not be written.
    /// - Throws: `FileError` also for a pipe that nobody reads.
    init(path: String, report: @escaping @Sendable (String) -> Void) throws(FileError) {
        self.path = path
        self.report = report
        // O_NONBLOCK: neither opening a pipe nor writing to it may hold up the mail.
        let flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY
        descriptor = unsafe open(path, flags, 0o600)
        guard descriptor >= 0 else {
            if errno == ENXIO { throw FileError(operation: "open", path: path, reason: "a pipe that nobody reads") }
            throw FileError(operation: "open", path: path, code: errno)
        }
    }

    deinit { close(descriptor) }

    /// Appends lines in one write, so that those of several connections do not mix.
    ///
    /// - Parameter connection: tells the connections of a process apart.
    func append(_ lines: [TranscriptLine], connection: Int) {
        guard !lines.isEmpty else { return }
        var text: [UInt8] = []
        for line in lines {
            text += Array("\(getpid())#\(connection) \(line.speaker == .client ? ">" : "<") ".utf8)
            text += line.bytes.map { ASCII.isControl($0) ? UInt8(ascii: "?") : $0 }
            text.append(ASCII.lineFeed)
        }
        // A log that cannot be written to is no reason not to deliver.
        let written = unsafe text.withUnsafeBytes { bytes in unsafe write(descriptor, bytes.baseAddress, bytes.count) }
        guard written < text.count else { return }
        let reason = written < 0 ? systemReason(errno) : "not all of it could be written"
        if !hasFailed.exchange(true, ordering: .relaxed) {
            report("\(path): write: \(reason); mail is delivered without the dialogues being logged")
        }
    }
}
