// ZMailer's transport control file: who gets a message, from whom, with which header (POSTOFFICE/transport).

import Bytes
package import MailSyntax

/// A control file as its lines.
///
/// The lines are the truth, so that writing a file that was read gives the same bytes; what they mean is worked out
/// from them. Lines of unknown letters are kept: ZMailer's programs pass over them as well, and refusing the file would
/// strand every recipient in it for the sake of a line none of them needs.
package struct ControlFile: Sendable, Hashable {
    /// The value of the format line: process columns, delay columns, and MIME structure are understood.
    package static let format = Array("0x00000007".utf8)

    /// The lines in order.
    package private(set) var lines: [ControlLine]
    /// Where each line begins, in bytes from the file's beginning.
    package private(set) var offsets: [Int]
    /// The size of the lines in bytes: the file's, where nothing is unfinished.
    package private(set) var size: Int
    /// A diagnostic, or a line `g`, without line end at the file's end, left by an agent that died while it wrote it; mostly empty.
    package private(set) var unfinished: [UInt8]

    /// A file of these lines.
    package init(lines: [ControlLine]) {
        self.lines = []
        offsets = []
        size = 0
        unfinished = []
        for line in lines { append(line) }
    }

    /// Adds a line at the end; an unfinished one is ended first.
    package mutating func append(_ line: ControlLine) {
        if !unfinished.isEmpty {
            let torn = ControlLine(
                .init(rawValue: unfinished[0]), tag: unfinished.dropFirst().first, text: Array(unfinished.dropFirst(2)))
            unfinished = []
            append(torn)
        }
        offsets.append(size)
        size += line.length
        lines.append(line)
    }

    /// Parses a control file.
    ///
    /// - Throws: `ControlFileError` where the bytes are cut off or a line is not of its kind's form.
    package init(parsing bytes: [UInt8]) throws(ControlFileError) {
        self.init(lines: [])
        var position = 0
        while position < bytes.count {
            guard let end = bytes[position...].firstIndex(of: 0x0A) else {
                let appended = [ControlLine.Kind.diagnostic, .givenOver].map(\.rawValue)
                guard appended.contains(bytes[position]) else {
                    throw .truncated(offset: position)
                }
                unfinished = Array(bytes[position...])
                break
            }
            guard end > position else { throw .emptyLine(offset: position) }
            let kind = ControlLine.Kind(rawValue: bytes[position])
            let tag = end > position + 1 ? bytes[position + 1] : nil
            if kind == .header {
                guard let blockEnd = Self.headerEnd(bytes, from: end + 1), tag == nil else {
                    throw .truncated(offset: position)
                }
                append(ControlLine(kind, tag: nil, text: Array(bytes[(end + 1)..<blockEnd])))
                position = blockEnd + 1
            } else {
                append(ControlLine(kind, tag: tag, text: tag == nil ? [] : Array(bytes[(position + 2)..<end])))
                position = end + 1
            }
        }
        try validate()
    }

    /// Checks what every reader relies on: the version, the name, the body's offset, and the form of address lines.
    private func validate() throws(ControlFileError) {
        guard let format = first(.format), let flags = Decimal.hexadecimal(format), flags & 3 == 3, flags & ~7 == 0
        else { throw .unsupportedFormat }
        guard let name, !name.isEmpty else { throw .missing(.name) }
        guard bodyOffset != nil else { throw .missing(.bodyOffset) }
        for index in lines.indices {
            let line = lines[index]
            let isGood =
                switch line.kind {
                case .sender: ControlAddress(parsing: line.text[...]) != nil
                case .recipient, .alternative: RecipientColumns(line) != nil
                default: true
                }
            guard isGood else { throw .malformedAddress(offset: offsets[index]) }
        }
    }

    /// The file's bytes.
    package func bytes() -> [UInt8] { bytes(fromLine: 0) }

    /// The file's bytes from the line on that is at a position in `lines`.
    func bytes(fromLine first: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(first == 0 ? size : 0)
        for line in lines[first...] { line.write(to: &bytes) }
        return bytes + unfinished
    }

    /// The name of the body's file in queue/.
    package var name: [UInt8]? { first(.name) }

    /// Where the body begins in its file.
    package var bodyOffset: Int? { first(.bodyOffset).flatMap(Decimal.value) }

    /// The message identifier, for logs.
    package var logIdentity: [UInt8]? { first(.logIdentity) }

    /// Where the lines of unknown letters are, as positions in `lines`.
    package var unknownLines: [Int] { lines.indices.filter { !lines[$0].kind.isKnown } }

    /// The message and lines whose recipients these are, in a file split off from another (`h`).
    package var origin: ControlOrigin? { first(.origin).flatMap { ControlOrigin(parsing: $0) } }

    /// Where the lines of recipients begin that may have been taken over although they were routed (`g`).
    package var givenOver: Set<Int> {
        Set(lines.lazy.filter { $0.kind == .givenOver }.compactMap { Decimal.value($0.text) })
    }

    /// The diagnostics in the order written, with where their lines begin; those of another form are left out.
    package var diagnostics: [(offset: Int, tag: UInt8?, diagnostic: Diagnostic)] {
        lines.indices.compactMap { index in
            guard lines[index].kind == .diagnostic, let diagnostic = Diagnostic(parsing: lines[index].text) else {
                return nil
            }
            return (offsets[index], lines[index].tag, diagnostic)
        }
    }

    /// Changes a line's tag, and the first bytes of its text where columns are given.
    mutating func setTag(_ tag: RecipientTag, columns: [UInt8] = [], at index: Int) {
        lines[index].tag = tag.rawValue
        lines[index].text.replaceSubrange(..<columns.count, with: columns)
    }

    /// The position in `lines` of the line that begins at an offset.
    func lineIndex(at offset: Int) -> Int? {
        var low = 0
        var high = offsets.count
        while low < high {
            let middle = (low + high) / 2
            if offsets[middle] < offset { low = middle + 1 } else { high = middle }
        }
        return low < offsets.count && offsets[low] == offset ? low : nil
    }

    func first(_ kind: ControlLine.Kind) -> [UInt8]? { lines.first { $0.kind == kind }?.text }

    private static func headerEnd(_ bytes: [UInt8], from start: Int) -> Int? {
        var position = start
        while position < bytes.count {
            if bytes[position] == 0x0A { return position }
            guard let end = bytes[position...].firstIndex(of: 0x0A) else { return nil }
            position = end + 1
        }
        return nil
    }
}

