// Which findings are meant, and so are no findings: chosen by name on the command line or in a comment beside the entry.

/// A choice of findings by their names.
package struct AllowedFindings: Sendable, Hashable {
    private var names: Set<Finding.Name> = []
    private var allowsAll = false

    /// Allows nothing.
    package init() {}

    /// Allows everything that has a name which can be allowed.
    package static let all: AllowedFindings = {
        var allowed = AllowedFindings()
        allowed.allowsAll = true
        return allowed
    }()

    /// The word that stands for every name.
    package static let everyName = "all"

    /// Allows a kind of finding.
    ///
    /// - Parameters:
    ///   - word: its name, or `all`.
    ///   - known: the names that can be allowed.
    /// - Returns: whether the word is one of them.
    package mutating func allow(_ word: String, of known: [Finding.Name]) -> Bool {
        if word == Self.everyName {
            allowsAll = true
            return true
        }
        let name = Finding.Name(word)
        guard known.contains(name) else { return false }
        names.insert(name)
        return true
    }

    /// Whether a kind of finding is allowed.
    package func contains(_ name: Finding.Name) -> Bool { allowsAll || names.contains(name) }
}
