// Writes one message to the wire, as much at a time as the connection takes.

import LMTP

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
