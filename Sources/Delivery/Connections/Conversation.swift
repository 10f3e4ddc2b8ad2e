// What is said over one connection, without the connection: a session, and the messages that are on their way in it.

import LMTP
import NIOCore

/// A session together with its messages, which it writes where the session asks for them.
///
/// A value in one variable of its handler, so that the handler has to look at it a few times a message only.
struct Conversation {
    /// What the handler has to do; what is to be sent is collected for `takeOutput` meanwhile.
    enum Step {
        /// Tell that a message has its outcome, and whether the server reports to the sender (RFC 3461).
        case finished(OutgoingMessage, TransactionReport, isNotifiedByServer: Bool)
        /// Send what is there: there is more of the message, for when the connection takes it.
        case sendBlock
        /// Begin a TLS handshake, after sending what is there.
        case startTLS
        /// Close the connection, after sending what is there.
        case close(ClientFailure?)
    }

    var session: ClientSession
    /// A few at most: they are searched.
    private var messages: [(id: TransactionID, message: OutgoingMessage)] = []
    /// The message that is being written, where it was too long to be written at once.
    private var body: BodyWriter?
    /// Whether there is more to be written of a message that was begun.
    var isWritingMessage: Bool { body != nil }
    /// The size in bytes of the message that was begun last.
    private(set) var bodySize = 0
    private var output: [UInt8] = []
    /// Its storage is used again as soon as the connection has taken what was in it.
    private var wire = ByteBuffer()

    init(options: ClientOptions) {
        session = ClientSession(options: options)
    }

    /// Whether the session ends without having been asked to.
    func isFailing(isQuitting: Bool) -> Bool {
        session.isClosed || (!isQuitting && session.isEnding)
    }

    mutating func take(_ message: OutgoingMessage) {
        messages.append((session.enqueue(message.envelope), message))
    }

    /// What is to be done next; nil when an event is awaited.
    ///
    /// - Parameter writesMessage: whether more of a message that was begun may be written now.
    mutating func next(writesMessage: @autoclosure () -> Bool) -> Step? {
        while true {
            switch session.nextAction(sendingInto: &output) {
            case .finished(let report):
                guard let message = removeMessage(report.id) else { continue }
                let isNotified = session.capabilities.extensions.contains(.deliveryStatusNotifications)
                return .finished(message, report, isNotifiedByServer: isNotified)
            case .sendBody(let id, let transfer):
                if beginBody(id, transfer) { return .sendBlock }
            case .startTLS: return .startTLS
            case .close(let failure):
                body = nil
                return .close(failure)
            case .send(let bytes): output += bytes
            // Messages are not passed on here while they come.
            case .relayed, .relayEnded: continue
            case nil:
                // A server that has begun to speak before the end answers something else.
                guard isWritingMessage, !session.isWithinReply, writesMessage(), let writer = body.take() else {
                    return nil
                }
                if write(writer) { return .sendBlock }
            }
        }
    }

    /// What becomes of what is to be sent.
    enum Output {
        case nothing
        /// It is all sent.
        case sent
        /// This is left for the channel to send.
        case left(ByteBuffer)
    }

    /// Takes what is to be sent.
    ///
    /// - Parameter socket: where to send it; nil to leave all of it for the channel.
    mutating func takeOutput(sendingTo socket: DirectSocket?) -> Output {
        guard !output.isEmpty else { return .nothing }
        let sent = socket?.send(output.span) ?? 0
        let isSent = sent == output.count
        if !isSent { Self.fill(&wire, with: output[sent...]) }
        output.removeAll(keepingCapacity: true)
        return isSent ? .sent : .left(wire)
    }

    private static func fill(_ buffer: inout ByteBuffer, with bytes: ArraySlice<UInt8>) {
        buffer.clear()
        // They are borrowed for the call alone; every byte of an array of bytes is initialised.
        unsafe buffer.writeBytes(bytes.span.bytes)
    }

    private mutating func removeMessage(_ id: TransactionID) -> OutgoingMessage? {
        for place in messages.indices where messages[place].id == id {
            let last = messages.removeLast()
            guard place < messages.count else { return last.message }
            let message = messages[place].message
            messages[place] = last
            return message
        }
        return nil
    }

    // MARK: Messages

    /// Writes a message; true where there is more of it.
    private mutating func beginBody(_ id: TransactionID, _ transfer: BodyTransfer) -> Bool {
        guard let message = messages.first(where: { $0.id == id })?.message else { return false }
        bodySize = message.content.size
        do throws(BodyWriter.Unreadable) {
            return write(try BodyWriter(message.content, transfer: transfer))
        } catch {
            session.bodyFailed(error.reason)
            return false
        }
    }

    private mutating func write(_ writer: consuming BodyWriter) -> Bool {
        do throws(BodyWriter.Unreadable) {
            while try writer.write(into: &output) {
                guard output.count >= MessageContent.chunkSize else { continue }
                body = writer
                return true
            }
            session.bodyWritten(octets: writer.octetCount)
        } catch {
            session.bodyFailed(error.reason)
        }
        return false
    }
}
