// Reads parts of a file, where reading it whole would cost too much.

import Glibc

/// A regular file that is open for reading; closed when the value goes.
public struct ReadableFile: ~Copyable {
    /// The identity of the very file that is open.
    public let identity: FileIdentity

    private let path: String
    private let descriptor: Int32

    /// Opens a file.
    ///
    /// - Throws: `FileError` when it cannot be opened, or is no regular file.
    public init(_ path: String) throws(FileError) {
        // O_NONBLOCK: a fifo in the place of a file must not hang the reader; for regular files it has no effect.
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard descriptor >= 0 else { throw FileError(operation: "open", path: path, code: errno) }
        var status = stat()
        let code = unsafe fstat(descriptor, &status) == 0 ? 0 : errno
        let identity = FileIdentity(status)
        guard code == 0, identity.isRegularFile else {
            close(descriptor)
            throw code == 0
                ? FileError(operation: "read", path: path, reason: "not a regular file")
                : FileError(operation: "stat", path: path, code: code)
        }
        self.path = path
        self.descriptor = descriptor
        self.identity = identity
    }

    deinit { close(descriptor) }

    /// Fills a buffer from a place in the file.
    ///
    /// - Returns: how many bytes were read: as many as the buffer holds, fewer only at the end of the file.
    /// - Throws: `FileError` when reading fails.
    public func read(into buffer: inout [UInt8], at offset: Int) throws(FileError) -> Int {
        var done = 0
        var code: Int32 = 0
        unsafe buffer.withUnsafeMutableBytes { bytes in
            while done < bytes.count {
                // In bounds: done is smaller than the buffer's count.
                let place = unsafe bytes.baseAddress.map { unsafe $0 + done }
                let got = unsafe pread(descriptor, place, bytes.count - done, off_t(offset + done))
                if got > 0 { done += got }
                if got == 0 { return }
                if got < 0, errno != EINTR {
                    code = errno
                    return
                }
            }
        }
        guard code == 0 else { throw FileError(operation: "read", path: path, code: code) }
        return done
    }
}
