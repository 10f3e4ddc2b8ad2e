// One line of a control file, and for an `m` line the header block that follows it.

/// A line of a control file: a letter, mostly a tag, and text.
public struct ControlLine: Sendable, Hashable {
    /// What the line is for: its first byte.
    public struct Kind: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
        /// The byte.
        public let rawValue: UInt8

        /// The kind a byte stands for, known or not.
        public init(rawValue: UInt8) {
            self.rawValue = rawValue
        }

        private init(_ letter: Unicode.Scalar) {
            rawValue = UInt8(ascii: letter)
        }

        /// The version of the format (`@`).
        public static let format = Kind("@")
        /// The name of the body's file in queue/ (`i`).
        public static let name = Kind("i")
        /// Where the body begins in its file, in bytes (`o`).
        public static let bodyOffset = Kind("o")
        /// The message identifier, for logs (`l`).
        public static let logIdentity = Kind("l")
        /// A file that the sender wants progress written to (`v`).
        public static let verbose = Kind("v")
        /// Where failures are reported to (`e`).
        public static let errorAddress = Kind("e")
        /// The sender of the recipients that follow (`s`).
        public static let sender = Kind("s")
        /// A recipient (`r`).
        public static let recipient = Kind("r")
        /// A recipient of which one of several is used (`X`).
        public static let alternative = Kind("X")
        /// The delivery status notification parameters of the recipient before (`N`).
        public static let notification = Kind("N")
        /// FULL or HDRS, for the recipient before (`R`).
        public static let returnMode = Kind("R")
        /// The envelope identifier, for the recipient before (`n`).
        public static let envelopeIdentifier = Kind("n")
        /// The header for the recipients before (`m`).
        public static let header = Kind("m")
        /// What became of a recipient (`d`).
        public static let diagnostic = Kind("d")
        /// A message this one replaces (`x`).
        public static let obsoletes = Kind("x")
        /// Another file with the body (`b`).
        public static let bodyFile = Kind("b")
        /// A host whose mail is wanted now (`T`).
        public static let wakeUp = Kind("T")
        /// The structure of the MIME body (`M`).
        public static let mimeStructure = Kind("M")
        /// The message whose held recipients these are, and the offsets of their lines there (`h`): this spool's own;
        /// ZMailer's programs pass over letters they do not know.
        public static let origin = Kind("h")
        /// The address that the recipient before was submitted with, in the form of the ORCPT parameter (`O`): this
        /// spool's own, like `h`.
        public static let originalRecipient = Kind("O")

        private static let known: Set<UInt8> = Set("@iolvesrXNRnmdxbTMhO".utf8)

        /// Whether the letter is one of those above.
        public var isKnown: Bool { Self.known.contains(rawValue) }

        /// The letter, or its number where it is not printable.
        public var description: String {
            rawValue > 0x20 && rawValue < 0x7F ? String(Unicode.Scalar(rawValue)) : "byte \(rawValue)"
        }
    }

    /// What the line is for.
    public let kind: Kind
    /// The second byte; nil where the line is its letter alone.
    public internal(set) var tag: UInt8?
    /// What follows the tag, without the line end; for an `m` line, the header block without its blank line.
    public internal(set) var text: [UInt8]

    /// A line.
    public init(_ kind: Kind, tag: UInt8? = RecipientTag.pending.rawValue, text: [UInt8]) {
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
