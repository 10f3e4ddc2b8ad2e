// Copies a file's contents into one that the caller has made.

import Glibc

/// Copies the contents of a file to the end of an existing one.
///
/// - Parameter progress: is called after each megabyte or less.
/// - Throws: `FileError` when either cannot be opened, the one read or the other written.
public func copyContents(
    of path: String, to target: String, progress: () -> Void = {}
) throws(FileError) {
    let input = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard input >= 0 else { throw FileError(operation: "open", path: path, code: errno) }
    defer { close(input) }
    let output = unsafe open(target, O_WRONLY | O_APPEND | O_CLOEXEC)
    guard output >= 0 else { throw FileError(operation: "open", path: target, code: errno) }
    defer { close(output) }
    var chunk = [UInt8](repeating: 0, count: 1 << 20)
    while true {
        let got = unsafe chunk.withUnsafeMutableBytes { unsafe read(input, $0.baseAddress, $0.count) }
        if got < 0, errno == EINTR { continue }
        guard got >= 0 else { throw FileError(operation: "read", path: path, code: errno) }
        guard got > 0 else { return }
        var done = 0
        while done < got {
            let written = unsafe chunk.withUnsafeBytes { bytes in
                // In bounds: done < got <= count.
                unsafe write(output, bytes.baseAddress.map { unsafe $0 + done }, got - done)
            }
            if written < 0, errno == EINTR { continue }
            guard written > 0 else {
                throw FileError(operation: "write", path: target, code: written < 0 ? errno : EIO)
            }
            done += written
        }
        progress()
    }
}
