// A message as it is to be sent, small ones in memory and large ones read while they are sent.

import Bytes
import Glibc
package import LMTP
package import System

/// The header and body of a message, with LF or CRLF line ends.
package struct MessageContent: Sendable {
    /// What comes first: a header with its blank line, or a whole message.
    package let head: [UInt8]
    /// Where the rest is, and from which offset on; nil where there is no more.
    package let file: BodyFile?, offset: Int

    /// Bodies up to this size in bytes are held in memory.
    package static let memoryLimit = 128 << 10
    static let chunkSize = 64 << 10

    /// A message in memory.
    package init(_ bytes: [UInt8]) {
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
    package init(head: [UInt8], file: BodyFile, offset: Int) throws(FileError) {
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
    package var estimatedLength: UInt64 {
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
            if byte == ASCII.lineFeed, previous != ASCII.carriageReturn { count &+= 1 }
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
    package func readAll(limit: Int) throws(FileError) -> [UInt8] {
        guard let file else { return head }
        guard head.count + file.size - offset <= limit else {
            throw FileError(operation: "read", path: file.path, reason: "larger than \(limit) bytes")
        }
        return head + (try file.read(at: offset, count: file.size - offset))
    }
}

/// Reads a message chunk by chunk.
package struct MessageReader: Sendable {
    private let content: MessageContent
    private var didHead = false
    private var position: Int

    /// A reader at the beginning.
    package init(_ content: MessageContent) {
        self.content = content
        position = content.offset
    }

    /// The next bytes; nil at the end.
    ///
    /// - Throws: `FileError` also where the file has become shorter than it was.
    package mutating func next() throws(FileError) -> [UInt8]? {
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

// One message on its way to one destination.

/// What became of a message at its destination, or of those of its recipients that one transaction took.
package struct DeliveryOutcome: Sendable {
    /// What was said, for each recipient of a transaction.
    package let report: TransactionReport
    /// Whether the server has taken on the reports that the sender asked for (RFC 3461).
    package let isNotifiedByServer: Bool
    /// The places of the report's recipients among those of the message as it was submitted; nil where they are all.
    private let places: [Int]?
    /// The recipients of the report whose outcome follows, as the server takes no more at a time.
    private let left: [Int]

    init(report: TransactionReport, isNotifiedByServer: Bool, places: [Int]? = nil, left: [Int] = []) {
        self.report = report
        self.isNotifiedByServer = isNotifiedByServer
        self.places = places
        self.left = left
    }

    /// Whether no other outcome of the message follows.
    package var isLast: Bool { left.isEmpty }

    /// The recipients whose outcome this is: their places in the report, and among those of the message as submitted.
    package var settled: [(inReport: Int, recipient: Int)] {
        var left = left[...]
        return report.recipients.indices.compactMap { index in
            if left.first == index {
                left.removeFirst()
                return nil
            }
            return (index, places?[index] ?? index)
        }
    }
}

/// A message with its recipients at one destination.
///
/// A class because it is handed on from queue to queue, and a reference is all that need move; it is immutable.
package final class OutgoingMessage: Sendable {
    /// The envelope.
    package let envelope: Envelope
    /// The message.
    package let content: MessageContent
    /// Called on the connections' thread, once, or more than once where the server does not take all recipients
    /// together, until an outcome is the last: it must not block.
    package let completion: @Sendable (DeliveryOutcome) -> Void
    /// How many connections were lost before they answered anything about it.
    let attempts: Int
    /// The places of the recipients among those of the message as it was submitted; nil where they are all.
    private let places: [Int]?

    /// A message to be delivered.
    package convenience init(
        envelope: Envelope, content: MessageContent, completion: @escaping @Sendable (DeliveryOutcome) -> Void
    ) {
        self.init(envelope, content, attempts: 0, places: nil, completion)
    }

    private init(
        _ envelope: Envelope, _ content: MessageContent, attempts: Int, places: [Int]?,
        _ completion: @escaping @Sendable (DeliveryOutcome) -> Void
    ) {
        self.envelope = envelope
        self.content = content
        self.attempts = attempts
        self.places = places
        self.completion = completion
    }

    /// The same message after one more connection was lost.
    func afterLostConnection() -> OutgoingMessage {
        OutgoingMessage(envelope, content, attempts: attempts + 1, places: places, completion)
    }

    /// Tells of a transaction's end.
    ///
    /// - Returns: the same message for the recipients that go in another transaction at once; nil where there are none.
    func complete(_ report: TransactionReport, isNotifiedByServer: Bool) -> OutgoingMessage? {
        let left = report.recipientsLeft
        completion(
            DeliveryOutcome(report: report, isNotifiedByServer: isNotifiedByServer, places: places, left: left))
        guard !left.isEmpty else { return nil }
        var rest = envelope
        rest.recipients = left.map { envelope.recipients[$0] }
        return OutgoingMessage(rest, content, attempts: 0, places: left.map { places?[$0] ?? $0 }, completion)
    }
}
