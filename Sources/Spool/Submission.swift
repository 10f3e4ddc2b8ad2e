// A submitted message, read up to its body (ZMailer: a file in POSTOFFICE/router).

import MailAddress

/// The envelope and header of a submitted message, and where its body begins.
public struct Submission: Sendable, Hashable {
    /// The envelope lines.
    public let envelope: SubmissionEnvelope
    /// The header fields in the order given.
    public let fields: [HeaderField]
    /// The file's bytes up to the body; the ranges of `fields` are positions in it.
    public let head: [UInt8]
    /// Where the header begins, in bytes from the file's beginning.
    public let headerOffset: Int
    /// Whether the header has NUL bytes, which no header may have (RFC 5322, 2.2) and no control file can hold: they are
    /// left out of the fields.
    public let hasNul: Bool
    /// Where the body begins, in bytes from the file's beginning, after the blank line.
    public var bodyOffset: Int { head.count }

    init(envelope: SubmissionEnvelope, fields: [HeaderField], head: [UInt8], headerOffset: Int) {
        self.envelope = envelope
        self.fields = fields
        self.head = head
        self.headerOffset = headerOffset
        hasNul = head[headerOffset...].contains(0)
    }

    /// A field's name as submitted, without NUL.
    public func name(of field: HeaderField) -> ArraySlice<UInt8> { withoutNul(field.nameRange) }

    /// A field's value as submitted, folds included, without NUL and the last line end.
    public func value(of field: HeaderField) -> ArraySlice<UInt8> { withoutNul(field.valueRange) }

    /// The whole field as submitted, with its line ends and without NUL.
    public func bytes(of field: HeaderField) -> ArraySlice<UInt8> { withoutNul(field.range) }

    private func withoutNul(_ range: Range<Int>) -> ArraySlice<UInt8> {
        hasNul ? head[range].filter { $0 != 0 }[...] : head[range]
    }

    /// The fields of a name, in any case of letters (RFC 5322, 1.2.2), in the order given.
    public func fields(named name: String) -> [HeaderField] {
        fields.filter { has($0, name: name) }
    }

    /// The first field of a name, in any case of letters.
    public func first(named name: String) -> HeaderField? {
        fields.first { has($0, name: name) }
    }

    /// Whether a field has a name, in any case of letters.
    public func has(_ field: HeaderField, name: String) -> Bool {
        let wanted = name.utf8
        let present = self.name(of: field)
        return wanted.count == present.count
            && zip(present, wanted).allSatisfy { ASCII.lowercase($0) == ASCII.lowercase($1) }
    }

    /// The fields that name the recipients of a message whose envelope has none: To, Cc and Bcc in the order given.
    ///
    /// Where the message was sent anew, those of its last resending instead (RFC 5322, 3.6.6): Resent-To, Resent-Cc and
    /// Resent-Bcc of the topmost block of Resent- fields, which ends where a field's name comes a second time.
    public var recipientFields: [HeaderField] {
        let resent = topResentBlock
        let names = resent.isEmpty ? ["to", "cc", "bcc"] : ["resent-to", "resent-cc", "resent-bcc"]
        return (resent.isEmpty ? fields : resent).filter { field in names.contains { has(field, name: $0) } }
    }

    /// The field that names the sender of a message whose envelope has none: Sender, else From, or their Resent- forms
    /// where the message was sent anew.
    public var senderField: HeaderField? {
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
