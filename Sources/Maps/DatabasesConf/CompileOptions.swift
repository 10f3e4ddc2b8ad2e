// The fourth field of dbases.conf: how newdb compiles the map's source, which is also how a text map is read.

/// How a map's source is to be understood.
public struct CompileOptions: Sendable, Hashable {
    /// How keys are folded when they are stored.
    public let folding: KeyFolding
    /// Whether the source is in the form of aliases, `key: value, value` (`-a`), not in the plain form.
    public let isAliases: Bool
    /// Whether the map is live (`-r`): other programs write it, newdb leaves it alone.
    public let isLive: Bool

    /// Describes how a source is compiled.
    public init(folding: KeyFolding = .none, isAliases: Bool = false, isLive: Bool = false) {
        self.folding = folding
        self.isAliases = isAliases
        self.isLive = isLive
    }

    /// Reads the field: `-`, or a `-` and the letters `l`, `u`, `a`, `r`; `s` and `v` only make newdb talk less or more.
    init(field: String) throws(FieldError) {
        guard field != "-" else {
            self.init()
            return
        }
        guard field.utf8.first == UInt8(ascii: "-") else {
            throw FieldError("the newdb options '\(field)' do not begin with '-'; write '-' for none")
        }
        let letters = Array(field.unicodeScalars.dropFirst())
        for letter in letters where !"luarsv".unicodeScalars.contains(letter) {
            throw FieldError("the newdb option '\(letter)' is unknown; l, u, a, r are known")
        }
        guard !letters.contains("l") || !letters.contains("u") else {
            throw FieldError("the newdb options l and u exclude each other; keep one")
        }
        guard !letters.contains("r") || !letters.contains(where: "lua".unicodeScalars.contains) else {
            throw FieldError("the newdb option r (a live map, not compiled) excludes l, u and a; keep one")
        }
        // Keys of aliases are never case-sensitive: newdb folds them even without -l.
        let folding: KeyFolding =
            letters.contains("u") ? .upper : letters.contains("l") || letters.contains("a") ? .lower : .none
        self.init(folding: folding, isAliases: letters.contains("a"), isLive: letters.contains("r"))
    }
}

/// What is wrong with one field of a line; the line's place is added where it is known.
struct FieldError: Error {
    let text: String

    init(_ text: String) {
        self.text = text
    }
}
