// The log of dialogues (the smtp agent's `-l`): each line led by the process id. Secrets never get here: sessions hide
// them in their transcripts.

import Files
import Glibc
import LMTP

/// An open log file.
final class DialogueLog: Sendable {
    private let descriptor: Int32

    /// Opens a log to append to, created for its owner alone.
    init(path: String) throws(FileError) {
        descriptor = unsafe open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw FileError(operation: "open", path: path, code: errno) }
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
            text += line.bytes.map { $0 < 0x20 || $0 == 0x7F ? UInt8(ascii: "?") : $0 }
            text.append(0x0A)
        }
        // A log that cannot be written to is no reason not to deliver.
        _ = unsafe text.withUnsafeBytes { bytes in unsafe write(descriptor, bytes.baseAddress, bytes.count) }
    }
}
