// A spooled message as it is to be sent: small bodies come through the descriptor that the spool has open.

import Files
import Spool

extension MessageContent {
    /// A header with its blank line, and the part of a body's file that begins at an offset.
    ///
    /// - Throws: `FileError` where a small body cannot be read or a large one not be opened, and where the file is
    ///   shorter than the offset.
    init(head: [UInt8], body: MessageBody, offset: Int) throws(FileError) {
        let count = body.size - offset
        guard count <= Self.memoryLimit else {
            // Large ones are read while they are sent, for longer than the spool keeps them open.
            try self.init(head: head, file: BodyFile(path: body.path), offset: offset)
            return
        }
        guard count >= 0 else {
            throw FileError(operation: "read", path: body.path, reason: "shorter than its control file says")
        }
        let bytes = try body.read(at: offset, count: count)
        guard bytes.count == count else {
            throw FileError(operation: "read", path: body.path, reason: "it became shorter while it was read")
        }
        self.init(head + bytes)
    }
}
