// A file of counts in Prometheus's text format, for node_exporter's textfile collector or anything that reads it.

import Glibc
import System

/// A file of counts, which whoever reads it sees whole.
struct MetricsFile: Sendable {
    let path: String

    /// Writes the file anew.
    ///
    /// - Throws: `FileError`, also where there is something else of that name.
    func write(_ text: String) throws(FileError) {
        // A device or a pipe would be replaced by a file of its name.
        if let present = try? FileIdentity(path: path), !present.isRegularFile {
            throw FileError(
                operation: "replace", path: path, reason: "is no regular file; name a file of its own with --metrics")
        }
        let temporary = "\(path).\(getpid()).new"
        try removeFile(temporary, missingIsFine: true)
        let descriptor = unsafe open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw FileError(operation: "create", path: temporary, code: errno) }
        let bytes = Array(text.utf8)
        let written = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
        let code = errno
        close(descriptor)
        guard written == bytes.count else {
            throw FileError(operation: "write", path: temporary, code: written < 0 ? code : ENOSPC)
        }
        try renameFile(temporary, to: path)
    }
}
