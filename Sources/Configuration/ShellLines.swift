// Reads one line of a file that ZMailer's shell reads too. Only plain assignments mean something here; every other
// line of such a script is passed over.

import Bytes

/// What one line of zmailer.conf, mail.conf or router.cf says.
enum AssignmentLine: Equatable {
    /// NAME=VALUE, variables in the value replaced and quotes taken off; the variables among them that are not set.
    case assignment(name: String, value: String, unset: [String])
    /// NAME= and something that only a shell could evaluate, with the reason.
    case unreadable(name: String, reason: String)
    /// A comment, an empty line, or `export` of names.
    case nothing
    /// Any other line of a script, by its first word without what may have been meant as the assignment's sign.
    case other(word: String)

    /// Whether there is nothing but names, a comment may follow.
    private static func isNames(_ bytes: ArraySlice<UInt8>) -> Bool {
        for word in bytes.split(whereSeparator: ASCII.isBlank) {
            if word.first == UInt8(ascii: "#") { return true }
            guard leadingName(word)?.count == word.count else { return false }
        }
        return true
    }

    /// Reads a line without its newline.
    ///
    /// - Parameters:
    ///   - line: the bytes of the line.
    ///   - variables: what `$NAME` stands for.
    init(_ line: ArraySlice<UInt8>, variables: Variables) {
        var rest = line.drop(while: ASCII.isBlank)
        guard let first = rest.first, first != UInt8(ascii: "#") else {
            self = .nothing
            return
        }
        var isExport = false
        if rest.starts(with: "export".utf8), rest.dropFirst(6).first.map(ASCII.isBlank) == true {
            rest = rest.dropFirst(6).drop(while: ASCII.isBlank)
            isExport = true
        }
        guard let name = leadingName(rest), rest.dropFirst(name.count).first == UInt8(ascii: "=") else {
            if isExport, Self.isNames(rest) {
                self = .nothing
            } else {
                // `set NAME=VALUE` is what other shells have.
                if rest.starts(with: "set ".utf8) { rest = rest.dropFirst(4).drop(while: ASCII.isBlank) }
                let word = leadingName(rest) ?? rest.prefix { !ASCII.isBlank($0) }
                self = .other(word: String(decoding: word.prefix(64), as: UTF8.self))
            }
            return
        }
        let nameText = String(decoding: name, as: UTF8.self)
        var reader = ValueReader(rest: rest.dropFirst(name.count + 1), variables: variables)
        if let reason = reader.read() {
            self = .unreadable(name: nameText, reason: reason)
        } else {
            self = .assignment(
                name: nameText, value: String(decoding: reader.value, as: UTF8.self), unset: reader.unset)
        }
    }
}

/// The value after the `=`: bare, 'single' and "double" quoted stretches in any order, up to a blank or `;`.
private struct ValueReader {
    var rest: ArraySlice<UInt8>
    let variables: Variables
    var value: [UInt8] = []
    /// Variables that the value refers to and that are not set.
    var unset: [String] = []

    /// The longest value kept, so that variables that double each other do not fill the memory.
    private static let longestValue = 65_536
    private static let needsShell = "needs a shell to evaluate; write the value itself"

    init(rest: ArraySlice<UInt8>, variables: Variables) {
        self.rest = rest
        self.variables = variables
    }

    /// Reads the value; answers the reason why it cannot be read, nil where it was.
    mutating func read() -> String? {
        while let byte = rest.first {
            switch byte {
            case UInt8(ascii: " "), UInt8(ascii: "\t"):
                let after = rest.drop(while: ASCII.isBlank)
                guard let next = after.first, next != UInt8(ascii: "#"), next != UInt8(ascii: ";") else { return nil }
                return "is followed by another word; quote a value that has blanks"
            case UInt8(ascii: ";"):
                return nil
            case UInt8(ascii: "'"):
                guard let end = rest.dropFirst().firstIndex(of: byte) else { return "lacks its closing quote" }
                value.append(contentsOf: rest[(rest.startIndex + 1)..<end])
                rest = rest[(end + 1)...]
            case UInt8(ascii: "\""):
                rest = rest.dropFirst()
                if let reason = readDoubleQuoted() { return reason }
            case UInt8(ascii: "&"), UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "("), UInt8(ascii: ")"):
                return Self.needsShell
            default:
                if let reason = readOne(escapable: { _ in true }) { return reason }
            }
            if value.count > Self.longestValue { return "is longer than \(Self.longestValue) bytes; shorten it" }
        }
        return nil
    }

    private mutating func readDoubleQuoted() -> String? {
        while let byte = rest.first, value.count <= Self.longestValue {
            if byte == UInt8(ascii: "\"") {
                rest = rest.dropFirst()
                return nil
            }
            if let reason = readOne(escapable: { "$`\"\\".utf8.contains($0) }) { return reason }
        }
        return "lacks its closing quote"
    }

    /// Reads one byte, one escaped byte or one variable, the same inside double quotes and outside quotes.
    private mutating func readOne(escapable: (UInt8) -> Bool) -> String? {
        guard let byte = rest.first else { return nil }
        switch byte {
        case UInt8(ascii: "`"):
            return Self.needsShell
        case UInt8(ascii: "\\"):
            if let next = rest.dropFirst().first, escapable(next) { rest = rest.dropFirst() }
        case UInt8(ascii: "$"):
            if let reference = VariableReference(rest) {
                if let text = variables[reference.name] {
                    value.append(contentsOf: text.utf8)
                } else {
                    unset.append(reference.name)
                }
                rest = rest[reference.end...]
                return nil
            }
            if let next = rest.dropFirst().first, next == UInt8(ascii: "(") || next == UInt8(ascii: "{") {
                return Self.needsShell
            }
        default:
            break
        }
        guard let literal = rest.popFirst() else { return nil }
        value.append(literal)
        return nil
    }
}

