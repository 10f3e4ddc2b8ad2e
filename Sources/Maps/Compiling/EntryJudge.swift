// How a reader of sources learns what an entry must be, without knowing what its map is for.

package import Configuration

/// What is wrong with an entry, wherever it stands.
package struct EntryFault: Sendable, Hashable {
    /// Its kind.
    package let name: Finding.Name
    /// How much it matters.
    package let severity: Finding.Severity
    /// The cause and the remedy, in one line.
    package let text: String

    /// Records a fault.
    package init(_ name: Finding.Name, _ text: String, severity: Finding.Severity = .error) {
        self.name = name
        self.severity = severity
        self.text = text
    }
}

/// Says what is wrong with the entries of one relation.
package protocol EntryJudge: Sendable {
    /// The names of all that it may find.
    var names: [Finding.Name] { get }

    /// What is wrong with an entry; nothing for nearly every entry, which has to be found out fast.
    ///
    /// - Parameters:
    ///   - key: the key as it is stored, folded, without a NUL.
    ///   - value: the value as it is stored, without a NUL.
    func faults(ofKey key: Span<UInt8>, value: Span<UInt8>) -> [EntryFault]
}
