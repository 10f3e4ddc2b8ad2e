// What the plain form of a map's source means, read again in the simplest way there is: what the real parser and its
// index answer must be the same.

import Bytes
import Maps

/// The entries of a source in the plain form; the first of each key stands.
struct PlainSource {
    /// The value of each key, both as they are found.
    private(set) var entries: [[UInt8]: [UInt8]] = [:]

    /// Reads a source without a NUL.
    init(_ text: [UInt8], folding: KeyFolding) {
        for line in text.split(separator: UInt8(ascii: "\n")) {
            let line = line.drop(while: ASCII.isBlank)
            guard let first = line.first, first != UInt8(ascii: "#") else { continue }
            var key = line.prefix { !ASCII.isBlank($0) }
            let value = line.dropFirst(key.count).drop(while: ASCII.isBlank)
            if key.count > 1, key.last == UInt8(ascii: ":") { key = key.dropLast() }
            let folded = key.map(folding.fold)
            if entries[folded] == nil { entries[folded] = Array(value) }
        }
    }
}

/// A table of a source's entries that says whose it is, as a file does.
final class PlainSourceTable: Table {
    let name: TableName
    let privilege: UInt32
    private let source: PlainSource

    init(_ source: PlainSource, name: TableName, privilege: UInt32) {
        self.source = source
        self.name = name
        self.privilege = privilege
    }

    func lookUp(_ key: Span<UInt8>, into value: inout [UInt8]) -> Bool {
        guard let found = source.entries[[UInt8](copying: key)] else { return false }
        value = found
        return true
    }

    func refresh() -> Bool { false }
}
