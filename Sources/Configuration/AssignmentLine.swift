// Reads one line of a file that ZMailer's shell reads too. Only plain assignments mean something here; every other
// line of such a script is passed over.

import MailAddress

/// What one line of zmailer.conf, mail.conf or router.cf says.
enum AssignmentLine: Equatable {
    /// NAME=VALUE, variables in the value replaced and quotes taken off.
    case assignment(name: String, value: String)
    /// NAME= and something that only a shell could evaluate, with the reason.
    case unreadable(name: String, reason: String)
    /// A comment, an empty line or any other line of a script.
    case other

    /// Reads a line without its newline.
    ///
    /// - Parameters:
    ///   - line: the bytes of the line.
    ///   - variables: what `$NAME` stands for.
    init(_ line: ArraySlice<UInt8>, variables: Variables) {
        var rest = line.drop(while: ASCII.isBlank)
        if rest.starts(with: "export".utf8), rest.dropFirst(6).first.map(ASCII.isBlank) == true {
            rest = rest.dropFirst(6).drop(while: ASCII.isBlank)
        }
        guard let name = leadingName(rest), rest.dropFirst(name.count).first == UInt8(ascii: "=") else {
            self = .other
            return
        }
        let nameText = String(decoding: name, as: UTF8.self)
        var reader = ValueReader(rest: rest.dropFirst(name.count + 1), variables: variables)
        if let reason = reader.read() {
            self = .unreadable(name: nameText, reason: reason)
        } else {
            self = .assignment(name: nameText, value: String(decoding: reader.value, as: UTF8.self))
        }
    }
}

/// The value after the `=`: bare, 'single' and "double" quoted stretches in any order, up to a blank or `;`.
private struct ValueReader {
    var rest: ArraySlice<UInt8>
    let variables: Variables
    var value: [UInt8] = []

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
                value.append(contentsOf: (variables[reference.name] ?? "").utf8)
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
