// The findings about a source that need no knowledge of what its map is for: what the lines are made of.

package import Configuration

extension Finding.Name {
    /// A line that the form of the source does not have, such as one without a colon; it cannot be allowed.
    package static let unreadableLine = Finding.Name("unreadable-line")
    /// A NUL byte, which no key or value in a database may hold, or UTF-16, which is full of them; it cannot be allowed.
    package static let nulByte = Finding.Name("nul-byte")
    /// A carriage return: the line ends of another system.
    package static let carriageReturn = Finding.Name("carriage-return")
    /// A byte order mark, at the beginning or where files were put together.
    package static let byteOrderMark = Finding.Name("byte-order-mark")
    /// A character that other programs take for a line end: U+0085, U+2028, U+2029.
    package static let lineSeparator = Finding.Name("line-separator")
    /// Any other control character but TAB.
    package static let controlCharacter = Finding.Name("control-character")
    /// A line of the plain form that begins with a blank: elsewhere it would continue the line before.
    package static let indentedLine = Finding.Name("indented-line")
    /// A key of the plain form with a quote that the key does not close.
    package static let unclosedQuote = Finding.Name("unclosed-quote")
    /// A key of the plain form that ends in a colon.
    package static let colonAfterKey = Finding.Name("colon-after-key")
    /// A key that was given before.
    package static let duplicateKey = Finding.Name("duplicate-key")
    /// A stored key without the NUL that ends keys.
    package static let missingNUL = Finding.Name("missing-nul")
    /// A source that everyone may write.
    package static let writableByAll = Finding.Name("writable-by-all")
    /// A compiled map that is older than its source.
    package static let sourceIsNewer = Finding.Name("source-is-newer")
    /// A source without entries where there were some before.
    package static let emptySource = Finding.Name("empty-source")
    /// A last line without its newline.
    package static let noFinalNewline = Finding.Name("no-final-newline")
    /// A comment that allows what is no finding.
    package static let unknownAllowance = Finding.Name("unknown-allowance")

    /// Those of a source's lines that can be allowed.
    package static let allowableInSources: [Finding.Name] = [
        .carriageReturn, .byteOrderMark, .lineSeparator, .controlCharacter, .invisibleCharacter, .indentedLine,
        .unclosedQuote, .colonAfterKey, .duplicateKey, .noFinalNewline, .missingNUL, .unknownAllowance,
    ]

    /// Whether it makes doubtful which keys a source has at all: such a source answers nothing.
    var makesSourceDoubtful: Bool {
        self == .unreadableLine || self == .nulByte || self == .carriageReturn || self == .byteOrderMark
            || self == .lineSeparator
    }
}
