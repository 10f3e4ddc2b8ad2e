// A recipient of the sink, and the directory its mail goes to: never one outside the store, whatever the address holds.

/// A recipient address taken apart into user, folder and domain.
struct MailboxAddress: Sendable, Hashable {
    /// The address without brackets.
    let bytes: [UInt8]
    /// What stands before the last `@`, quotes taken off.
    let localPart: [UInt8]
    /// The local part before the first `+`.
    let user: [UInt8]
    /// What follows that `+`; nil where there is none, or nothing.
    let folder: [UInt8]?
    private let domain: [UInt8]?

    /// The longest name of a directory (NAME_MAX).
    private static let nameLimit = 255

    /// Takes an address apart; nil where it has no user.
    init?(_ bytes: [UInt8]) {
        self.bytes = bytes
        let at = bytes.lastIndex(of: UInt8(ascii: "@"))
        var local = Array(bytes[..<(at ?? bytes.endIndex)])
        domain = at.map { Array(bytes[($0 + 1)...]) }
        if local.count >= 2, local.first == UInt8(ascii: "\""), local.last == UInt8(ascii: "\"") {
            local = Self.unescaped(local[1..<(local.count - 1)])
        }
        localPart = local
        let plus = local.firstIndex(of: UInt8(ascii: "+")) ?? local.endIndex
        user = Array(local[..<plus])
        let rest = plus < local.endIndex ? Array(local[(plus + 1)...]) : []
        folder = rest.isEmpty ? nil : rest
        guard !user.isEmpty else { return nil }
    }

    private static func unescaped(_ quoted: ArraySlice<UInt8>) -> [UInt8] {
        var text: [UInt8] = []
        var isEscaped = false
        for byte in quoted {
            if !isEscaped, byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else {
                text.append(byte)
                isEscaped = false
            }
        }
        return text
    }

    /// The Maildir's path below the store: `user@domain`, and for a folder `user@domain/.lists.swift` (Maildir++).
    ///
    /// Nil where a name would be too long.
    var directory: String? {
        let mailbox = Self.name(user, keepsDots: true) + (domain.map { "@" + Self.name($0, keepsDots: true) } ?? "")
        guard mailbox.utf8.count <= Self.nameLimit else { return nil }
        guard let folder else { return mailbox }
        // A slash parts levels of folders, in the file's name a dot; a dot of the folder's own name is encoded.
        let levels = folder.split(separator: UInt8(ascii: "/")).map { Self.name(Array($0), keepsDots: false) }
        guard !levels.isEmpty else { return mailbox }
        let name = "." + levels.joined(separator: ".")
        return name.utf8.count <= Self.nameLimit ? "\(mailbox)/\(name)" : nil
    }

    /// A name in which only letters, digits and a few signs stand for themselves; all else is `%XX`.
    private static func name(_ bytes: [UInt8], keepsDots: Bool) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var name: [UInt8] = []
        for (index, byte) in bytes.enumerated() {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "="),
                UInt8(ascii: "+"):
                name.append(byte)
            case UInt8(ascii: ".") where keepsDots && index > 0: name.append(byte)
            default: name += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: name, as: UTF8.self)
    }
}
