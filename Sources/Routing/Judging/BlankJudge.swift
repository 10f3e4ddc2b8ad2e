// Judges what stands at the end of a value: everything up to the end of the line belongs to it.

import Bytes
import Configuration
import Maps

/// The looks at blanks and comments behind a value.
enum BlankJudge {
    /// The comment behind a value, or the blanks.
    ///
    /// - Parameter what: what they would become part of, for the message.
    static func trailing(_ value: [UInt8], of what: String) -> EntryFault? {
        if let start = remark(in: value) {
            let text = String(decoding: value[start...], as: UTF8.self)
            return EntryFault(
                .remarkInValue,
                "'\(text)' is no comment, and would become part of \(what); write it on a line of its own before the entry"
            )
        }
        guard value.last.map(ASCII.isBlank) ?? false else { return nil }
        return EntryFault(.trailingBlank, "the blanks at the end would become part of \(what); remove them")
    }

    /// Where a comment begins: `#` at the start of a word, outside quotes.
    static func remark(in value: [UInt8]) -> Int? {
        var isQuoted = false
        var afterBlank = true
        var index = 0
        while index < value.count {
            let byte = value[index]
            if afterBlank, !isQuoted, byte == UInt8(ascii: "#") { return index }
            afterBlank = ASCII.isBlank(byte)
            if byte == UInt8(ascii: "\"") { isQuoted.toggle() }
            index += byte == UInt8(ascii: "\\") ? 2 : 1
        }
        return nil
    }
}
