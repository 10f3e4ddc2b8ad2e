// A submitted message, read up to its body (ZMailer: a file in POSTOFFICE/router).

import Bytes
package import System

/// The envelope and header of a submitted message, and where its body begins.
package struct Submission: Sendable, Hashable {
    /// The envelope lines.
    package let envelope: SubmissionEnvelope
    /// The header fields in the order given.
    package let fields: [HeaderField]
    /// The file's bytes up to the body; the ranges of `fields` are positions in it.
    package let head: [UInt8]
    /// Where the header begins, in bytes from the file's beginning.
    package let headerOffset: Int
    /// Whether the header has NUL bytes, which no header may have (RFC 5322, 2.2) and no control file can hold: they are
    /// left out of the fields.
    package let hasNul: Bool
    /// Where the body begins, in bytes from the file's beginning, after the blank line.
    package var bodyOffset: Int { head.count }

    init(envelope: SubmissionEnvelope, fields: [HeaderField], head: [UInt8], headerOffset: Int) {
        self.envelope = envelope
        self.fields = fields
        self.head = head
        self.headerOffset = headerOffset
        hasNul = head[headerOffset...].contains(0)
    }

    /// A field's name as submitted, without NUL.
    package func name(of field: HeaderField) -> ArraySlice<UInt8> { withoutNul(field.nameRange) }

    /// A field's value as submitted, folds included, without NUL and the last line end.
    package func value(of field: HeaderField) -> ArraySlice<UInt8> { withoutNul(field.valueRange) }

    /// The whole field as submitted, with its line ends and without NUL.
    package func bytes(of field: HeaderField) -> ArraySlice<UInt8> { withoutNul(field.range) }

    private func withoutNul(_ range: Range<Int>) -> ArraySlice<UInt8> {
        hasNul ? head[range].filter { $0 != 0 }[...] : head[range]
    }

    /// The fields of a name, in any case of letters (RFC 5322, 1.2.2), in the order given.
    package func fields(named name: String) -> [HeaderField] {
        fields.filter { has($0, name: name) }
    }

    /// The first field of a name, in any case of letters.
    package func first(named name: String) -> HeaderField? {
        fields.first { has($0, name: name) }
    }

    /// Whether a field has a name, in any case of letters.
    package func has(_ field: HeaderField, name: String) -> Bool {
        let wanted = name.utf8
        let present = self.name(of: field)
        return wanted.count == present.count
            && zip(present, wanted).allSatisfy { ASCII.lowercase($0) == ASCII.lowercase($1) }
    }

    /// The fields that name the recipients of a message whose envelope has none: To, Cc and Bcc in the order given.
    ///
    /// Where the message was sent anew, those of its last resending instead (RFC 5322, 3.6.6): Resent-To, Resent-Cc and
    /// Resent-Bcc of the topmost block of Resent- fields, which ends where a field's name comes a second time.
    package var recipientFields: [HeaderField] {
        let resent = topResentBlock
        let names = resent.isEmpty ? ["to", "cc", "bcc"] : ["resent-to", "resent-cc", "resent-bcc"]
        return (resent.isEmpty ? fields : resent).filter { field in names.contains { has(field, name: $0) } }
    }

    /// The field that names the sender of a message whose envelope has none: Sender, else From, or their Resent- forms
    /// where the message was sent anew.
    package var senderField: HeaderField? {
        let resent = topResentBlock
        let candidates = resent.isEmpty ? fields : resent
        for name in resent.isEmpty ? ["sender", "from"] : ["resent-sender", "resent-from"] {
            if let field = candidates.first(where: { has($0, name: name) }) { return field }
        }
        return nil
    }

    private var topResentBlock: [HeaderField] {
        var block: [HeaderField] = []
        var names: Set<[UInt8]> = []
        for field in fields where field.nameRange.count > 7 {
            let name = name(of: field).map(ASCII.lowercase)
            guard name.starts(with: "resent-".utf8) else { continue }
            guard names.insert(name).inserted else { break }
            block.append(field)
        }
        return block
    }
}

// The envelope of a submitted message: the lines before its header, as ZMailer's programs write them into router/.

/// What the lines before the header say.
///
/// All values are the bytes of the line after its keyword, without the blanks around them.
package struct SubmissionEnvelope: Sendable, Hashable {
    /// Whether the message came from outside (`external`).
    package var isExternal = false
    /// Whether it reports an error (`channel error` or `errormsg`): routing then asks for its own default keys.
    package var isErrorMessage = false
    /// Who it was received from (`rcvdfrom`).
    package var receivedFrom: [UInt8]?
    /// The type of the body, such as `8BITMIME` (`bodytype`).
    package var bodyType: [UInt8]?
    /// The protocol it came by (`with`).
    package var with: [UInt8]?
    /// The transport it came by (`via`).
    package var via: [UInt8]?
    /// What identification said of the client (`identinfo`, `authinfo`).
    package var identityInformation: [UInt8]?
    /// The sender's name, for a header without From (`fullname`).
    package var fullName: [UInt8]?
    /// The envelope identifier (`envid`; RFC 3461, 4.4), in xtext as given.
    package var envelopeIdentifier: [UInt8]?
    /// `FULL` or `HDRS` (`notaryret`; RFC 3461, 4.3).
    package var returnMode: [UInt8]?
    /// The sender as the envelope has it; nil where it has none.
    package var sender: Sender?
    /// The recipients in the order given.
    package var recipients: [Recipient] = []
    /// Lines that ZMailer knows and routing has no use for (`comment`, `loginname`, `user`, `verbose`,
    /// `channel` with another value than `error`), whole.
    package var others: [[UInt8]] = []

    /// The sender of an envelope.
    package enum Sender: Sendable, Hashable {
        /// The null sender: `channel error`, `errormsg` alone, or `from <>` (RFC 5321, 4.5.5).
        case null
        /// An address as it stands, without angle brackets; not examined.
        case address([UInt8])
    }

    /// One recipient of an envelope.
    package struct Recipient: Sendable, Hashable {
        /// The address as it stands, without angle brackets; not examined.
        package var address: [UInt8]
        /// The parameters of the `todsn` line before it, such as `NOTIFY=NEVER ORCPT=rfc822;a@b`.
        package var notification: [UInt8]?

        /// A recipient.
        package init(address: [UInt8], notification: [UInt8]? = nil) {
            self.address = address
            self.notification = notification
        }
    }

    /// An empty envelope.
    package init() {}
}

