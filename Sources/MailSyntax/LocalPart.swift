// The local part of an address in the form in which every mailer reads it the same: atoms and dots, or one quoted string.

public import Bytes

/// Local parts of addresses that are written for others (RFC 5321 4.1.2, Local-part).
public enum LocalPart {
    private static let atext = ByteSet(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-/=?^_`{|}~")

    /// Appends a local part, in quotes where it is neither a dot-atom nor a quoted string already.
    ///
    /// - Returns: false where it can be no local part, and nothing was appended: it is empty, or has a control character or what
    ///   is no UTF-8.
    public static func append(_ name: Span<UInt8>, to output: inout TextArena) -> Bool {
        if isDotAtom(name) || isQuotedString(name) {
            output.append(name)
            return true
        }
        guard !name.isEmpty, isText(name) else { return false }
        output.append(QuotedString.quoted([UInt8](copying: name)))
        return true
    }

    /// Whether two local parts name the same mailbox: what they stand for without quotes is the same, byte for byte.
    public static func areSame(_ first: Span<UInt8>, _ second: Span<UInt8>) -> Bool {
        first.isEqual(to: second) || meaning(of: first) == meaning(of: second)
    }

    /// An address whose local part stands in quotes that it does not need, without them: it is the same mailbox (RFC 5321
    /// 4.1.2).
    ///
    /// - Returns: nil where the address has no quotes, or needs them.
    public static func withoutNeedlessQuotes(_ address: Span<UInt8>) -> [UInt8]? {
        guard !address.isEmpty, address[0] == UInt8(ascii: "\"") else { return nil }
        var at = address.count - 1
        while at > 0, address[at] != UInt8(ascii: "@") { at -= 1 }
        guard at > 0, isQuotedString(address.extracting(..<at)) else { return nil }
        let name = meaning(of: address.extracting(..<at))
        return isDotAtom(name.span) ? name + [UInt8](copying: address.extracting(at...)) : nil
    }

    /// Whether a local part is written as an atom with dots, and they stand where RFC 5321 has none: at its beginning, at its end, or
    /// two together.
    public static func hasMisplacedDot(_ name: Span<UInt8>) -> Bool {
        var (isAfterDot, isMisplaced) = (true, false)
        for place in name.indices {
            let isDot = name[place] == UInt8(ascii: ".")
            if isDot, isAfterDot { isMisplaced = true }
            isAfterDot = isDot
        }
        guard isMisplaced || isAfterDot, !name.isEmpty else { return false }
        for place in name.indices where name[place] < 0x80 && name[place] != UInt8(ascii: ".") {
            if !atext.contains(name[place]) { return false }
        }
        return true
    }

    /// Whether a text is an address whose local part is a quoted string, and no other text that happens to have blanks.
    public static func isQuotedAddress(_ text: Span<UInt8>) -> Bool {
        var at = text.count - 1
        while at > 0, text[at] != UInt8(ascii: "@"), text[at] != ASCII.space { at -= 1 }
        guard at > 0, at + 1 < text.count, text[at] == UInt8(ascii: "@") else { return false }
        return isQuotedString(text.extracting(..<at))
    }

    private static func meaning(of name: Span<UInt8>) -> [UInt8] {
        let bytes = [UInt8](copying: name)
        return isQuotedString(name) ? QuotedString.unquoted(bytes[...]) : bytes
    }

    private static func isDotAtom(_ name: Span<UInt8>) -> Bool {
        var isAfterDot = true
        var place = 0
        while place < name.count {
            let byte = name[place]
            if byte == UInt8(ascii: ".") {
                if isAfterDot { return false }
                isAfterDot = true
                place += 1
            } else if byte < 0x80 {
                guard atext.contains(byte) else { return false }
                isAfterDot = false
                place += 1
            } else {
                let length = WellFormedUTF8.sequenceLength(name, at: place)
                guard length > 0 else { return false }
                isAfterDot = false
                place += length
            }
        }
        return !isAfterDot
    }

    /// Whether a text is one whole quoted string.
    private static func isQuotedString(_ name: Span<UInt8>) -> Bool {
        guard name.count >= 2, name[0] == UInt8(ascii: "\""), isText(name) else { return false }
        var place = 1
        while place < name.count {
            switch name[place] {
            case UInt8(ascii: "\""): return place == name.count - 1
            case UInt8(ascii: "\\"): place += 2
            default: place += 1
            }
        }
        return false
    }

    /// Whether a text is UTF-8 without control characters.
    private static func isText(_ name: Span<UInt8>) -> Bool {
        for place in name.indices where ASCII.isControl(name[place]) { return false }
        return WellFormedUTF8.isValid(name)
    }
}
