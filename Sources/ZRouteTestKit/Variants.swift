// Characters that nobody sees, for tests of what reads files that people write.

/// A character that nobody sees, or that looks like a blank.
package struct UnseenText: Sendable, CustomStringConvertible {
    /// Its bytes.
    package let bytes: [UInt8]
    /// The number by which a message must name it.
    package let description: String
    /// Whether it is as bad in a comment, since it ends lines elsewhere.
    package let endsLines: Bool

    private init(_ bytes: [UInt8], _ description: String, endsLines: Bool = false) {
        (self.bytes, self.description, self.endsLines) = (bytes, description, endsLines)
    }

    private init(_ text: String, _ description: String, endsLines: Bool = false) {
        self.init(Array(text.utf8), description, endsLines: endsLines)
    }

    /// One of each kind.
    package static let all = [
        UnseenText("\u{A0}", "U+00A0"), UnseenText("\u{202F}", "U+202F"), UnseenText("\u{2003}", "U+2003"),
        UnseenText("\u{3000}", "U+3000"), UnseenText("\u{1680}", "U+1680"), UnseenText("\u{200B}", "U+200B"),
        UnseenText("\u{2060}", "U+2060"), UnseenText("\u{FEFF}", "U+FEFF"), UnseenText("\u{AD}", "U+00AD"),
        UnseenText("\u{202E}", "U+202E"), UnseenText("\u{85}", "U+0085", endsLines: true),
        UnseenText("\u{2028}", "U+2028", endsLines: true), UnseenText([0xA0], "0xa0"), UnseenText([0xAD], "0xad"),
        UnseenText([0x01], "0x01"), UnseenText([0x7F], "0x7f"), UnseenText([0x1B], "0x1b"),
        UnseenText("\r", "carriage return", endsLines: true),
    ]
}

// Prints how many members of a kind a test goes through, so that a run shows it.

/// The variants of a parameterised test; says how many there are.
///
/// - Parameter test: what the test holds of each of them.
package func counted<Variants: Collection>(_ test: String, _ variants: Variants) -> Variants {
    print("\(test): \(variants.count) variants")
    return variants
}
