// Looks at the beginning of a file, where formats say what they are.

import Glibc

/// Reads the first bytes of a file.
///
/// - Parameters:
///   - path: the file.
///   - count: how many bytes are wanted.
/// - Returns: those bytes; fewer where the file is shorter.
/// - Throws: `FileError` when the file cannot be opened or read, or is no regular file.
public func readHead(of path: String, count: Int) throws(FileError) -> [UInt8] {
    // O_NONBLOCK: a fifo in the place of a file must not hang the reader.
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
    guard descriptor >= 0 else { throw FileError(operation: "open", path: path, code: errno) }
    defer { close(descriptor) }
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else {
        throw FileError(operation: "stat", path: path, code: errno)
    }
    guard FileIdentity(status).isRegularFile else {
        throw FileError(operation: "read", path: path, reason: "not a regular file")
    }
    var failure: FileError?
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: max(count, 0)) { buffer, done in
        while done < buffer.count {
            // In bounds: done is smaller than the buffer's count.
            let place = unsafe buffer.baseAddress.map { unsafe $0 + done }
            let got = unsafe pread(descriptor, place, buffer.count - done, off_t(done))
            if got > 0 { done += got }
            if got == 0 { return }
            if got < 0, errno != EINTR {
                failure = FileError(operation: "read", path: path, code: errno)
                return
            }
        }
    }
    if let failure { throw failure }
    return bytes
}
