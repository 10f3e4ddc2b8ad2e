// Text for pictures and pages: what is no text, or nobody would see, or would turn the text around it, is written out; and the
// quoting of XML, HTML and DOT. Names and values of maps are anybody's: nothing of them may end the place where they stand.

import Bytes

/// Bytes as people may see them.
enum VisibleText {
    /// Bytes as text: what is no UTF-8 as `\xNN`, and characters that are not seen, or turn the text around, as `\u{NNNN}`.
    ///
    /// - Parameter limit: so many characters are shown, of longer text the beginning and the end.
    static func of(_ bytes: some Collection<UInt8>, limit: Int = 300) -> String {
        let bytes = Array(bytes)
        var text = ""
        var position = 0
        while position < bytes.count {
            let length = WellFormedUTF8.sequenceLength(bytes.span, at: position)
            if length == 0 {
                text += "\\x" + (bytes[position] < 16 ? "0" : "") + String(bytes[position], radix: 16)
                position += 1
                continue
            }
            let character = String(decoding: bytes[position..<(position + length)], as: UTF8.self)
            for scalar in character.unicodeScalars {
                if isSeen(scalar) {
                    text.unicodeScalars.append(scalar)
                } else {
                    text += "\\u{\(String(scalar.value, radix: 16))}"
                }
            }
            position += length
        }
        return shortened(text, limit)
    }

    /// The beginning and the end of a text that is too long.
    static func shortened(_ text: String, _ limit: Int) -> String {
        let count = text.unicodeScalars.count
        guard count > limit else { return text }
        let tail = (limit - 1) / 3
        return String(text.unicodeScalars.prefix(limit - 1 - tail)) + "…" + String(text.unicodeScalars.suffix(tail))
    }

    private static func isSeen(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII { return scalar.value >= 0x20 && scalar.value < 0x7F }
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: return false
        // Other blanks than that of ASCII look like it.
        case .spaceSeparator: return false
        // A mark would stand on what is before it, which may be no letter of the same text.
        case .nonspacingMark, .enclosingMark, .spacingMark: return scalar.value < 0x1AB0
        default: return true
        }
    }
}

/// Text in the forms of the pictures.
enum Quoted {
    /// Text of XML and HTML, between tags and in attributes.
    static func xml(_ text: String) -> String {
        var quoted = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": quoted += "&amp;"
            case "<": quoted += "&lt;"
            case ">": quoted += "&gt;"
            case "\"": quoted += "&quot;"
            case "'": quoted += "&#39;"
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted
    }

    /// A string of DOT in its quotes, in which Graphviz undoes entities of HTML.
    static func dot(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case "&": quoted += "&amp;"
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }

    /// JSON within an element `script`: nothing in it ends the element or begins a comment.
    static func script(_ json: [UInt8]) -> [UInt8] {
        var quoted: [UInt8] = []
        quoted.reserveCapacity(json.count)
        for byte in json {
            switch byte {
            case UInt8(ascii: "<"): quoted += "\\u003c".utf8
            case UInt8(ascii: ">"): quoted += "\\u003e".utf8
            case UInt8(ascii: "&"): quoted += "\\u0026".utf8
            default: quoted.append(byte)
            }
        }
        return quoted
    }
}