// The variables of zmailer.conf and their expansion in values, as sh(1) writes it: $NAME and ${NAME}. Nothing else of
// the shell is interpreted, and nothing is ever executed.

/// Names and values, as the configuration files leave them.
public struct Variables: Sendable, Hashable {
    private var values: [String: String]

    /// Starts with the given names and values.
    public init(_ values: [String: String] = [:]) {
        self.values = values
    }

    /// The value of a name; nil where it was never set.
    public subscript(name: String) -> String? {
        get { values[name] }
        set { values[name] = newValue }
    }

    /// The names that are set, in no order.
    public var names: some Sequence<String> { values.keys }

    /// A text with its variables replaced.
    public struct Expansion: Sendable, Hashable {
        /// The text after replacement; a variable that is not set became empty.
        public var text: String
        /// The names that are not set, in the order they stand in.
        public var unset: [String]
    }

    /// Replaces every `$NAME` and `${NAME}`; a `$` that begins neither stays as it is.
    public func expand(_ text: some StringProtocol) -> Expansion {
        let bytes = Array(text.utf8)
        guard bytes.contains(UInt8(ascii: "$")) else { return Expansion(text: String(text), unset: []) }
        var result: [UInt8] = []
        var unset: [String] = []
        var position = 0
        while position < bytes.count {
            guard let reference = VariableReference(bytes[position...]) else {
                result.append(bytes[position])
                position += 1
                continue
            }
            if let value = values[reference.name] {
                result.append(contentsOf: value.utf8)
            } else {
                unset.append(reference.name)
            }
            position = reference.end
        }
        return Expansion(text: String(decoding: result, as: UTF8.self), unset: unset)
    }
}

/// A `$NAME` or `${NAME}` at the beginning of a slice of bytes.
struct VariableReference {
    let name: String
    /// The index after the reference.
    let end: Int

    /// Reads a reference; nil where the slice does not begin with one.
    init?(_ bytes: ArraySlice<UInt8>) {
        guard bytes.first == UInt8(ascii: "$") else { return nil }
        let isBraced = bytes.dropFirst().first == UInt8(ascii: "{")
        let rest = bytes.dropFirst(isBraced ? 2 : 1)
        guard let name = leadingName(rest) else { return nil }
        let after = rest.dropFirst(name.count)
        guard !isBraced || after.first == UInt8(ascii: "}") else { return nil }
        self.name = String(decoding: name, as: UTF8.self)
        end = isBraced ? after.startIndex + 1 : after.startIndex
    }
}

extension VariableReference {
    /// The names that a text refers to.
    static func all(in bytes: ArraySlice<UInt8>) -> [String] {
        var names: [String] = []
        var rest = bytes
        while let dollar = rest.firstIndex(of: UInt8(ascii: "$")) {
            rest = rest[dollar...]
            guard let reference = VariableReference(rest) else {
                rest = rest.dropFirst()
                continue
            }
            names.append(reference.name)
            rest = rest[reference.end...]
        }
        return names
    }
}

/// The longest name (a letter or underscore, then letters, digits, underscores) that bytes begin with.
func leadingName(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
    func isLetter(_ byte: UInt8) -> Bool {
        (byte | 0x20) &- UInt8(ascii: "a") < 26 || byte == UInt8(ascii: "_")
    }
    guard let first = bytes.first, isLetter(first) else { return nil }
    return bytes.prefix { isLetter($0) || $0 &- UInt8(ascii: "0") < 10 }
}
