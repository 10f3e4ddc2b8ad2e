// Finds keys that a dump has more than once, in two passes: the first takes note of hashes alone, so that a dump of millions
// of keys, which nearly never has one twice, needs eight bytes for each.

import Maps

/// The keys of a dump that come again.
struct RepeatedKeys {
    private var hashes: Set<Int> = []
    private var suspects: Set<Int> = []
    /// The line of the last entry with each of the keys that may come again.
    private var lines: [[UInt8]: Int] = [:]

    /// Whether the second pass is needed.
    var mayExist: Bool { !suspects.isEmpty }

    /// Takes note of a key in the first pass.
    mutating func add(_ key: [UInt8]) {
        let hash = key.hashValue
        if !hashes.insert(hash).inserted { suspects.insert(hash) }
    }

    /// Looks at a key in the second pass.
    ///
    /// - Returns: what is to be said where it was there before.
    mutating func look(at key: [UInt8], line: Int) -> String? {
        guard suspects.contains(key.hashValue) else { return nil }
        let before = lines.updateValue(line, forKey: key)
        return before.map {
            "the key '\(printable(key.last == 0 ? key.dropLast() : key[...]))' is on line \($0) too: this line, the later one,"
                + " stands, unlike in a source, where the first does; remove one"
        }
    }
}
