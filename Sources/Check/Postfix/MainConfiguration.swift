// Postfix's main.cf as parameters, each with the line where it begins (postconf(5)).

import System

/// What a main.cf assigns.
package struct MainConfiguration: Sendable {
    /// One assignment.
    package struct Assignment: Sendable {
        /// What stands behind the `=`, continuation lines joined, nothing expanded.
        package let text: String
        /// The line of its name, counted from 1.
        package let line: Int
    }

    /// The file.
    package let file: String
    private let assignments: [String: Assignment]

    private static let sizeLimit = 16 << 20

    /// Reads a file.
    ///
    /// - Throws: where it cannot be read, or has a line that Postfix refuses, too.
    package init(reading path: String) throws(ConversionError) {
        let bytes: [UInt8]
        do throws(FileError) {
            bytes = try readFile(path, limit: Self.sizeLimit).bytes
        } catch {
            throw .file(error)
        }
        try self.init(file: path, bytes: bytes)
    }

    init(file: String, bytes: [UInt8]) throws(ConversionError) {
        self.file = file
        var assignments: [String: Assignment] = [:]
        for line in LogicalLine.lines(of: bytes) {
            let text = line.text
            guard let equals = text.firstIndex(of: "=") else {
                throw .unusable(
                    file: file, line: line.number,
                    text: "no 'NAME = VALUE', which Postfix refuses, too; correct the line")
            }
            let name = text[..<equals].trimmingBlanks
            guard !name.isEmpty, !name.contains(where: \.isBlank) else {
                throw .unusable(
                    file: file, line: line.number,
                    text: "'\(name)' is no name of a parameter, which Postfix refuses, too; correct the line")
            }
            let content = text[text.index(after: equals)...].trimmingBlanks
            // The last assignment counts.
            assignments[name] = Assignment(text: content, line: line.number)
        }
        self.assignments = assignments
    }

    /// The assignment to a parameter; nil where there is none.
    package func assignment(_ name: String) -> Assignment? { assignments[name] }

    /// The names that are assigned to, in the order of their lines.
    package var names: [String] {
        assignments.sorted { ($0.value.line, $0.key) < ($1.value.line, $1.key) }.map(\.key)
    }
}

/// A line of main.cf, of master.cf or of a table, with those that continue it.
struct LogicalLine {
    let bytes: [UInt8]
    var text: String { String(decoding: bytes, as: UTF8.self) }
    /// The line where it begins, counted from 1.
    let number: Int

    /// Puts lines together as Postfix does: a line that begins with a blank continues the one before; empty lines and those
    /// that begin with `#`, after blanks too, are passed over wherever they stand.
    static func lines(of bytes: [UInt8]) -> [LogicalLine] {
        var lines: [LogicalLine] = []
        var text: [UInt8] = []
        var start = 0
        func end() {
            if start > 0 { lines.append(LogicalLine(bytes: text, number: start)) }
        }
        for (index, line) in bytes.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated() {
            guard let first = line.first(where: { !isSpace($0) }), first != UInt8(ascii: "#") else { continue }
            if let beginning = line.first, isSpace(beginning) {
                // A first line that continues nothing is one of its own.
                if start == 0 { start = index + 1 }
                text += line
            } else {
                end()
                (text, start) = (Array(line), index + 1)
            }
        }
        end()
        return lines
    }

    /// C's isspace.
    static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
}

extension Character {
    /// Whether it separates words in Postfix's files.
    var isBlank: Bool { self == " " || self == "\t" || self == "\n" || self == "\r" || self == "\r\n" }
}

extension StringProtocol {
    /// Without the blanks at both ends.
    var trimmingBlanks: String {
        var rest = self[...]
        while let first = rest.first, first.isBlank { rest = rest.dropFirst() }
        while let last = rest.last, last.isBlank { rest = rest.dropLast() }
        return String(rest)
    }
}
