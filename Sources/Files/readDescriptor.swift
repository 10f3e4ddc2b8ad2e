// Reads what another program sends, such as standard input, as a whole and with a limit.

import Glibc

/// Reads what a path names, which may be a pipe or a device, to its end.
///
/// - Parameter limit: the largest number of bytes accepted.
/// - Throws: `FileError` when it cannot be opened or read, or there is more than the limit.
public func readInput(_ path: String, limit: Int) throws(FileError) -> [UInt8] {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY)
    guard descriptor >= 0 else { throw FileError(operation: "open", path: path, code: errno) }
    defer { close(descriptor) }
    return try readDescriptor(descriptor, name: path, limit: limit)
}

/// Reads a descriptor to its end.
///
/// - Parameters:
///   - name: what errors call it.
///   - limit: the largest number of bytes accepted.
/// - Throws: `FileError` when reading fails, or there is more than the limit.
public func readDescriptor(_ descriptor: Int32, name: String, limit: Int) throws(FileError) -> [UInt8] {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
        let got = unsafe chunk.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, $0.count) }
        if got < 0, errno == EINTR { continue }
        guard got >= 0 else { throw FileError(operation: "read", path: name, code: errno) }
        guard got > 0 else { return bytes }
        bytes.append(contentsOf: chunk[..<got])
        guard bytes.count <= limit else {
            throw FileError(operation: "read", path: name, reason: "larger than \(limit) bytes")
        }
    }
}
