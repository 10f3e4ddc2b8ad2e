// What is said of a name that cannot be allowed, on a command line or in a comment: the names that can, or why not.

import Bytes
public import Configuration
import System

extension Finding.Name {
    /// Why a word is no name of a finding that can be allowed, and what to do.
    ///
    /// - Parameter known: the names that can be allowed.
    public static func reasonAgainstAllowing(_ word: String, of known: [Finding.Name]) -> String {
        let name = Finding.Name(word)
        if name == .unreadableLine || name == .nulByte {
            return "'\(word)' cannot be allowed: such a line has no key and value that could be stored"
        }
        if name == .sourceIsNewer {
            return "'\(word)' cannot be allowed: it is said by commands that compile nothing; run zroute newdb"
        }
        let names = known.map(\.description)
        return "'\(word)' is the name of no finding that can be allowed"
            + suggestion(for: word.lowercased(), among: names)
    }

    /// The names that can be allowed, those first that are most like a word.
    public static func all(_ known: [Finding.Name], nearestTo word: String) -> String {
        ([AllowedFindings.everyName] + namesByLikeness(to: word, among: known.map(\.description)))
            .joined(separator: ", ")
    }
}

/// What a comment of a source has to say to zroute.
enum AllowanceComment {
    /// A comment for people.
    case none
    /// `# zroute: allow NAME`, with the names.
    case allow([String])
    /// A comment for zroute that it does not understand, with what is wrong.
    case unclear(String)

    /// Reads a comment: case and colons do not matter where it is clear what is meant.
    ///
    /// - Parameters:
    ///   - comment: everything behind the `#`.
    ///   - known: the names that can be allowed; a comment without the colon is for zroute only if it has one of them.
    init(_ comment: ArraySlice<UInt8>, known: [Finding.Name]) {
        guard let (hasColon, words) = Self.words(comment) else {
            self = .none
            return
        }
        let form = "write '# zroute: allow NAME'"
        let names = Array(words.dropFirst())
        let isAllow = words.first == "allow"
        if isAllow, !names.isEmpty {
            let all = known.map(\.description) + [AllowedFindings.everyName]
            let isMeant = hasColon || names.contains { all.contains($0) || nearestName(to: $0, among: all) != nil }
            self = isMeant ? .allow(names) : .none
        } else if hasColon {
            self = .unclear(
                isAllow ? "the comment allows nothing: \(form)" : "the comment says nothing that zroute knows: \(form)")
        } else {
            self = .none
        }
    }

    /// The words behind `zroute`, in small letters; nil where the comment does not begin so.
    private static func words(_ comment: ArraySlice<UInt8>) -> (hasColon: Bool, words: [String])? {
        // Comments are many, and those for zroute few.
        guard let start = comment.firstIndex(where: { !isSeparator($0) && $0 != 0x23 }) else { return nil }
        let text = comment[start...]
        guard text.prefix(6).map({ $0 | 0x20 }).elementsEqual("zroute".utf8) else { return nil }
        let rest = text.dropFirst(6)
        guard let next = rest.first, isSeparator(next) || next == 0x3A else { return nil }
        let hasColon = rest.first { !isSeparator($0) } == 0x3A
        let words = rest.split { isSeparator($0) || $0 == 0x3A }
        return (hasColon, words.map { String(decoding: $0, as: UTF8.self).lowercased() })
    }

    private static func isSeparator(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x09 || byte == 0x2C || byte == 0x0D || byte == 0x3D
    }
}

// The allowances of a file, for findings that are made when its reader is done: about several files together.

/// Which findings the comments of a file allow.
public struct FileAllowances: Sendable {
    /// For the file as a whole: what stands before its first line.
    private var whole = AllowedFindings()
    /// For the lines behind comments.
    private var lines: [Int: AllowedFindings] = [:]

    /// The largest file that is looked through, in bytes.
    private static let largest = 1 << 30

    /// Reads the comments of a file; one that cannot be read, or has no text, allows nothing.
    ///
    /// - Parameter known: the names that can be allowed.
    public init(reading path: String, known: [Finding.Name]) {
        guard let bytes = try? readFile(path, limit: Self.largest).bytes else { return }
        let text = bytes.span
        var (start, line, isHead) = (0, 0, true)
        var next: AllowedFindings?
        while start < text.count {
            let end = text.firstIndex(of: ASCII.lineFeed, from: start) ?? text.count
            line += 1
            var first = start
            while first < end, ASCII.isBlank(text[first]) { first += 1 }
            if first < end, text[first] == UInt8(ascii: "#") {
                if case .allow(let names) = AllowanceComment(bytes[(first + 1)..<end], known: known) {
                    for name in names { Self.allow(name, in: &next, known) }
                    if isHead { for name in names { _ = whole.allow(name, of: known) } }
                }
            } else if first < end {
                isHead = false
                if let allowed = next { lines[line] = allowed }
                next = nil
            }
            start = end + 1
        }
    }

    private static func allow(_ name: String, in allowed: inout AllowedFindings?, _ known: [Finding.Name]) {
        var names = allowed ?? AllowedFindings()
        _ = names.allow(name, of: known)
        allowed = names
    }

    /// Whether a finding of a kind is allowed at a line; nil for the file as a whole.
    public func contains(_ name: Finding.Name, line: Int?) -> Bool {
        guard let line else { return whole.contains(name) }
        return lines[line]?.contains(name) ?? false
    }
}
