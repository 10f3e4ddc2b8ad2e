// A message on its way from a program into the spool, piece by piece.
//
// What is done to it: CRLF becomes LF; the line `From sender date` of mailbox files goes; a blank line comes before a message
// that has no header; the last line is ended. All else stays byte for byte, and what a header lacks is added when it is routed.
// The header is held until it is whole, as its fields may name the recipients, whose lines come before it. Then the file is
// made, so that of a message that cannot be taken there never was one.

import Bytes
package import Spool
package import System

/// Why a message was not submitted; nothing of it is in the spool.
package enum SubmissionFailure: Error, Sendable, CustomStringConvertible {
    /// The spool could not be written to.
    case file(FileError)
    /// Neither the command nor the header names a recipient.
    case noRecipient
    /// An address, or the message, is none; with the reason and the remedy.
    case unusable(String)

    /// The reason in one line.
    package var description: String {
        switch self {
        case .file(let error): error.description
        case .noRecipient: "no recipient: name one behind the options, or with -t in a To, Cc or Bcc field"
        case .unusable(let reason): reason
        }
    }
}

/// Takes a message and submits it.
package struct MessageIntake: ~Copyable {
    /// Makes the lines before a header.
    package typealias Envelope = (_ header: [UInt8]) throws(SubmissionFailure) -> SubmissionHead

    /// The largest header, in bytes: what routing reads, with room for the envelope.
    private static let headerLimit = 15 << 20
    /// What stands for the envelope where the header alone is looked at.
    private static let noEnvelope = Array("channel error\nto <->\nenv-end\n".utf8)

    private let drop: MailDrop
    private let sizeLimit: Int
    private let envelope: Envelope
    private var conversion = LineFeedConversion()
    private var dot: LoneDot?
    private var size = 0
    /// What came of the message before its header was whole.
    private var head: [UInt8] = []
    /// With so many bytes it is looked at again.
    private var wanted = 16 << 10
    private var writer: SubmissionWriter?
    private var isWriting = false
    private var lastByte = ASCII.lineFeed

    /// Begins to take a message.
    ///
    /// - Parameters:
    ///   - sizeLimit: the largest message, in bytes as they come.
    ///   - endsAtDot: whether a line of a dot alone is the end.
    ///   - envelope: is asked once, when the header is whole.
    package init(into drop: MailDrop, sizeLimit: Int, endsAtDot: Bool = false, envelope: @escaping Envelope) {
        self.drop = drop
        self.sizeLimit = sizeLimit
        self.envelope = envelope
        dot = endsAtDot ? LoneDot() : nil
    }

    /// Whether the message has ended by itself.
    package var isAtEnd: Bool { dot?.isFound ?? false }

    /// Takes the next bytes.
    package mutating func take(_ bytes: [UInt8]) throws(SubmissionFailure) {
        size += bytes.count
        guard size <= sizeLimit else {
            throw .unusable("the message is larger than \(sizeLimit) bytes; send less at once")
        }
        try takeConverted(conversion.convert(bytes))
    }

    /// Submits the message at its end; it is durable when this returns.
    ///
    /// - Returns: its name.
    package consuming func finish() throws(SubmissionFailure) -> MessageName {
        try takeConverted(conversion.finish())
        if !isWriting { try begin(isWhole: true) }
        guard var submission = writer.take() else {
            throw .file(FileError(operation: "submit", path: drop.path, reason: "nothing of it was written"))
        }
        do throws(FileError) {
            if lastByte != ASCII.lineFeed { try submission.write([ASCII.lineFeed]) }
            return try submission.finish()
        } catch {
            throw .file(error)
        }
    }

    private mutating func takeConverted(_ bytes: [UInt8]) throws(SubmissionFailure) {
        let bytes = dot?.pass(bytes) ?? bytes
        guard !isWriting else { return try write(bytes) }
        head += bytes
        if head.count >= wanted { try begin(isWhole: false) }
    }

    private mutating func write(_ bytes: [UInt8]) throws(SubmissionFailure) {
        guard let last = bytes.last, var submission = writer.take() else { return }
        lastByte = last
        do throws(FileError) {
            try submission.write(bytes)
        } catch {
            throw .file(error)
        }
        writer = consume submission
    }

    /// Begins to write, if the header is whole.
    private mutating func begin(isWhole: Bool) throws(SubmissionFailure) {
        dropMailboxLine()
        guard let length = try headerLength(isWhole: isWhole) else {
            guard head.count < Self.headerLimit else {
                throw .unusable("the header is larger than \(Self.headerLimit) bytes; end it with an empty line")
            }
            // Fourfold, as each look begins anew.
            wanted = min(wanted * 4, Self.headerLimit)
            return
        }
        let lines = try envelope(Array(head[..<length]))
        do throws(FileError) {
            writer = try drop.newSubmission()
        } catch {
            throw .file(error)
        }
        isWriting = true
        let message = exchange(&head, with: [])
        try write(lines.bytes + (length == 0 ? [ASCII.lineFeed] : []) + message)
    }

    /// Takes away the first line of a message out of a mailbox file.
    private mutating func dropMailboxLine() {
        guard wanted == 16 << 10, head.starts(with: "From ".utf8) || head.starts(with: ">From ".utf8) else { return }
        let end = head.firstIndex(of: ASCII.lineFeed).map { $0 + 1 } ?? head.count
        head.removeFirst(end)
    }

    /// The length of the header with the blank line; nil where it is not all there.
    private func headerLength(isWhole: Bool) throws(SubmissionFailure) -> Int? {
        do throws(SubmissionError) {
            let read = try SubmissionParser.parse(Self.noEnvelope + head, isWhole: isWhole)
            return read.map { $0.bodyOffset - Self.noEnvelope.count }
        } catch {
            throw .unusable("\(error)")
        }
    }
}
