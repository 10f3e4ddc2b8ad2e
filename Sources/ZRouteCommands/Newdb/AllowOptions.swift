// `--allow NAME`: whoever means what looks like a mistake says so.

import ArgumentParser
import Configuration
import Maps
import Routing

/// Which findings are no findings.
struct AllowOptions: ParsableArguments {
    @Option(
        name: .customLong("allow"),
        help: ArgumentHelp(
            "Accept what is refused or warned of under this name, which messages give in parentheses; 'all' for every name.",
            valueName: "name"),
        transform: AllowedName.init(word:))
    var names: [AllowedName] = []

    /// All that is allowed.
    var findings: AllowedFindings {
        var allowed = AllowedFindings()
        for name in names { _ = allowed.allow(name.word, of: AllowedName.known) }
        return allowed
    }

    /// What is said once after findings that were refused.
    ///
    /// - Parameter hasComments: whether the source is one that has comments.
    static func hint(withComments hasComments: Bool) -> String {
        "to accept what is meant as it stands, say --allow NAME, with the name in parentheses"
            + (hasComments ? ", or write '# zroute: allow NAME' on the line before the entry" : "")
    }
}

/// The name of a finding that can be allowed, or `all`.
struct AllowedName: Sendable {
    let word: String

    /// Takes a name.
    ///
    /// - Throws: `ValidationError` with the names that can be allowed, for any other.
    init(word: String) throws {
        var allowed = AllowedFindings()
        guard allowed.allow(word, of: Self.known) else {
            let reason = Finding.Name.reasonAgainstAllowing(word, of: Self.known)
            throw ValidationError("\(reason) (names: \(Finding.Name.all(Self.known, nearestTo: word)))")
        }
        self.word = word
    }

    /// The names that can be allowed.
    static var known: [Finding.Name] {
        Finding.Name.allowableInSources + Finding.Name.ofEntries.filter { $0 != .invisibleCharacter }
            + [.writableByAll, .emptySource]
    }
}