// Why bytes are no control file, or why a message cannot be written as one.

/// A control file that cannot be read or written.
package enum ControlFileError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The last line has no line end, or the last header block no blank line: the file was cut.
    case truncated(offset: Int)
    /// An empty line stands where a line of the file should.
    case emptyLine(offset: Int)
    /// A recipient or sender line lacks columns or one of its four fields.
    case malformedAddress(offset: Int)
    /// The format line is missing, or asks for more than process columns, delay columns and MIME structure.
    case unsupportedFormat
    /// The file has no line of a kind it needs, or one without a usable value.
    case missing(ControlLine.Kind)
    /// Something to be written holds a line end or a NUL, which the format has no way to say.
    case unrepresentable(ControlLine.Kind)

    /// The cause, in one line.
    package var description: String {
        switch self {
        case .truncated(let offset): "cut off in the line at byte \(offset)"
        case .emptyLine(let offset): "empty line at byte \(offset)"
        case .malformedAddress(let offset):
            "the line at byte \(offset) has not the four fields channel, host, user, privilege"
        case .unsupportedFormat: "the format is not 0x00000007"
        case .missing(let kind): "no usable '\(kind)' line"
        case .unrepresentable(let kind): "a '\(kind)' line cannot hold a line end or a NUL"
        }
    }
}

// A control file to be written: the message and its groups of recipients, in the order ZMailer's router writes them.

