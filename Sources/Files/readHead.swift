// Looks at the beginning of a file, where formats say what they are.

/// Reads the first bytes of a file.
///
/// - Parameters:
///   - path: the file.
///   - count: how many bytes are wanted.
/// - Returns: those bytes; fewer where the file is shorter.
/// - Throws: `FileError` when the file cannot be opened or read, or is no regular file.
public func readHead(of path: String, count: Int) throws(FileError) -> [UInt8] {
    let file = try ReadableFile(path)
    var bytes = [UInt8](repeating: 0, count: max(count, 0))
    let got = try file.read(into: &bytes, at: 0)
    return Array(bytes.prefix(got))
}
