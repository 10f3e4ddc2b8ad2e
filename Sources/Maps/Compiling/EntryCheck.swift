// The rules of sources for entries that come one at a time, or from a dump.

import Bytes
public import Configuration

/// Looks at single entries as the reader of sources does.
public struct EntryCheck {
    private let judge: (any EntryJudge)?

    /// Looks at entries whose use a judge knows.
    public init(judge: (any EntryJudge)?) { self.judge = judge }

    /// What is wrong with an entry as it is stored, a NUL behind its key and its value.
    ///
    /// Nothing is known of entries whose use nobody knows: other programs' keys may be of any bytes.
    public func faults(ofStoredKey key: [UInt8], value: [UInt8]) -> [EntryFault] {
        guard judge != nil else { return [] }
        guard key.last == 0 else {
            let text = String(decoding: key, as: UTF8.self)
            return [
                EntryFault(
                    .missingNUL,
                    "nothing ever asks for the key '\(text)': it lacks the NUL that ends keys; add it")
            ]
        }
        return faults(ofKey: Array(key.dropLast()), value: value.last == 0 ? Array(value.dropLast()) : value)
    }

    /// What is wrong with an entry that was read from a map's file.
    public func faults(of entry: MapEntry) -> [EntryFault] {
        entry.lacksNUL
            ? faults(ofStoredKey: entry.key, value: entry.value) : faults(ofKey: entry.key, value: entry.value)
    }

    /// What is wrong with an entry.
    public func faults(ofKey key: [UInt8], value: [UInt8]) -> [EntryFault] {
        for part in [key, value] {
            let intruders = SourceCharacters.intruders(in: part.span, isComment: false, isFirst: false)
            if let first = intruders.first { return [EntryFault(first.name, first.text)] }
        }
        if let character = InvisibleCharacter.first(in: key.span) {
            let text = String(decoding: key, as: UTF8.self)
            return [EntryFault(.invisibleCharacter, "\(character) is part of the key '\(text)'; remove it")]
        }
        return judge?.faults(ofKey: key.span, value: value.span) ?? []
    }
}

// How a reader of sources learns what an entry must be, without knowing what its map is for.

/// What is wrong with an entry, wherever it stands.
public struct EntryFault: Sendable, Hashable {
    /// Its kind.
    public let name: Finding.Name
    /// How much it matters.
    public let severity: Finding.Severity
    /// The cause and the remedy, in one line.
    public let text: String

    /// Records a fault.
    public init(_ name: Finding.Name, _ text: String, severity: Finding.Severity = .error) {
        self.name = name
        self.severity = severity
        self.text = text
    }
}

/// Says what is wrong with the entries of one relation.
public protocol EntryJudge: Sendable {
    /// The names of all that it may find.
    var names: [Finding.Name] { get }

    /// What is wrong with an entry; nothing for nearly every entry, which has to be found out fast.
    ///
    /// - Parameters:
    ///   - key: the key as it is stored, folded, without a NUL.
    ///   - value: the value as it is stored, without a NUL.
    func faults(ofKey key: Span<UInt8>, value: Span<UInt8>) -> [EntryFault]
}

// The findings about a source that need no knowledge of what its map is for: what the lines are made of.

extension Finding.Name {
    /// A line that the form of the source does not have, such as one without a colon; it cannot be allowed.
    public static let unreadableLine = Finding.Name("unreadable-line")
    /// A NUL byte, which no key or value in a database may hold, or UTF-16, which is full of them; it cannot be allowed.
    public static let nulByte = Finding.Name("nul-byte")
    /// A carriage return: the line ends of another system.
    public static let carriageReturn = Finding.Name("carriage-return")
    /// A byte order mark, at the beginning or where files were put together.
    public static let byteOrderMark = Finding.Name("byte-order-mark")
    /// A character that other programs take for a line end: U+0085, U+2028, U+2029.
    public static let lineSeparator = Finding.Name("line-separator")
    /// Any other control character but TAB.
    public static let controlCharacter = Finding.Name("control-character")
    /// A line of the plain form that begins with a blank: elsewhere it would continue the line before.
    public static let indentedLine = Finding.Name("indented-line")
    /// A key of the plain form with a quote that the key does not close.
    public static let unclosedQuote = Finding.Name("unclosed-quote")
    /// A key of the plain form that ends in a colon.
    public static let colonAfterKey = Finding.Name("colon-after-key")
    /// A key that was given before.
    public static let duplicateKey = Finding.Name("duplicate-key")
    /// A stored key without the NUL that ends keys.
    public static let missingNUL = Finding.Name("missing-nul")
    /// A source that everyone may write.
    public static let writableByAll = Finding.Name("writable-by-all")
    /// A compiled map that is older than its source.
    public static let sourceIsNewer = Finding.Name("source-is-newer")
    /// A source without entries where there were some before.
    public static let emptySource = Finding.Name("empty-source")
    /// A last line without its newline.
    public static let noFinalNewline = Finding.Name("no-final-newline")
    /// A comment that allows what is no finding.
    public static let unknownAllowance = Finding.Name("unknown-allowance")

    /// Those of a source's lines that can be allowed.
    public static let allowableInSources: [Finding.Name] = [
        .carriageReturn, .byteOrderMark, .lineSeparator, .controlCharacter, .invisibleCharacter, .indentedLine,
        .unclosedQuote, .colonAfterKey, .duplicateKey, .noFinalNewline, .missingNUL, .unknownAllowance,
    ]

    /// Whether it makes doubtful which keys a source has at all: such a source answers nothing.
    var makesSourceDoubtful: Bool {
        self == .unreadableLine || self == .nulByte || self == .carriageReturn || self == .byteOrderMark
            || self == .lineSeparator
    }
}
