// How one field of a sender or recipient line is quoted (ZMailer: the router's printing and the agents' scanning of
// `channel host user privilege`).

import MailAddress

/// The quoting of the fields of sender and recipient lines.
///
/// ZMailer writes a field as it stands unless its agents would end it early; a text in quotes may therefore be one that
/// had to be quoted or one that has quotes of its own, and the agents hand it on with its quotes either way. Fields are
/// kept as they stand in the file for that reason.
public enum ControlField {
    /// A text as the file has it: `-` for the empty one, in quotes where an unquoted blank or an open quote is in it.
    public static func quoted(_ text: [UInt8]) -> [UInt8] {
        guard !text.isEmpty else { return [UInt8(ascii: "-")] }
        guard end(of: text[...]) != text.endIndex else { return text }
        var bytes = [UInt8(ascii: "\"")]
        for byte in text {
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { bytes.append(UInt8(ascii: "\\")) }
            bytes.append(byte)
        }
        bytes.append(UInt8(ascii: "\""))
        return bytes
    }

    /// The text of a field that was put in quotes as a whole, without them; any other field as it stands.
    ///
    /// For texts meant for people, such as that of an `error` route.
    public static func unquoted(_ field: [UInt8]) -> [UInt8] {
        let quote = UInt8(ascii: "\"")
        guard field.count >= 2, field.first == quote, field.last == quote else { return field }
        var text: [UInt8] = []
        var isEscaped = false
        for byte in field[1..<(field.count - 1)] {
            if !isEscaped, byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else {
                text.append(byte)
                isEscaped = false
            }
        }
        return text
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
