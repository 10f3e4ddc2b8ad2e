// A message as it is to be sent, small ones in memory and large ones read while they are sent.

public import Files
import Glibc
import LMTP

/// The header and body of a message, with LF or CRLF line ends.
public struct MessageContent: Sendable {
    /// What comes first: a header with its blank line, or a whole message.
    public let head: [UInt8]
    /// Where the rest is, and from which offset on; nil where there is no more.
    public let file: BodyFile?, offset: Int

    /// Bodies up to this size in bytes are held in memory.
    public static let memoryLimit = 128 << 10
    static let chunkSize = 64 << 10

    /// A message in memory.
    public init(_ bytes: [UInt8]) {
        self.init(head: bytes, rest: nil, offset: 0)
    }

    private init(head: [UInt8], rest: BodyFile?, offset: Int) {
        self.head = head
        file = rest
        self.offset = offset
    }

    /// A header with its blank line, and the body that begins at an offset of a file.
    ///
    /// - Throws: `FileError` where a small body cannot be read.
    public init(head: [UInt8], file: BodyFile, offset: Int) throws(FileError) {
        guard offset <= file.size else {
            throw FileError(operation: "read", path: file.path, reason: "shorter than its control file says")
        }
        let count = file.size - offset
        if count <= Self.memoryLimit {
            let body = try file.read(at: offset, count: count)
            guard body.count == count else {
                throw FileError(operation: "read", path: file.path, reason: "it became shorter while it was read")
            }
            self.init(head + body)
        } else {
            self.init(head: head, rest: file, offset: offset)
        }
    }

    /// Its size in bytes as it is stored.
    var size: Int { head.count + (file.map { $0.size - offset } ?? 0) }

    /// About how many octets it has on the wire: line ends of what is in memory count as two.
    public var estimatedLength: UInt64 {
        let rest = file.map { $0.size - offset } ?? 0
        return UInt64(head.count + Self.bareLineFeeds(head) + rest)
    }

    /// How many octets it has on the wire, dot-stuffing not counted.
    func exactLength() throws(FileError) -> UInt64 {
        var encoder = MessageEncoder(framing: .chunk)
        var reader = MessageReader(self)
        var output: [UInt8] = []
        while let chunk = try reader.next() {
            output.removeAll(keepingCapacity: true)
            encoder.encode(chunk.span, into: &output)
        }
        encoder.finish(into: &output)
        return encoder.octetCount
    }

    private static func bareLineFeeds(_ bytes: [UInt8]) -> Int {
        var count = 0
        var previous: UInt8 = 0
        for byte in bytes {
            if byte == 0x0A, previous != 0x0D { count &+= 1 }
            previous = byte
        }
        return count
    }

    /// Whether any byte is above 0x7F.
    func hasHighBytes() throws(FileError) -> Bool {
        var reader = MessageReader(self)
        while let chunk = try reader.next() {
            if chunk.contains(where: { $0 >= 0x80 }) { return true }
        }
        return false
    }

    /// All of it.
    ///
    /// - Throws: `FileError` also where it is larger than the limit.
    public func readAll(limit: Int) throws(FileError) -> [UInt8] {
        guard let file else { return head }
        guard head.count + file.size - offset <= limit else {
            throw FileError(operation: "read", path: file.path, reason: "larger than \(limit) bytes")
        }
        return head + (try file.read(at: offset, count: file.size - offset))
    }
}

/// Reads a message chunk by chunk.
public struct MessageReader: Sendable {
    private let content: MessageContent
    private var didHead = false
    private var position: Int

    /// A reader at the beginning.
    public init(_ content: MessageContent) {
        self.content = content
        position = content.offset
    }

    /// The next bytes; nil at the end.
    ///
    /// - Throws: `FileError` also where the file has become shorter than it was.
    public mutating func next() throws(FileError) -> [UInt8]? {
        if !didHead {
            didHead = true
            if !content.head.isEmpty { return content.head }
        }
        guard let file = content.file, position < file.size else { return nil }
        let count = min(MessageContent.chunkSize, file.size - position)
        let chunk = try file.read(at: position, count: count)
        guard chunk.count == count else {
            throw FileError(operation: "read", path: file.path, reason: "it became shorter while it was read")
        }
        position += count
        return chunk
    }
}
