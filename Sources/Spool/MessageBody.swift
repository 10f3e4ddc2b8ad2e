// A message's body, read through the descriptor that the spool has open.

public import Files

/// An open body.
public struct MessageBody: Sendable {
    let file: OpenFile
    let identity: FileIdentity

    /// The path in `queue`; a body that was just routed was opened under another name.
    public let path: String
    /// The size of the whole file in bytes when it was opened.
    public var size: Int { Int(clamping: identity.size) }
    /// When the message arrived, in seconds since 1970: when its file was last written to.
    public var arrival: Int { Int(identity.modified / 1_000_000_000) }

    /// Reads up to `count` bytes at an offset; fewer only at the end of the file.
    public func read(at offset: Int, count: Int) throws(FileError) -> [UInt8] {
        do throws(FileError) {
            return try file.read(at: offset, count: count)
        } catch {
            throw FileError(operation: error.operation, path: path, code: error.code)
        }
    }
}
