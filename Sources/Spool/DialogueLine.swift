// The dialogue in a diagnostic: what was sent and received, each line led by a carriage return and an arrow.

/// One line of a dialogue with a server, as diagnostics have it.
public struct DialogueLine: Sendable, Hashable {
    /// Which way a line went.
    public enum Direction: Sendable, Hashable {
        /// From the agent to the server (`<<- `).
        case sent
        /// From the server to the agent (`->> `).
        case received
    }

    /// Which way it went.
    public let direction: Direction
    /// The line without its line end.
    public let text: [UInt8]

    /// A line.
    public init(_ direction: Direction, _ text: [UInt8]) {
        self.direction = direction
        self.text = text
    }

    /// The lines as one message; a carriage return or line feed within one becomes a blank.
    public static func message(_ lines: [DialogueLine]) -> [UInt8] {
        lines.flatMap { line in
            Array(line.direction == .sent ? "\r<<- ".utf8 : "\r->> ".utf8)
                + line.text.map { $0 == 0x0D || $0 == 0x0A ? 0x20 : $0 }
        }
    }

    /// The lines of a message; nil where some part of it is not led by an arrow.
    public static func lines(_ message: [UInt8]) -> [DialogueLine]? {
        var lines: [DialogueLine] = []
        for part in message.split(separator: 0x0D, omittingEmptySubsequences: false).dropFirst() {
            if part.starts(with: "<<- ".utf8) {
                lines.append(DialogueLine(.sent, Array(part.dropFirst(4))))
            } else if part.starts(with: "->> ".utf8) {
                lines.append(DialogueLine(.received, Array(part.dropFirst(4))))
            } else {
                return nil
            }
        }
        return message.first.map { $0 == 0x0D } ?? true ? lines : nil
    }
}
