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
    package var names: some Sequence<String> { values.keys }

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
