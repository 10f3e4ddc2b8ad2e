// Reads whole files, with a limit: everything read from outside has one.

import Glibc

/// Reads a whole file into memory.
///
/// Reading, not mapping: a file that shrinks under a mapping kills the process.
///
/// - Parameters:
///   - path: the file.
///   - limit: the largest number of bytes accepted.
/// - Returns: the bytes, and the identity of the very file they came from.
/// - Throws: `FileError` when the file cannot be opened or read, is no regular file, or is larger than the limit.
public func readFile(_ path: String, limit: Int) throws(FileError) -> (bytes: [UInt8], identity: FileIdentity) {
    // O_NONBLOCK: a fifo in the place of a file must not hang the reader; for regular files it has no effect.
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
    guard descriptor >= 0 else { throw FileError(operation: "open", path: path, code: errno) }
    defer { close(descriptor) }
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else {
        throw FileError(operation: "stat", path: path, code: errno)
    }
    let identity = FileIdentity(status)
    guard identity.isRegularFile else {
        throw FileError(operation: "read", path: path, reason: "not a regular file")
    }
    let tooLarge = FileError(operation: "read", path: path, reason: "larger than \(limit) bytes")
    guard identity.size <= Int64(limit) else { throw tooLarge }

    var failure: FileError?
    var bytes: [UInt8] = []
    var capacity = max(Int(identity.size) + 1, 4096)
    while true {
        let done = bytes.count
        let room = capacity - done
        let chunk = unsafe [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
            var got = unsafe read(descriptor, buffer.baseAddress, room)
            while got < 0, errno == EINTR {
                got = unsafe read(descriptor, buffer.baseAddress, room)
            }
            if got < 0 { failure = FileError(operation: "read", path: path, code: errno) }
            count = max(got, 0)
        }
        if let failure { throw failure }
        if chunk.isEmpty { return (bytes, identity) }
        if done == 0 { bytes = chunk } else { bytes.append(contentsOf: chunk) }
        guard bytes.count <= limit else { throw tooLarge }
        if bytes.count == capacity { capacity = min(capacity &* 2, limit &+ 1) }
    }
}
