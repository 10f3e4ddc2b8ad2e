// Entries as text, byte-exact: what `db dump` writes and `db load` reads. A line is KEY TAB VALUE, both without the NUL
// that ends them in the database; where that NUL is missing, `\c` stands at the end instead.

import Bytes

/// The text form of entries.
package enum EntryText {
    /// Appends the line of an entry.
    ///
    /// - Parameters:
    ///   - key: the stored bytes, their NUL included.
    ///   - value: the stored bytes, their NUL included.
    package static func append(key: [UInt8], value: [UInt8], to output: inout [UInt8]) {
        append(key, to: &output)
        output.append(0x09)
        append(value, to: &output)
        output.append(0x0A)
    }

    /// Appends an entry as db5.3_dump writes it, between `header` and `footer`.
    package static func appendHexadecimal(key: [UInt8], value: [UInt8], to output: inout [UInt8]) {
        for bytes in [key, value] {
            output.append(0x20)
            for byte in bytes {
                output += [ASCII.hexadecimalDigit(byte >> 4) | 0x20, ASCII.hexadecimalDigit(byte & 15) | 0x20]
            }
            output.append(0x0A)
        }
    }

    /// What a dump in the format of db5.3_dump begins with.
    package static func header(type: String) -> String {
        "VERSION=3\nformat=bytevalue\ntype=\(type)\nHEADER=END\n"
    }

    /// What a dump in the format of db5.3_dump ends with.
    package static let footer = "DATA=END\n"

    private static func append(_ stored: [UInt8], to output: inout [UInt8]) {
        let hasNUL = stored.last == 0
        for byte in hasNUL ? stored.dropLast() : stored[...] {
            switch byte {
            case UInt8(ascii: "\\"): output += Array("\\\\".utf8)
            case 0x09: output += Array("\\t".utf8)
            case 0x0A: output += Array("\\n".utf8)
            case 0x0D: output += Array("\\r".utf8)
            case 0: output += Array("\\0".utf8)
            case ..<0x20, 0x7F:
                output += Array("\\x".utf8)
                output += [ASCII.hexadecimalDigit(byte >> 4) | 0x20, ASCII.hexadecimalDigit(byte & 15) | 0x20]
            default: output.append(byte)
            }
        }
        if !hasNUL { output += Array("\\c".utf8) }
    }

    /// Reads a line.
    ///
    /// - Parameter line: without its newline.
    /// - Throws: what is wrong with it.
    static func parse(_ line: ArraySlice<UInt8>) throws(EntryTextError) -> (key: [UInt8], value: [UInt8]) {
        guard let tab = line.firstIndex(of: 0x09) else {
            throw EntryTextError(reason: "no TAB between key and value", remedy: "write KEY TAB VALUE")
        }
        return (try unescape(line[..<tab]), try unescape(line[(tab + 1)...]))
    }

    private static func unescape(_ field: ArraySlice<UInt8>) throws(EntryTextError) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(field.count + 1)
        var rest = field
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\") else {
                guard byte != 0x09, byte != 0 else {
                    throw EntryTextError(reason: "a bare TAB or NUL in a value", remedy: "write \\t or \\0")
                }
                bytes.append(byte)
                continue
            }
            switch rest.popFirst() {
            case UInt8(ascii: "\\"): bytes.append(UInt8(ascii: "\\"))
            case UInt8(ascii: "t"): bytes.append(0x09)
            case UInt8(ascii: "n"): bytes.append(0x0A)
            case UInt8(ascii: "r"): bytes.append(0x0D)
            case UInt8(ascii: "0"): bytes.append(0)
            case UInt8(ascii: "c") where rest.isEmpty: return bytes
            case UInt8(ascii: "x"):
                guard let high = rest.popFirst().flatMap(hexValue), let low = rest.popFirst().flatMap(hexValue) else {
                    throw EntryTextError(reason: "\\x without two hexadecimal digits", remedy: "write \\xHH")
                }
                bytes.append(high << 4 | low)
            default:
                throw EntryTextError(
                    reason: "an unknown escape", remedy: "\\\\ \\t \\n \\r \\0 \\xHH, and \\c at the end, are known")
            }
        }
        bytes.append(0)
        return bytes
    }

    static func hexValue(_ digit: UInt8) -> UInt8? { ASCII.hexadecimalValue(ASCII.uppercase(digit)) }
}

/// What is wrong with a line of entries as text; its place is added where it is known.
struct EntryTextError: Error {
    let reason: String
    let remedy: String
}
