// The file name of a message: one name in transport/ (control file) and queue/ (body), as ZMailer has it.

/// A plain file name: printable ASCII without blank or `/`, not beginning with a dot, of at most 200 bytes.
///
/// Names that begin with a dot belong to files still being written. ZMailer names a message by the inode number of its
/// file, which is unique for as long as the file exists; so does this spool.
public struct MessageName: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The name as text.
    public let description: String

    /// The name, or nil where the text is no plain name.
    public init?(_ text: String) {
        let bytes = text.utf8
        guard let first = bytes.first, first != UInt8(ascii: "."), bytes.count <= 200,
            bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "/") })
        else { return nil }
        description = text
    }

    /// The name that file names as bytes stand for, or nil where they are no plain name.
    public init?(bytes: [UInt8]) {
        guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
        self.init(text)
    }

    /// The n-th name for a file by its inode: the number itself, then the number with `.1`, `.2`.
    ///
    /// The further names serve where the first belongs to another file, as in a spool restored from a backup.
    init(inode: UInt64, attempt: Int) {
        description = attempt == 0 ? "\(inode)" : "\(inode).\(attempt)"
    }

    /// The name of the message that takes recipients over from this one: this name, `-h`, and the offset of the first
    /// of them in this message's control file.
    ///
    /// A recipient line is taken over once, so the name is as unique as this one, and whoever knows the recipient
    /// knows the name.
    ///
    /// - Returns: nil where the name would be too long.
    public func takingOver(recipientAt offset: Int) -> MessageName? {
        MessageName("\(description)-h\(offset)")
    }

    /// The name of the message that this one took recipients over from; nil for a name of another form.
    public var origin: MessageName? {
        let digits = description.utf8.reversed().prefix { $0 &- 0x30 < 10 }.count
        let rest = description.dropLast(digits)
        return digits > 0 && rest.hasSuffix("-h") ? MessageName(String(rest.dropLast(2))) : nil
    }

    /// Alphabetical order.
    public static func < (left: MessageName, right: MessageName) -> Bool { left.description < right.description }
}
