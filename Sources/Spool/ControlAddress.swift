// What a sender or recipient line says: a route and the privilege it is used with (ZMailer: the quad).

import MailAddress

/// The fields `channel host user privilege` of a sender or recipient line, as they stand in the file.
public struct ControlAddress: Sendable, Hashable {
    /// How the message travels, such as `smtp-lmtp`, `error`, `hold`.
    public let channel: [UInt8]
    /// Where to; `-` where there is no host.
    public let host: [UInt8]
    /// Whom for, at the host.
    public let user: [UInt8]
    /// The number of the user whose rights it is delivered with.
    public let privilege: [UInt8]

    /// The fields for texts: each is quoted where it must be.
    public init(channel: [UInt8], host: [UInt8], user: [UInt8], privilege: Int) {
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
    public func isChannel(_ name: String) -> Bool { channel.elementsEqual(name.utf8) }
}
