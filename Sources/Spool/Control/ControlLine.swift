// One line of a control file, and for an `m` line the header block that follows it.

import Bytes
import MailSyntax

/// A line of a control file: a letter, mostly a tag, and text.
package struct ControlLine: Sendable, Hashable {
    /// What the line is for: its first byte.
    package struct Kind: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
        /// The byte.
        package let rawValue: UInt8

        /// The kind a byte stands for, known or not.
        package init(rawValue: UInt8) {
            self.rawValue = rawValue
        }

        private init(_ letter: Unicode.Scalar) {
            rawValue = UInt8(ascii: letter)
        }

        /// The version of the format (`@`).
        package static let format = Kind("@")
        /// The name of the body's file in queue/ (`i`).
        package static let name = Kind("i")
        /// Where the body begins in its file, in bytes (`o`).
        package static let bodyOffset = Kind("o")
        /// The message identifier, for logs (`l`).
        package static let logIdentity = Kind("l")
        /// A file that the sender wants progress written to (`v`).
        package static let verbose = Kind("v")
        /// Where failures are reported to (`e`).
        package static let errorAddress = Kind("e")
        /// The sender of the recipients that follow (`s`).
        package static let sender = Kind("s")
        /// A recipient (`r`).
        package static let recipient = Kind("r")
        /// A recipient of which one of several is used (`X`).
        package static let alternative = Kind("X")
        /// The delivery status notification parameters of the recipient before (`N`).
        package static let notification = Kind("N")
        /// FULL or HDRS, for the recipient before (`R`).
        package static let returnMode = Kind("R")
        /// The envelope identifier, for the recipient before (`n`).
        package static let envelopeIdentifier = Kind("n")
        /// The header for the recipients before (`m`).
        package static let header = Kind("m")
        /// What became of a recipient (`d`).
        package static let diagnostic = Kind("d")
        /// A message this one replaces (`x`).
        package static let obsoletes = Kind("x")
        /// Another file with the body (`b`).
        package static let bodyFile = Kind("b")
        /// A host whose mail is wanted now (`T`).
        package static let wakeUp = Kind("T")
        /// The structure of the MIME body (`M`).
        package static let mimeStructure = Kind("M")
        /// The message whose held recipients these are, and the offsets of their lines there (`h`): this spool's own;
        /// ZMailer's programs pass over letters they do not know.
        package static let origin = Kind("h")
        /// The address that the recipient before was submitted with, in the form of the ORCPT parameter (`O`): this
        /// spool's own, like `h`.
        ///
        /// Further ones have other addresses that lead to the same mailbox.
        package static let originalRecipient = Kind("O")

        /// The offset of the line of a recipient that may have been taken over although it was routed (`g`): this spool's own,
        /// like `h`.
        package static let givenOver = Kind("g")

        private static let known: Set<UInt8> = Set("@iolvesrXNRnmdxbTMhOg".utf8)

        /// Whether the letter is one of those above.
        package var isKnown: Bool { Self.known.contains(rawValue) }

        /// The letter, or its number where it is not printable.
        package var description: String {
            rawValue > 0x20 && rawValue < 0x7F ? String(Unicode.Scalar(rawValue)) : "byte \(rawValue)"
        }
    }

    /// What the line is for.
    package let kind: Kind
    /// The second byte; nil where the line is its letter alone.
    package internal(set) var tag: UInt8?
    /// What follows the tag, without the line end; for an `m` line, the header block without its blank line.
    package internal(set) var text: [UInt8]

    /// A line.
    package init(_ kind: Kind, tag: UInt8? = RecipientTag.pending.rawValue, text: [UInt8]) {
        self.kind = kind
        self.tag = tag
        self.text = text
    }

    /// The line's length in the file, in bytes.
    var length: Int { 1 + (tag == nil ? 0 : 1) + text.count + (kind == .header ? 2 : 1) }

    /// Appends the line as the file has it.
    func write(to bytes: inout [UInt8]) {
        bytes.append(kind.rawValue)
        if let tag { bytes.append(tag) }
        if kind == .header { bytes.append(0x0A) }
        bytes.append(contentsOf: text)
        bytes.append(0x0A)
    }
}

// How one field of a sender or recipient line is quoted (ZMailer: the router's printing and the agents' scanning of
// `channel host user privilege`).

