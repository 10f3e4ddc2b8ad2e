// Reads whole files, with a limit: everything read from outside has one.

/// Reads a whole file into memory, as it is at this moment.
///
/// A file that others save in place is for `SettlingFile`.
///
/// - Parameters:
///   - path: the file.
///   - limit: the largest number of bytes accepted.
/// - Returns: the bytes, and the identity of the very file they came from.
/// - Throws: `FileError` when the file cannot be opened or read, is no regular file, or is larger than the limit.
public func readFile(_ path: String, limit: Int) throws(FileError) -> (bytes: [UInt8], identity: FileIdentity) {
    let file = try ReadableFile(path)
    return (try file.readWhole(limit: limit), file.identity)
}
