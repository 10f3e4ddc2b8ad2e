// Characters of a configuration file that nobody sees, and that would become part of a word, or hide what stands behind them:
// a no-break space, a zero width space, a control character, the line end of another system.

import Bytes

/// A character that has no place in a line of a configuration file.
public struct UnseenCharacter: Sendable {
    /// Its place in the line, in characters from 1.
    public let column: Int
    /// What it is.
    private let name: String
    /// What to do about it.
    private let remedy: String

    private static let toRemove = "nobody sees it; remove it"

    /// The first such character of a line without its newline; nil where there is none.
    ///
    /// In a comment everything may stand but what ends lines elsewhere: it would make comments of further lines.
    public init?(in line: some Collection<UInt8>) {
        let bytes = Array(line)
        let span = bytes.span
        var column = 1
        var place = 0
        var isComment = false
        var isWordStart = true
        while place < bytes.count {
            let byte = bytes[place]
            if byte == UInt8(ascii: "#"), isWordStart { isComment = true }
            if let found = Self.find(in: span, at: place), found.endsLines || !isComment {
                self.column = column
                (name, remedy) = (found.name, found.remedy)
                return
            }
            isWordStart = ASCII.isBlank(byte)
            place += max(WellFormedUTF8.sequenceLength(span, at: place), 1)
            column += 1
        }
        return nil
    }

    /// The character's place, what it is, and what to do, as the beginning of a message in one line.
    public var explanation: String { "column \(column) has \(name): \(remedy)" }

    /// The finding about a file that has it.
    func finding(file: String, line: Int) -> Finding {
        Finding(.invisibleCharacter, .error, file: file, line: line, text: explanation)
    }

    /// What a place has that nobody sees.
    private static func find(
        in line: Span<UInt8>, at place: Int
    ) -> (name: String, remedy: String, endsLines: Bool)? {
        let byte = line[place]
        switch byte {
        case 0x0D where place < line.count - 1:
            return ("a carriage return inside the line", "it is no line end here; convert the file to LF", true)
        // Form feeds divide pages of scripts, and are blanks where they stand in scheduler.conf.
        case 0x09, 0x0B, 0x0C, 0x0D: return nil
        case 0x00..<0x20, 0x7F:
            return ("a control character (0x\(byte < 16 ? "0" : "")\(String(byte, radix: 16)))", toRemove, false)
        case 0x20..<0x7F: return nil
        default: break
        }
        if let character = InvisibleCharacter(at: place, in: line) {
            let remedy =
                character.endsLines
                ? "it is no line end here; write a newline in its place"
                : character.isBlank ? "it is no blank here; write a plain one in its place, or remove it" : toRemove
            return (character.description, remedy, character.endsLines)
        }
        // The same characters in ISO 8859-1, of one byte.
        guard WellFormedUTF8.sequenceLength(line, at: place) == 0, byte == 0xA0 || byte == 0xAD || byte == 0x85 else {
            return nil
        }
        let name = byte == 0xA0 ? "a no-break space" : byte == 0xAD ? "a soft hyphen" : "a next line character"
        return ("\(name) of ISO 8859-1 (0x\(String(byte, radix: 16)))", toRemove, byte == 0x85)
    }
}

extension Finding.Name {
    /// A character that looks like a blank, or like nothing, and would be part of a word, a key or a value.
    public static let invisibleCharacter = Finding.Name("invisible-character")
}
