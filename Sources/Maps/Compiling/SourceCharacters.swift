// Characters that have no place in a source, although an editor shows nothing of them: found on bytes, a line at a time,
// and only in sources that have any.

import Bytes
import Configuration

/// The looks at what a line is made of.
enum SourceCharacters {
    /// A character that has no place in a line.
    struct Intruder {
        let name: Finding.Name
        /// The cause and the remedy.
        let text: String
    }

    /// Whether a source has a byte that is neither printable ASCII nor TAB or newline.
    static func areUnusual(in bytes: Span<UInt8>) -> Bool {
        unsafe bytes.withUnsafeBytes { buffer in
            var found = false
            var offset = 0
            // The compiler makes vectors of the inner loop, which has no other way out than its end.
            while offset < buffer.count, !found {
                let end = min(offset + 4096, buffer.count)
                var isUnusual: UInt8 = 0
                for index in offset..<end {
                    // In bounds: end is at most the buffer's count.
                    let byte = unsafe buffer[index]
                    let isPrintable: Bool = byte &- 0x20 < 0x5F
                    let isTabOrNewline: Bool = byte &- 0x09 < 2
                    isUnusual |= (isPrintable || isTabOrNewline) ? 0 : 1
                }
                found = isUnusual != 0
                offset = end
            }
            return found
        }
    }

    /// The encoding of a source that is no UTF-8, by its first bytes.
    static func isUTF16(_ bytes: Span<UInt8>) -> Bool {
        guard bytes.count >= 2 else { return false }
        return (bytes[0] == 0xFF && bytes[1] == 0xFE) || (bytes[0] == 0xFE && bytes[1] == 0xFF)
            || (bytes.count >= 4 && bytes[0] == 0 && bytes[1] != 0 && bytes[2] == 0)
            || (bytes.count >= 4 && bytes[1] == 0 && bytes[0] != 0 && bytes[3] == 0)
    }

    /// The characters of a line that have no place there, one of each kind.
    ///
    /// - Parameters:
    ///   - isComment: whether the line is a comment, which may hold all but what ends it elsewhere.
    ///   - isFirst: whether it is the first line of the source.
    static func intruders(in line: Span<UInt8>, isComment: Bool, isFirst: Bool) -> [Intruder] {
        var found: [Intruder] = []
        var seen: [Finding.Name] = []
        func add(_ name: Finding.Name, _ text: String) {
            guard !seen.contains(name) else { return }
            seen.append(name)
            found.append(Intruder(name: name, text: text))
        }
        var offset = 0
        while offset < line.count {
            let byte = line[offset]
            switch byte {
            case 0x00:
                add(.nulByte, "a NUL byte; give a text file in UTF-8")
            case 0x0D:
                add(
                    .carriageReturn,
                    offset == line.count - 1
                        ? "the line ends in CR LF, and the CR would become part of the entry; convert the file to LF"
                        : "a carriage return (CR) inside the line, which is no line end here; convert the file to LF")
            case 0x09: break
            case 0x00..<0x20, 0x7F:
                guard !isComment else { break }
                add(
                    .controlCharacter,
                    "a control character (0x\(byte < 16 ? "0" : "")\(String(byte, radix: 16))) at byte \(offset); remove it"
                )
            case 0x80...:
                guard let character = InvisibleCharacter(at: offset, in: line) else { break }
                if character.scalar == 0xFEFF {
                    let isStart = isFirst && offset == 0
                    add(
                        .byteOrderMark,
                        isStart
                            ? "the file begins with a byte order mark, which would become part of the entry; save it without"
                            : "a byte order mark inside the file, as joining files leaves it; remove it")
                } else if character.endsLines {
                    add(.lineSeparator, "\(character) is no line end here; write a newline in its place")
                }
            default: break
            }
            offset += 1
        }
        return found
    }
}
