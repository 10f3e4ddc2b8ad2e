// The patterns of scheduler.conf's selectors (ZMailer: shell patterns over `channel/host`).

/// A pattern with `*`, `?` and alternatives in braces, compared without regard to the case of ASCII letters.
package struct GlobPattern: Sendable, Hashable {
    /// One pattern without braces for each choice.
    private let choices: [[UInt8]]

    /// The most patterns that one with braces may stand for.
    private static let choiceLimit = 1000

    /// Reads a pattern; nil where braces do not match, or stand for more than a thousand patterns.
    package init?(_ text: some Sequence<UInt8>) {
        guard let choices = Self.expand(text.map(Self.folded)[...], depth: 0) else { return nil }
        self.choices = choices
    }

    /// Whether a text fits as a whole.
    package func matches(_ text: some Sequence<UInt8>) -> Bool {
        let text = text.map(Self.folded)
        return choices.contains { Self.matches(text, $0) }
    }

    private static func folded(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
    }

    /// Resolves the first group in braces, and what follows it by recursion.
    private static func expand(_ text: ArraySlice<UInt8>, depth: Int) -> [[UInt8]]? {
        guard depth < 32 else { return nil }
        guard let open = text.firstIndex(where: { $0 == UInt8(ascii: "{") || $0 == UInt8(ascii: "}") }) else {
            return [Array(text)]
        }
        guard text[open] == UInt8(ascii: "{") else { return nil }
        var level = 0
        var parts: [ArraySlice<UInt8>] = []
        var start = open + 1
        var close: Int?
        for index in text[open...].indices {
            switch text[index] {
            case UInt8(ascii: "{"): level += 1
            case UInt8(ascii: ",") where level == 1:
                parts.append(text[start..<index])
                start = index + 1
            case UInt8(ascii: "}"):
                level -= 1
                if level == 0 {
                    parts.append(text[start..<index])
                    close = index
                }
            default: break
            }
            if close != nil { break }
        }
        guard let close, let rests = expand(text[(close + 1)...], depth: depth + 1) else { return nil }
        var all: [[UInt8]] = []
        for part in parts {
            guard let inners = expand(part, depth: depth + 1) else { return nil }
            for inner in inners {
                for rest in rests {
                    guard all.count < choiceLimit else { return nil }
                    all.append(text[..<open] + inner + rest)
                }
            }
        }
        return all
    }

    /// Goes back to the last star only, so that no pattern makes the work grow beyond its length times the text's.
    private static func matches(_ text: [UInt8], _ pattern: [UInt8]) -> Bool {
        var position = 0
        var place = 0
        var star: (place: Int, position: Int)?
        while position < text.count {
            if place < pattern.count, pattern[place] == UInt8(ascii: "*") {
                star = (place, position)
                place += 1
            } else if place < pattern.count, pattern[place] == UInt8(ascii: "?") || pattern[place] == text[position] {
                place += 1
                position += 1
            } else if let back = star {
                star = (back.place, back.position + 1)
                place = back.place + 1
                position = back.position + 1
            } else {
                return false
            }
        }
        return pattern[place...].allSatisfy { $0 == UInt8(ascii: "*") }
    }
}