/// A message with its routed recipients, before it is written.
package struct ControlFileDraft: Sendable, Hashable {
    /// Recipients that share sender and header.
    package struct Group: Sendable, Hashable {
        /// Where failures are reported to; nil for the null sender.
        package var errorAddress: [UInt8]?
        /// The sender.
        package var sender: ControlAddress
        /// The recipients in the order given.
        package var recipients: [Recipient]
        /// The header fields as they are to be sent, line ends included; lines may end in CRLF, which becomes LF.
        package var header: [UInt8]

        /// A group.
        package init(errorAddress: [UInt8]?, sender: ControlAddress, recipients: [Recipient], header: [UInt8]) {
            self.errorAddress = errorAddress
            self.sender = sender
            self.recipients = recipients
            self.header = header
        }
    }

    /// One recipient with the parameters of its notifications (RFC 3461).
    package struct Recipient: Sendable, Hashable {
        /// Where the message goes.
        package var address: ControlAddress
        /// Such as `NOTIFY=NEVER ORCPT=rfc822;a@b`; nil where none was given.
        package var notification: [UInt8]?
        /// FULL or HDRS.
        package var returnMode: [UInt8]?
        /// The envelope identifier.
        package var envelopeIdentifier: [UInt8]?
        /// The address that the message was submitted with for this recipient; nil where it is not known.
        package var originalRecipient: OriginalRecipient?
        /// Other addresses that it was submitted with and that lead to the same mailbox.
        package var otherRecipients: [OriginalRecipient]
        /// Whether the mailbox has its copy by another control file of the message: this one only remembers it.
        package var isServed: Bool

        /// A recipient.
        package init(
            address: ControlAddress, notification: [UInt8]? = nil, returnMode: [UInt8]? = nil,
            envelopeIdentifier: [UInt8]? = nil, originalRecipient: OriginalRecipient? = nil,
            otherRecipients: [OriginalRecipient] = [], isServed: Bool = false
        ) {
            self.address = address
            self.notification = notification
            self.returnMode = returnMode
            self.envelopeIdentifier = envelopeIdentifier
            self.originalRecipient = originalRecipient
            self.otherRecipients = otherRecipients
            self.isServed = isServed
        }
    }

    /// Where the body begins in its file, in bytes.
    package var bodyOffset: Int
    /// The message identifier, for logs; nil where there is none, and the message's name has to do.
    package var logIdentity: [UInt8]?
    /// The error address as it was submitted, such as `<a@b>`; nil for the null sender.
    package var errorAddress: [UInt8]?
    /// The groups.
    package var groups: [Group]

    /// A message.
    package init(bodyOffset: Int, logIdentity: [UInt8]?, errorAddress: [UInt8]?, groups: [Group]) {
        self.bodyOffset = bodyOffset
        self.logIdentity = logIdentity
        self.errorAddress = errorAddress
        self.groups = groups
    }

    /// The control file of the message under its name in the spool.
    ///
    /// - Parameter origin: the message its recipients were taken over from, if any.
    /// - Throws: `ControlFileError.unrepresentable` where a value holds a line end or a NUL, or a header an empty line.
    package func file(name: MessageName, origin: ControlOrigin? = nil) throws(ControlFileError) -> ControlFile {
        var file = ControlFile(lines: [])
        try file.add(.format, ControlFile.format)
        try file.add(.name, Array(name.description.utf8))
        try file.add(.bodyOffset, Array("\(bodyOffset)".utf8))
        // ZMailer's scheduler throws a file without this line away.
        try file.add(.logIdentity, Self.isBlank(logIdentity) ? Array("<\(name)>".utf8) : logIdentity ?? [])
        if let origin { try file.add(.origin, origin.text) }
        if let errorAddress { try file.add(.errorAddress, errorAddress) }
        for group in groups {
            if let address = group.errorAddress { try file.add(.errorAddress, address) }
            try file.add(.sender, group.sender.bytes)
            for recipient in group.recipients { try file.add(recipient) }
            try file.add(header: group.header)
        }
        return file
    }

    private static func isBlank(_ text: [UInt8]?) -> Bool { text?.allSatisfy(ASCII.isBlank) ?? true }
}

extension ControlFile {
    fileprivate mutating func add(
        _ kind: ControlLine.Kind, tag: RecipientTag = .pending, _ text: [UInt8]
    ) throws(ControlFileError) {
        guard !text.contains(where: { $0 == 0x0A || $0 == 0 }) else { throw .unrepresentable(kind) }
        append(ControlLine(kind, tag: tag.rawValue, text: text))
    }

    fileprivate mutating func add(_ recipient: ControlFileDraft.Recipient) throws(ControlFileError) {
        let columns = ControlRecipient.processColumns + ControlRecipient.delayColumns
        try add(
            .recipient, tag: recipient.isServed ? .done : .pending,
            [UInt8](repeating: 0x20, count: columns) + recipient.address.bytes)
        if let notification = recipient.notification { try add(.notification, notification) }
        if let returnMode = recipient.returnMode { try add(.returnMode, returnMode) }
        if let identifier = recipient.envelopeIdentifier { try add(.envelopeIdentifier, identifier) }
        // Not a parameter in the N line: the sender gave none, and recipients without a `todsn` have no such line.
        for original in [recipient.originalRecipient].compactMap(\.self) + recipient.otherRecipients {
            try add(.originalRecipient, original.parameter)
        }
    }

    /// Adds a header block: LF line ends, the last line ended, no line empty, since an empty one ends the block.
    fileprivate mutating func add(header: [UInt8]) throws(ControlFileError) {
        var block: [UInt8] = []
        block.reserveCapacity(header.count + 1)
        for byte in header {
            if byte == 0x0A, block.last == 0x0D { block.removeLast() }
            if byte == 0 || (byte == 0x0A && (block.last ?? 0x0A) == 0x0A) { throw .unrepresentable(.header) }
            block.append(byte)
        }
        if let last = block.last, last != 0x0A { block.append(0x0A) }
        append(ControlLine(.header, tag: nil, text: block))
    }
}
