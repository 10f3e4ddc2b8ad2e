// Where an entry stands: the line of the source that it comes from, for whoever has to mend it.

import Maps
package import Site
import System

/// An entry, and where it stands.
package struct EntryLocation: Sendable, Hashable, CustomStringConvertible {
    /// The relation of its map.
    package let relation: String
    /// Its key.
    package let key: [UInt8]
    /// The file it stands in: the source where the line is known, otherwise the file that lookups read.
    package let file: String
    /// The line, counted from 1; nil where the entry has none, as in a live map, or where the source has changed since it was
    /// compiled.
    package let line: Int?

    /// The form of messages: `fqdnroutes 'bob@example.org' (/etc/zmailer/db/fqdnroutes:14)`.
    package var description: String {
        "\(relation) '\(String(decoding: key, as: Unicode.UTF8.self))' (\(file)\(line.map { ":\($0)" } ?? ""))"
    }
}

/// Finds the places of the entries of one site.
///
/// The source of a map is read at the first question about it, and kept.
package struct EntryLocations {
    private enum Source {
        case unread
        case none
        case read(MapSource)
    }

    private let definitions: [MapDefinition]
    private var sources: [Source]

    /// Nothing is read yet.
    package init(of site: Site) {
        definitions = site.databases.definitions
        sources = definitions.map { _ in .unread }
    }

    /// Where an entry stands that a lookup found.
    package mutating func place(of entry: ConsultedEntry) -> EntryLocation {
        let name = entry.table
        guard let index = definitions.firstIndex(where: { $0.tableName == name }) else {
            return EntryLocation(relation: name.relation, key: entry.key, file: name.file, line: nil)
        }
        guard let source = source(index), let known = source.entry(of: entry.key.span),
            entry.value == nil || known.value == entry.value, let line = known.line
        else { return EntryLocation(relation: name.relation, key: entry.key, file: name.file, line: nil) }
        return EntryLocation(relation: name.relation, key: entry.key, file: source.name, line: line)
    }

    private mutating func source(_ index: Int) -> MapSource? {
        switch sources[index] {
        case .read(let source): return source
        case .none: return nil
        case .unread: break
        }
        // A source that cannot be read says nothing of lines; the map answers all the same.
        guard let read = try? MapSource(of: definitions[index]) else {
            sources[index] = .none
            return nil
        }
        sources[index] = .read(read)
        return read
    }
}
