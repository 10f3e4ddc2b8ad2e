// The two grammars of map sources (SEMANTICS 9): what `newdb -a` reads, and what it reads without `-a`.

/// How the text of a map's source is laid out.
public enum SourceForm: Sendable, Hashable {
    /// `key: value`, continued on lines that begin with a blank after a line that ends with a comma (`newdb -a`).
    ///
    /// The key ends at the first blank or colon that is neither quoted nor escaped, and is folded to lower case, or to upper.
    case aliases
    /// The first word of a line is the key, the rest of the line the value.
    case plain
}
