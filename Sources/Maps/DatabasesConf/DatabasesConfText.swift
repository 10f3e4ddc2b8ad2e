// dbases.conf as text that is changed: of the lines that are to change, the fields that are to change. All else stays as somebody
// has written it, remarks and blanks among it.

import Bytes

/// The text of a dbases.conf.
public struct DatabasesConfText: Sendable {
    private var lines: [[UInt8]]

    /// Takes the bytes of a file.
    public init(_ bytes: [UInt8]) {
        lines = bytes.split(separator: ASCII.lineFeed, omittingEmptySubsequences: false).map { Array($0) }
    }

    /// The bytes of the file as it is now.
    public var bytes: [UInt8] { Array(lines.joined(separator: [ASCII.lineFeed])) }

    /// Changes the line of a map, so that it says what another definition says.
    ///
    /// A field that says the same stays as it is written, with its variables.
    public mutating func change(_ old: MapDefinition, to new: MapDefinition) {
        guard lines.indices.contains(old.line - 1) else { return }
        var line = Line(lines[old.line - 1])
        if old.type != new.type { line.replace(1, with: new.type.name) }
        if old.compile != new.compile { line.replace(3, with: new.compile.description) }
        if old.flags != new.flags { line.replaceFlags(with: new.flags.description) }
        lines[old.line - 1] = line.bytes
    }

    /// A line as words and the blanks around them.
    private struct Line {
        /// Blanks and words by turns, blanks first.
        private var pieces: [[UInt8]] = []

        init(_ bytes: [UInt8]) {
            var piece: [UInt8] = []
            var isBlank = true
            for byte in bytes {
                if ASCII.isBlank(byte) != isBlank {
                    pieces.append(piece)
                    piece = []
                    isBlank.toggle()
                }
                piece.append(byte)
            }
            pieces.append(piece)
        }

        var bytes: [UInt8] { pieces.flatMap { $0 } }

        /// Where the word of an index is among the pieces.
        private func place(_ word: Int) -> Int { 2 * word + 1 }

        mutating func replace(_ word: Int, with text: String) {
            guard pieces.indices.contains(place(word)) else { return }
            let old = pieces[place(word)]
            pieces[place(word)] = Array(text.utf8)
            // What stood below each other goes on to do so where there is room.
            guard pieces.indices.contains(place(word) + 1) else { return }
            let blanks = pieces[place(word) + 1]
            guard blanks.allSatisfy({ $0 == ASCII.space }) else { return }
            let room = old.count + blanks.count - text.utf8.count
            pieces[place(word) + 1] = [UInt8](repeating: ASCII.space, count: max(room, 1))
        }

        /// Replaces the words behind the file; a remark stays.
        mutating func replaceFlags(with text: String) {
            let start = place(5)
            var end = start
            while end < pieces.count, pieces[end].first != UInt8(ascii: "#") { end += 2 }
            let remark = end < pieces.count ? Array(pieces[(end - 1)...]) : []
            var head = Array(pieces.prefix(start))
            if head.count < start { head.append([ASCII.space]) }
            pieces = head + [Array(text.utf8)] + remark
        }
    }
}
