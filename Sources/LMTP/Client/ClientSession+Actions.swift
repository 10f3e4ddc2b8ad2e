// What a session asks of its driver, and the bytes that it sends, in the order in which they are to leave.

import Bytes

extension ClientSession {
    /// What is to be done next; nil when an event is awaited.
    public mutating func nextAction() -> ClientAction? {
        if actions.isEmpty, !output.isEmpty { actions.append(.send(takeOutput())) }
        let action = actions.popFirst()
        if case .send = action { sentCount += 1 }
        return action
    }

    /// What is to be done next, but for sending: whatever is to be sent before it is appended to a buffer.
    ///
    /// A driver that joins what it sends is spared an action and its bytes for each piece.
    public mutating func nextAction(sendingInto buffer: inout [UInt8]) -> ClientAction? {
        while let action = actions.popFirst() {
            guard case .send(let bytes) = action else { return action }
            buffer.append(bytes.span)
            sentCount += 1
        }
        if !output.isEmpty {
            buffer.append(output.span)
            output.removeAll(keepingCapacity: true)
            packedCount += 1
            sentCount += 1
        }
        return nil
    }

    /// The lines of the dialogue since the last call, if `ClientOptions.recordsTranscript` is set.
    public mutating func takeTranscript() -> [TranscriptLine] {
        defer { transcript = [] }
        return transcript
    }

    // MARK: Sending

    private mutating func takeOutput() -> [UInt8] {
        var taken: [UInt8] = []
        swap(&taken, &output)
        packedCount += 1
        return taken
    }

    /// Makes the transaction whose envelope was sent along the current one.
    mutating func promoteSuccessor() {
        current = successor.take()
        duePiece = successorPiece
    }

    /// Puts an action after all bytes to be sent before it.
    mutating func act(_ action: consuming ClientAction) {
        if !output.isEmpty { actions.append(.send(takeOutput())) }
        actions.append(action)
    }

    /// Sends one line.
    ///
    /// - Parameter redacted: what a transcript shows in its place; nil where it may show the line itself.
    mutating func send(_ line: [UInt8], redacted: String? = nil) {
        output.append(contentsOf: line)
        output.append("\r\n")
        duePiece = packedCount + 1
        guard options.recordsTranscript else { return }
        transcript.append(TranscriptLine(speaker: .client, bytes: redacted.map { Array($0.utf8) } ?? line))
    }

    /// Sends the line that ends the data.
    mutating func sendEndOfData() {
        let start = output.count
        output.append(".\r\n")
        noteOutput(from: start)
    }

    /// Notes that the commands in the output from there on have been written, the next reply due being theirs.
    ///
    /// - Parameter isAhead: the reply is due only after those of the current transaction.
    mutating func noteOutput(from start: Int, isAhead: Bool = false) {
        if isAhead { successorPiece = packedCount + 1 } else { duePiece = packedCount + 1 }
        guard options.recordsTranscript else { return }
        for line in output[start...].split(separator: ASCII.lineFeed) {
            transcript.append(TranscriptLine(speaker: .client, bytes: Array(line.dropLast())))
        }
    }

    mutating func record(_ reply: Reply) {
        transcript.append(contentsOf: reply.lines.map { TranscriptLine(speaker: .server, bytes: Array($0)) })
    }

    /// Drops what has not been handed out to be sent: the connection is about to be closed.
    mutating func discardUnsent() {
        output = []
        actions.keep { action in
            switch action {
            case .finished, .close: true
            case .send, .sendBody, .startTLS: false
            }
        }
    }
}
