// Cuts what a client sends into command lines and messages; what must wait for a decision is left.

import Bytes
import MailSyntax

extension ServerSession {
    /// Reads on as far as what is not decided allows.
    mutating func consume(_ bytes: borrowing Span<UInt8>, from position: inout Int) {
        if let command = heldCommand.take() { perform(command) }
        while true {
            switch state {
            case .command:
                guard heldCommand == nil, let command = nextCommand(bytes, &position) else { return }
                perform(command)
            case .data(let decoder):
                guard position < bytes.count else { return handOn() }
                readData(decoder, bytes, &position)
            case .chunk(let chunk):
                guard chunk.left == 0 || position < bytes.count else { return handOn() }
                readChunk(chunk, bytes, &position)
            case .finals:
                guard mayTakeNextEnvelope, heldCommand == nil, position < bytes.count else { return }
                takeNextEnvelope()
            case .connecting, .sender, .goAhead, .closed: return
            }
        }
    }

    /// Whether what follows a message that is not answered may be looked at.
    private var mayTakeNextEnvelope: Bool {
        options.takesNextEnvelope && ended == nil && transaction.map { $0.refusal == nil } ?? false
    }

    // MARK: Commands

    /// The next command; nil where its line is not all there.
    private mutating func nextCommand(_ bytes: borrowing Span<UInt8>, _ position: inout Int) -> ServerCommand? {
        while position < bytes.count {
            let end = bytes.index(of: ASCII.lineFeed, from: position)
            // One byte more than the limit, for the CR.
            let room = options.limits.lineLength + 1 - line.count
            if end - position > room {
                isLineTooLong = true
                line.removeAll(keepingCapacity: true)
            } else if !isLineTooLong {
                line.append(bytes.extracting(position..<end))
            }
            guard end < bytes.count else {
                position = end
                return nil
            }
            position = end + 1
            guard isLineTooLong || options.lineEnd == .lenient || line.last == ASCII.carriageReturn else {
                // A bare LF is part of the line, and makes it no command.
                line.append(ASCII.lineFeed)
                continue
            }
            return takeCommand()
        }
        return nil
    }

    private mutating func takeCommand() -> ServerCommand {
        defer {
            line.removeAll(keepingCapacity: true)
            isLineTooLong = false
        }
        commandCount &+= 1
        if line.last == ASCII.carriageReturn { line.removeLast() }
        guard !isLineTooLong, line.count <= options.limits.lineLength else {
            return .unknown("500 5.5.2 line too long")
        }
        return ServerCommand(line.span, extensions: options.extensions)
    }

    // MARK: Messages

    private mutating func readData(
        _ decoder: MessageDecoder, _ bytes: borrowing Span<UInt8>, _ position: inout Int
    ) {
        var decoder = decoder
        let start = message.count
        let isAtEnd = decoder.decode(bytes, from: &position, into: &message)
        account(for: message.count - start)
        state = .data(decoder)
        if isAtEnd { endMessage() }
    }

    private mutating func readChunk(_ chunk: Chunk, _ bytes: borrowing Span<UInt8>, _ position: inout Int) {
        var chunk = chunk
        let count = Int(min(chunk.left, UInt64(bytes.count - position)))
        let part = position..<(position + count)
        position += count
        chunk.left -= UInt64(count)
        if chunk.refusal == nil {
            message.append(bytes.extracting(part))
            account(for: count)
        }
        state = .chunk(chunk)
        if chunk.left == 0 { endChunk(chunk) }
    }

    /// Counts what was added to the message, and gives the message up where it passes its limit.
    private mutating func account(for count: Int) {
        guard let current = transaction else { return }
        let (sum, isOverflow) = current.octetCount.addingReportingOverflow(UInt64(count))
        let limit = options.limits.messageSize
        transaction?.octetCount = isOverflow ? .max : sum
        if current.isPassedOver {
            message.removeAll(keepingCapacity: true)
        } else if isOverflow || sum > limit {
            // What was handed on does not depend on the pieces in which it came.
            message.removeLast(min(message.count, Int(clamping: sum - limit)))
            handOn()
            giveUpMessage(Reply(local: 552, .init(5, 3, 4), "message too large"))
        }
    }

    /// Hands on what was read of a message.
    mutating func handOn() {
        guard !message.isEmpty else { return }
        actions.append(.message(message))
        message = []
    }
}
