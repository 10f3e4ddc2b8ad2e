// `$name` in values of main.cf, in all its forms (postconf(5), "The general format of the main.cf file").

/// Expands what values of main.cf refer to.
struct ParameterExpansion {
    /// The text of a parameter, not expanded; nil for one that there is not.
    let source: (String) -> String?

    /// As deep as values may refer to others; Postfix gives up at the same depth.
    private static let depthLimit = 100

    /// What is wrong with a value.
    struct Failure: Error {
        let text: String
    }

    /// Expands a value.
    func expand(_ value: String) throws(Failure) -> String { try expand(value, depth: 0) }

    private func expand(_ value: String, depth: Int) throws(Failure) -> String {
        guard depth < Self.depthLimit else { throw Failure(text: "the value refers to itself") }
        var result = ""
        var rest = value[...]
        while let dollar = rest.firstIndex(of: "$") {
            result += rest[..<dollar]
            rest = rest[rest.index(after: dollar)...]
            guard let next = rest.first else { throw Failure(text: "'$' at the end of the value") }
            switch next {
            case "$":
                result.append("$")
                rest = rest.dropFirst()
            case "{", "(":
                guard let content = Self.takeBracketed(&rest) else {
                    throw Failure(text: "'$\(next)' without its '\(next == "{" ? "}" : ")")'")
                }
                result += try expandBracketed(content, depth: depth)
            default:
                let name = rest.prefix(while: Self.isNameCharacter)
                guard !name.isEmpty else { throw Failure(text: "'$' without a name behind it") }
                rest = rest[name.endIndex...]
                result += try self.value(of: String(name), depth: depth)
            }
        }
        return result + rest
    }

    private func value(of name: String, depth: Int) throws(Failure) -> String {
        guard let text = source(name) else { return "" }
        return try expand(text, depth: depth + 1)
    }

    /// What stands between the brackets of `${...}`.
    private func expandBracketed(_ content: Substring, depth: Int) throws(Failure) -> String {
        let content = content.drop(while: \.isBlank)
        if content.first == "{" { return try expandComparison(content, depth: depth) }
        let name = content.prefix(while: Self.isNameCharacter)
        let behind = content[name.endIndex...].drop(while: \.isBlank)
        guard !name.isEmpty else { throw Failure(text: "'${\(content)}' has no name") }
        guard let operation = behind.first else { return try self.value(of: String(name), depth: depth) }
        // What counts is whether something is written there, whatever comes of it.
        let isSet = !(source(String(name)) ?? "").isEmpty
        switch operation {
        case "?": return try choose(isSet, of: behind.dropFirst(), depth: depth)
        case ":": return isSet ? "" : try argument(behind.dropFirst(), depth: depth)
        default: throw Failure(text: "'${\(content)}' is no reference that Postfix knows")
        }
    }

    /// `?text`, `?{text}`, `?{text}:{text}`.
    private func choose(_ condition: Bool, of text: Substring, depth: Int) throws(Failure) -> String {
        var rest = text.drop(while: \.isBlank)
        guard rest.first == "{", let first = Self.takeBracketed(&rest) else {
            return condition ? try expand(String(text), depth: depth + 1) : ""
        }
        rest = rest.drop(while: \.isBlank)
        if condition { return try expand(String(first), depth: depth + 1) }
        guard rest.first == ":" else { return "" }
        return try argument(rest.dropFirst(), depth: depth)
    }

    /// `text` or `{text}`.
    private func argument(_ text: Substring, depth: Int) throws(Failure) -> String {
        var rest = text.drop(while: \.isBlank)
        if rest.first == "{", let content = Self.takeBracketed(&rest) {
            return try expand(String(content), depth: depth + 1)
        }
        return try expand(String(text), depth: depth + 1)
    }

    /// `{left} operator {right} ? {text} : {text}`.
    private func expandComparison(_ content: Substring, depth: Int) throws(Failure) -> String {
        let failure = Failure(text: "'${\(content)}' is no comparison that Postfix knows")
        var rest = content
        guard let left = Self.takeBracketed(&rest) else { throw failure }
        rest = rest.drop(while: \.isBlank)
        let name = rest.prefix { $0 != "{" }
        rest = rest[name.endIndex...]
        guard let right = Self.takeBracketed(&rest), let comparison = Comparison(name.trimmingBlanks) else {
            throw failure
        }
        let holds = comparison.holds(
            try expand(String(left), depth: depth + 1), try expand(String(right), depth: depth + 1))
        rest = rest.drop(while: \.isBlank)
        switch rest.first {
        case nil: return holds ? "true" : ""
        case "?": return try choose(holds, of: rest.dropFirst(), depth: depth)
        case ":": return holds ? "true" : try argument(rest.dropFirst(), depth: depth)
        default: throw failure
        }
    }

    private static func isNameCharacter(_ character: Character) -> Bool {
        character.isASCII && (character.isLetter || character.isNumber || character == "_")
    }

    /// Takes a bracket, what it holds, and its end off the beginning of a text.
    static func takeBracketed(_ text: inout Substring) -> Substring? {
        guard let open = text.first, open == "{" || open == "(" else { return nil }
        let close: Character = open == "{" ? "}" : ")"
        var depth = 0
        for index in text.indices {
            if text[index] == open { depth += 1 }
            if text[index] == close { depth -= 1 }
            if depth == 0 {
                let content = text[text.index(after: text.startIndex)..<index]
                text = text[text.index(after: index)...]
                return content
            }
        }
        return nil
    }
}

/// A comparison in a value.
private struct Comparison {
    private let accepts: (Int) -> Bool
    private let comparesLevels: Bool

    init?(_ text: String) {
        comparesLevels = text.hasSuffix("level")
        switch comparesLevels ? text.dropLast(5).trimmingBlanks : text {
        case "==": accepts = { $0 == 0 }
        case "!=": accepts = { $0 != 0 }
        case "<": accepts = { $0 < 0 }
        case "<=": accepts = { $0 <= 0 }
        case ">": accepts = { $0 > 0 }
        case ">=": accepts = { $0 >= 0 }
        default: return nil
        }
    }

    func holds(_ left: String, _ right: String) -> Bool {
        func order<Value: Comparable>(_ left: Value, _ right: Value) -> Int {
            left == right ? 0 : left < right ? -1 : 1
        }
        if comparesLevels {
            let (one, other) = (Self.level(left), Self.level(right))
            for (number, otherNumber) in zip(one, other) where number != otherNumber {
                return accepts(order(number, otherNumber))
            }
            return accepts(0)
        }
        if let one = Int(left), let other = Int(right) { return accepts(order(one, other)) }
        return accepts(order(left, right))
    }

    /// Major, minor and patch.
    private static func level(_ text: String) -> [Int] {
        let numbers = text.split(separator: ".").map { Int($0) ?? 0 }
        return (0..<3).map { numbers.indices.contains($0) ? numbers[$0] : 0 }
    }
}
