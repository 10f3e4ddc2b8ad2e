// The file a message's body is in, read by position while the message is sent.

import Glibc
import LMTP
package import System

/// An open body.
///
/// A class because it stands for a descriptor, which is closed with the last reference; it is immutable itself.
package final class BodyFile: Sendable {
    /// The path, for messages.
    package let path: String
    /// The size in bytes when it was opened.
    package let size: Int
    /// When the file was last written to, in seconds since 1970: the arrival of a spooled message.
    package let modified: Int
    private let descriptor: Int32

    /// Opens a body.
    ///
    /// - Throws: `FileError` also where it is no regular file.
    package init(path: String) throws(FileError) {
        self.path = path
        descriptor = unsafe open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileError(operation: "open", path: path, code: errno) }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else {
            let code = errno
            close(descriptor)
            throw FileError(operation: "stat", path: path, code: code)
        }
        let identity = FileIdentity(status)
        guard identity.isRegularFile else {
            close(descriptor)
            throw FileError(operation: "read", path: path, reason: "not a regular file")
        }
        size = Int(identity.size)
        modified = Int(identity.modified / 1_000_000_000)
    }

    deinit { close(descriptor) }

    /// Reads up to `count` bytes at an offset; fewer only at the end of the file.
    package func read(at offset: Int, count: Int) throws(FileError) -> [UInt8] {
        var failure: FileError?
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: max(count, 0)) { buffer, done in
            while done < buffer.count {
                // In bounds: done is smaller than the buffer's count.
                let place = unsafe buffer.baseAddress.map { unsafe $0 + done }
                let got = unsafe pread(descriptor, place, buffer.count - done, offset + done)
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
}

// Writes one message to the wire, as much at a time as the connection takes.

/// A message being written.
struct BodyWriter {
    private var reader: MessageReader
    private var encoder: MessageEncoder

    /// Why a message cannot be sent.
    struct Unreadable: Error {
        let reason: String
    }

    /// Begins a message.
    init(_ content: MessageContent, transfer: BodyTransfer) throws(Unreadable) {
        encoder = MessageEncoder(framing: transfer.framing)
        do {
            guard transfer.convertsToSevenBit, try content.hasHighBytes() else {
                reader = MessageReader(content)
                return
            }
            let limit = SevenBitConversion.defaultLimit
            guard content.size <= limit else {
                throw SevenBitConversion.MessageTooLong(length: content.size, limit: limit)
            }
            let converted = try SevenBitConversion.convert(content.readAll(limit: limit))
            reader = MessageReader(MessageContent(converted))
        } catch {
            throw Unreadable(reason: "\(error)")
        }
    }

    /// The octets written so far.
    var octetCount: UInt64 { encoder.octetCount }

    /// Appends the next piece; false where the message is at its end.
    mutating func write(into output: inout [UInt8]) throws(Unreadable) -> Bool {
        do {
            guard let chunk = try reader.next() else {
                encoder.finish(into: &output)
                return false
            }
            encoder.encode(chunk.span, into: &output)
            return true
        } catch {
            throw Unreadable(reason: "\(error)")
        }
    }
}
