// A control file to be written: the message and its groups of recipients, in the order ZMailer's router writes them.

import Bytes
package import MailSyntax

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

        /// A recipient.
        package init(
            address: ControlAddress, notification: [UInt8]? = nil, returnMode: [UInt8]? = nil,
            envelopeIdentifier: [UInt8]? = nil, originalRecipient: OriginalRecipient? = nil
        ) {
            self.address = address
            self.notification = notification
            self.returnMode = returnMode
            self.envelopeIdentifier = envelopeIdentifier
            self.originalRecipient = originalRecipient
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
    fileprivate mutating func add(_ kind: ControlLine.Kind, _ text: [UInt8]) throws(ControlFileError) {
        guard !text.contains(where: { $0 == 0x0A || $0 == 0 }) else { throw .unrepresentable(kind) }
        append(ControlLine(kind, text: text))
    }

    fileprivate mutating func add(_ recipient: ControlFileDraft.Recipient) throws(ControlFileError) {
        let columns = ControlRecipient.processColumns + ControlRecipient.delayColumns
        try add(.recipient, [UInt8](repeating: 0x20, count: columns) + recipient.address.bytes)
        if let notification = recipient.notification { try add(.notification, notification) }
        if let returnMode = recipient.returnMode { try add(.returnMode, returnMode) }
        if let identifier = recipient.envelopeIdentifier { try add(.envelopeIdentifier, identifier) }
        // Not a parameter in the N line: the sender gave none, and recipients without a `todsn` have no such line.
        if let original = recipient.originalRecipient { try add(.originalRecipient, original.parameter) }
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
