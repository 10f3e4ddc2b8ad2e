// The reading of every configuration file: whole, with a limit, free of characters that nobody sees, and with all that is
// wrong with it. One place, so that no such file can be misread in silence.

import Bytes
public import System

/// What was read from a configuration file: as much of it as can be used, and what is wrong with the rest.
public protocol ConfigurationReading {
    /// What was found while it was read, in the order of lines.
    var findings: [Finding] { get }
}

extension ConfigurationReading {
    /// The value, for callers who can use it only whole.
    ///
    /// - Throws: `ConfigurationError` with every error that was found.
    public func checked() throws(ConfigurationError) -> Self {
        if let error = ConfigurationError(findings) { throw error }
        return self
    }
}

/// A configuration file that was read whole.
public struct ConfigurationFile: ConfigurationReading, Sendable {
    /// What messages call it.
    public let path: String
    /// Its bytes; none where it cannot be read.
    public private(set) var bytes: [UInt8] = []
    /// The very file that they came from; nil where it cannot be read.
    public private(set) var state: FileState?
    /// Why it cannot be read, or the characters outside comments that nobody sees.
    public private(set) var findings: [Finding] = []
    /// Whether the file does not exist.
    public private(set) var isMissing = false
    /// Why it cannot be read, although it exists; nil where it was read.
    private(set) var readingFailure: String?

    /// The largest file read, in bytes.
    private static let largest = 1 << 20

    /// Reads a file.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - isScript: whether it is another program's script, of which only some lines mean something here: whoever reads
    ///     those looks at their characters.
    ///   - remedy: what to do about one that cannot be read, as the end of a message.
    public init(_ path: String, isScript: Bool = false, remedy: (FileError) -> String = { _ in "" }) {
        self.path = path
        do throws(FileError) {
            (bytes, state) = try readTextFile(path, limit: Self.largest)
        } catch {
            isMissing = error.isMissing
            if !isMissing { readingFailure = "\(error.operation): \(error.reason)" }
            findings = [
                Finding(
                    error.isMissing ? .missingFile : .unreadableFile, .error, file: error.path,
                    text: "cannot be read: \(error.operation): \(error.reason)\(remedy(error))",
                    isTemporary: error.isUnsettled)
            ]
            return
        }
        if !isScript { findings = Self.unseenCharacters(in: bytes, of: path) }
    }

    private static func unseenCharacters(in bytes: [UInt8], of path: String) -> [Finding] {
        var findings: [Finding] = []
        var number = 0
        for line in bytes.split(separator: ASCII.lineFeed, omittingEmptySubsequences: false) {
            number += 1
            if let character = UnseenCharacter(in: line) {
                findings.append(character.finding(file: path, line: number))
            }
        }
        return findings
    }
}

// The lines of a file in which `#` begins comments.

/// A line that says something.
public struct ConfigurationLine: Sendable {
    /// Its number, counted from 1.
    public let number: Int
    /// The whole line without its end.
    public let whole: ArraySlice<UInt8>

    /// The line without blanks at both ends.
    public var text: ArraySlice<UInt8> { Self.trimmed(whole) }
    /// The words, divided by blanks.
    public var words: [String] {
        whole.split(whereSeparator: ASCII.isBlank).map { String(decoding: $0, as: UTF8.self) }
    }

    /// The longest line, in bytes.
    private static let longest = 65_536

    /// The lines of a file that are neither empty nor comments.
    ///
    /// - Parameter findings: is told of lines that are too long, which are left out.
    public static func all(in bytes: [UInt8], _ findings: inout FindingList) -> [ConfigurationLine] {
        var lines: [ConfigurationLine] = []
        var number = 0
        for part in bytes.split(separator: ASCII.lineFeed, omittingEmptySubsequences: false) {
            number += 1
            let line = part.last == ASCII.carriageReturn ? part.dropLast() : part
            guard line.count <= longest else {
                findings.error(.longLine, "the line is longer than \(longest) bytes; shorten it", line: number)
                continue
            }
            let isComment = line.first { !ASCII.isBlank($0) }.map { $0 == UInt8(ascii: "#") } ?? true
            if !isComment { lines.append(ConfigurationLine(number: number, whole: line)) }
        }
        return lines
    }

    /// The bytes without blanks at both ends.
    public static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var rest = bytes.drop(while: ASCII.isBlank)
        while let last = rest.last, ASCII.isBlank(last) { rest.removeLast() }
        return rest
    }
}

// Files that have secrets.

extension FindingList {
    /// Says that others than the owner of a file may read the secrets in it, or change them, where they may.
    ///
    /// - Parameters:
    ///   - secrets: what they are.
    ///   - mode: the file's; nil where it cannot be read, which a finding of its own says.
    ///   - alternative: what else can be done about it, as the end of a message.
    package mutating func judgeSecrets(_ secrets: String, mode: UInt32?, alternative: String = "") {
        guard let mode, mode & 0o077 != 0 else { return }
        error(
            .readableSecrets,
            "others may read or change the \(secrets) in it (mode \(String(mode, radix: 8))); chmod 600 it\(alternative)"
        )
    }
}

extension Finding.Name {
    /// A file with secrets that others than its owner may read.
    package static let readableSecrets = Finding.Name("readable-secrets")
    /// A file that does not exist and is needed.
    public static let missingFile = Finding.Name("missing-file")
    /// A file that cannot be read.
    public static let unreadableFile = Finding.Name("unreadable-file")
    /// A line that is longer than any that is meant.
    public static let longLine = Finding.Name("long-line")
}