// Why a file in router/ is no message: what goes beside it into postman/ for a person to read.

/// A submitted file that cannot be a message, with the number of the line at fault.
package enum SubmissionError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The envelope has a line that is none of the known ones; the text is its beginning, made printable.
    case unknownEnvelopeLine(line: Int, text: String)
    /// The envelope has an indented line, which can continue nothing there.
    case continuationInEnvelope(line: Int)
    /// An envelope line lacks the value it is for.
    case missingValue(line: Int, keyword: String)
    /// Neither the envelope nor the header names a sender.
    case noSender
    /// Neither the envelope nor the header names a recipient.
    case noRecipient
    /// Envelope and header are larger than the limit, in bytes.
    case headTooLarge(limit: Int)
    /// The file is empty.
    case empty

    /// The cause and the remedy, in one line.
    package var description: String {
        switch self {
        case .unknownEnvelopeLine(let line, let text):
            "line \(line): unknown envelope line '\(text)'; correct it, or end the envelope with env-end before the header"
        case .continuationInEnvelope(let line):
            "line \(line): indented line in the envelope; envelope lines are not folded"
        case .missingValue(let line, let keyword):
            "line \(line): '\(keyword)' without a value"
        case .noSender:
            "no sender: add 'from <address>', or 'channel error' for the null sender"
        case .noRecipient:
            "no recipient: add 'to <address>', or a To, Cc or Bcc field"
        case .headTooLarge(let limit):
            "envelope and header are larger than \(limit) bytes"
        case .empty:
            "the file is empty"
        }
    }
}

/// Why a submission could not be read: a failure of the system, which passes, or of the file, which does not.
package enum SubmissionReadError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The file could not be read: try again later.
    case file(FileError)
    /// The file is no message: it goes to postman/.
    case content(SubmissionError)

    /// The reason in one line.
    package var description: String {
        switch self {
        case .file(let error): error.description
        case .content(let error): error.description
        }
    }
}

// One field of a message's header (RFC 5322, 2.2), kept as the bytes that were submitted.

/// A header field: where it stands in the bytes it was read from.
///
/// It holds no bytes itself, so that ten thousand of them cost nothing; `Submission` gives the bytes.
package struct HeaderField: Sendable, Hashable {
    /// The whole field with its line ends, folded lines included.
    package let range: Range<Int>
    /// The field's name, without the colon and without blanks before it.
    package let nameRange: Range<Int>
    /// What follows the colon, up to and without the last line end; folds are still in it.
    package let valueRange: Range<Int>
}

/// Header values as bytes.
package enum HeaderValue {
    /// The value on one line: line ends go, and the blanks that follow them stay (RFC 5322, 2.2.3).
    ///
    /// Blanks at both ends go too. A carriage return that ends no line stays.
    package static func unfolded(_ value: some Collection<UInt8>) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(value.count)
        for byte in value {
            if byte == 0x0A {
                if bytes.last == 0x0D { bytes.removeLast() }
            } else {
                bytes.append(byte)
            }
        }
        return Array(trimmed(bytes[...]))
    }

    /// The bytes without the blanks at both ends.
    static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var rest = bytes
        while let first = rest.first, ASCII.isBlank(first) { rest.removeFirst() }
        while let last = rest.last, ASCII.isBlank(last) || last == 0x0D { rest.removeLast() }
        return rest
    }
}

// A message's body, read through the descriptor that the spool has open.

/// An open body.
package struct MessageBody: Sendable {
    let file: OpenFile
    let identity: FileIdentity

    /// The path in `queue`; a body that was just routed was opened under another name.
    package let path: String
    /// The size of the whole file in bytes when it was opened.
    package var size: Int { Int(clamping: identity.size) }
    /// When the message arrived, in seconds since 1970: when its file was last written to.
    package var arrival: Int { Int(identity.modified / 1_000_000_000) }

    /// Reads up to `count` bytes at an offset; fewer only at the end of the file.
    package func read(at offset: Int, count: Int) throws(FileError) -> [UInt8] {
        do throws(FileError) {
            return try file.read(at: offset, count: count)
        } catch {
            throw FileError(operation: error.operation, path: path, code: error.code)
        }
    }
}
