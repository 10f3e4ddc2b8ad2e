// What can become of the source of a map under a service that reads it: all that people and programs do to such files.

import Foundation
import Glibc

/// One way in which the source of a map is spoiled.
package struct MapFault: Sendable, CustomStringConvertible {
    /// What it does to lookups.
    package enum Effect: Sendable, Hashable {
        /// The source is refused because of a line: nothing of it is answered.
        case refused(line: Int)
        /// There is nothing to be read: nothing of it is answered.
        case unreadable
        /// It may be half of a file that is being saved: the entries from before stand for a while.
        case notBelieved
    }

    /// How a new content comes to be there.
    private enum Way: String, CaseIterable {
        case inPlace = "in place", renamedOver = "renamed over"
    }

    /// What tells it from others.
    package let description: String
    /// What it does to lookups.
    package let effect: Effect
    private let spoil: @Sendable (_ path: String, _ text: String) throws -> Void

    /// Spoils a source.
    ///
    /// - Parameter text: its content, some lines of the aliases form.
    package func apply(to path: String, _ text: String) throws { try spoil(path, text) }

    /// Puts a content where a spoiled source is, whatever is there.
    package static func restore(_ path: String, _ text: String) throws {
        let next = path + ".next"
        try write(text, to: next)
        // What is no file has to go first.
        if unsafe rename(next, path) != 0 {
            try FileManager.default.removeItem(atPath: path)
            guard unsafe rename(next, path) == 0 else { throw CommandFailure("rename \(next): errno \(errno)") }
        }
    }

    /// Every fault, in each way in which it comes about.
    package static let all: [MapFault] = contents + places

    private static func write(_ text: String, to path: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    }

    private static var contents: [MapFault] {
        let faults: [(String, Effect, @Sendable (String) -> [UInt8])] = [
            ("carriage returns", .refused(line: 1), { Array($0.replacing("\n", with: "\r\n").utf8) }),
            ("a byte order mark", .refused(line: 1), { [0xEF, 0xBB, 0xBF] + Array($0.utf8) }),
            ("UTF-16", .refused(line: 1), { [0xFE, 0xFF] + $0.utf8.flatMap { [0, $0] } }),
            ("a line without a colon", .refused(line: 2), { Array(insertion("nonsense", into: $0).utf8) }),
            ("a NUL", .refused(line: 2), { Array(insertion("a: b\0c@x.example", into: $0).utf8) }),
            ("a line separator", .refused(line: 2), { Array(insertion("a: b@x.example\u{2028}c: d", into: $0).utf8) }),
            // The newline at its end is not its last byte.
            ("UTF-16, low bytes first", .notBelieved, { [0xFF, 0xFE] + $0.utf8.flatMap { [$0, 0] } }),
            ("no content", .notBelieved, { _ in [] }),
            ("the end cut off", .notBelieved, { Array($0.utf8.dropLast(3)) }),
        ]
        return faults.flatMap { name, effect, spoiled in
            Way.allCases.map { way in
                MapFault(description: "\(name), \(way.rawValue)", effect: effect) { path, text in
                    let bytes = Data(spoiled(text))
                    switch way {
                    case .inPlace:
                        guard let file = FileHandle(forWritingAtPath: path) else { throw CommandFailure("no \(path)") }
                        try file.truncate(atOffset: 0)
                        try file.write(contentsOf: bytes)
                        try file.close()
                    case .renamedOver:
                        try bytes.write(to: URL(fileURLWithPath: path + ".next"))
                        guard unsafe rename(path + ".next", path) == 0 else {
                            throw CommandFailure("rename: errno \(errno)")
                        }
                    }
                }
            }
        }
    }

    /// A text with a line put behind its first one.
    private static func insertion(_ line: String, into text: String) -> String {
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        lines.insert(line[...], at: 1)
        return lines.joined(separator: "\n")
    }

    private static var places: [MapFault] {
        let faults: [(String, Effect, @Sendable (String) -> Int32)] = [
            ("removed", .unreadable, { unsafe unlink($0) }),
            ("a directory in its place", .unreadable, { unsafe unlink($0) | mkdir($0, 0o755) }),
            ("a fifo in its place", .unreadable, { unsafe unlink($0) | mkfifo($0, 0o600) }),
            ("a link to nothing in its place", .unreadable, { unsafe unlink($0) | symlink("nothing", $0) }),
            ("cut off after a line", .notBelieved, { unsafe truncate($0, off_t(firstLine(of: $0))) }),
        ]
        return faults.map { name, effect, change in
            MapFault(description: name, effect: effect) { path, _ in
                guard change(path) == 0 else { throw CommandFailure("\(name): errno \(errno)") }
            }
        }
    }

    /// How many bytes the first line of a file has.
    private static func firstLine(of path: String) -> Int {
        (FileManager.default.contents(atPath: path)?.firstIndex(of: UInt8(ascii: "\n")) ?? 0) + 1
    }
}