/// The quoting of the fields of sender and recipient lines.
///
/// ZMailer writes a field as it stands unless its agents would end it early; a text in quotes may therefore be one that
/// had to be quoted or one that has quotes of its own, and the agents hand it on with its quotes either way. Fields are
/// kept as they stand in the file for that reason.
package enum ControlField {
    /// A text as the file has it: `-` for the empty one, in quotes where an unquoted blank or an open quote is in it.
    package static func quoted(_ text: [UInt8]) -> [UInt8] {
        guard !text.isEmpty else { return [UInt8(ascii: "-")] }
        guard end(of: text[...]) != text.endIndex else { return text }
        return QuotedString.quoted(text)
    }

    /// The text of a field that was put in quotes as a whole, without them; any other field as it stands.
    ///
    /// For texts meant for people, such as that of an `error` route.
    package static func unquoted(_ field: [UInt8]) -> [UInt8] {
        let quote = UInt8(ascii: "\"")
        guard field.count >= 2, field.first == quote, field.last == quote else { return field }
        return QuotedString.unquoted(field[...])
    }

    /// Where the field ends that begins a line's rest: before an unquoted blank; nil where a quote does not close.
    static func end(of rest: ArraySlice<UInt8>) -> Int? {
        var isQuoted = false
        var index = rest.startIndex
        while index < rest.endIndex {
            let byte = rest[index]
            if byte == UInt8(ascii: "\\") {
                // A backslash at the very end escapes nothing: ZMailer's scanner then stops on it.
                if index + 1 == rest.endIndex { break }
                index += 1
            } else if byte == UInt8(ascii: "\"") {
                isQuoted.toggle()
            } else if !isQuoted, ASCII.isBlank(byte) {
                return index
            }
            index += 1
        }
        return isQuoted ? nil : rest.endIndex
    }
}

// What a sender or recipient line says: a route and the privilege it is used with (ZMailer: the quad).

/// The fields `channel host user privilege` of a sender or recipient line, as they stand in the file.
package struct ControlAddress: Sendable, Hashable {
    /// How the message travels, such as `smtp-lmtp`, `error`, `hold`.
    package let channel: [UInt8]
    /// Where to; `-` where there is no host.
    package let host: [UInt8]
    /// Whom for, at the host.
    package let user: [UInt8]
    /// The number of the user whose rights it is delivered with.
    package let privilege: [UInt8]

    /// The fields for texts: each is quoted where it must be.
    package init(channel: [UInt8], host: [UInt8], user: [UInt8], privilege: Int) {
        self.channel = ControlField.quoted(channel)
        self.host = ControlField.quoted(host)
        self.user = ControlField.quoted(user)
        self.privilege = Array("\(privilege)".utf8)
    }

    /// The fields of a line's rest, or nil where there are not four.
    ///
    /// Fields are separated by blanks; what follows the third belongs to the fourth whole.
    init?(parsing rest: ArraySlice<UInt8>) {
        var rest = rest
        var fields: [[UInt8]] = []
        while fields.count < 3 {
            guard let end = ControlField.end(of: rest), end > rest.startIndex, end < rest.endIndex else { return nil }
            fields.append(Array(rest[..<end]))
            rest = rest[end...].drop(while: ASCII.isBlank)
        }
        guard !rest.isEmpty else { return nil }
        channel = fields[0]
        host = fields[1]
        user = fields[2]
        privilege = Array(rest)
    }

    /// The fields as a line has them, one blank between two.
    var bytes: [UInt8] {
        Array([channel, host, user, privilege].joined(separator: CollectionOfOne(UInt8(ascii: " "))))
    }

    /// Whether the channel is the one named, in the same case.
    package func isChannel(_ name: String) -> Bool { channel.elementsEqual(name.utf8) }
}

// The columns of a recipient line: process number, delay, for an X line the set, then the route.

/// A recipient line taken apart.
struct RecipientColumns {
    let process: Int32?
    let alternativeSet: Int?
    let address: ControlAddress

    /// The columns of an `r` or `X` line; nil where they are not all there.
    init?(_ line: ControlLine) {
        let fixed = ControlRecipient.processColumns + ControlRecipient.delayColumns
        guard line.tag != nil, line.text.count > fixed else { return nil }
        var rest = line.text[fixed...]
        if line.kind == .alternative {
            let digits = rest.prefix(while: ASCII.isDigit)
            guard let set = Decimal.value(digits) else { return nil }
            alternativeSet = set
            rest = rest[digits.endIndex...].drop(while: ASCII.isBlank)
        } else {
            alternativeSet = nil
        }
        guard let address = ControlAddress(parsing: rest) else { return nil }
        self.address = address
        process = Self.process(line.text[..<ControlRecipient.processColumns])
    }

    /// The process number in its columns: digits after blanks.
    static func process(_ columns: ArraySlice<UInt8>) -> Int32? {
        Decimal.value(columns.drop(while: ASCII.isBlank)).flatMap { Int32(exactly: $0) }
    }

    /// The columns for a process number, right-aligned as ZMailer's agents write them.
    ///
    /// A number of more than six digits has no place there. 1 is written then, the number of a process that is always
    /// alive, so that ZMailer's agents never take the lock of a living process for a dead one's.
    static func columns(process: Int32) -> [UInt8] {
        let digits = process > 999_999 ? "1" : "\(process)"
        let blanks = ControlRecipient.processColumns - digits.utf8.count
        return [UInt8](repeating: 0x20, count: max(blanks, 0)) + Array(digits.utf8)
    }
}

// The one byte that says how far a recipient is; it is rewritten in place (ZMailer: the second column of r lines).

/// The state of a recipient line, or of a diagnostic that was reported.
package enum RecipientTag: UInt8, Sendable, Hashable, CaseIterable {
    /// To do (a blank).
    case pending = 0x20
    /// Being worked on, by the process whose number follows (`~`).
    case locked = 0x7E
    /// Delivered, or handed on (`+`).
    case done = 0x2B
    /// Failed for good (`-`).
    case failed = 0x2D
}
