// Where the entries that a trace shows stand: file and line of the text that a map is read or compiled from. Read for traces
// alone, and kept until the file changes.

import Configuration
import Maps
import Site
import System

/// The sources of a site's maps.
final class TraceSources: Sendable {
    /// Where an entry stands.
    enum Place {
        /// In a line of a file, as the map has it.
        case line(Int, of: String)
        /// In a line of a file with another value: the map is older, or younger.
        case otherValue([UInt8], line: Int, of: String)
        /// Nowhere in the file.
        case nowhere(in: String)
        /// In a file that cannot be read, for this reason.
        case unreadable(String, String)
    }

    /// A source that was read, or why it could not be; nothing where it is not there.
    private struct Known {
        let identity: FileState?
        let source: MapSource?
        let error: CompileError?
    }

    private let definitions: [TableName: MapDefinition]
    private let known = Monitor([TableName: Known]())

    /// The sources of a site's maps; none is read yet.
    init(_ site: Site) {
        var definitions: [TableName: MapDefinition] = [:]
        for definition in site.databases.definitions where definitions[definition.tableName] == nil {
            definitions[definition.tableName] = definition
        }
        self.definitions = definitions
    }

    /// Where the entry stands that a map answered with.
    ///
    /// - Parameters:
    ///   - key: the key that was asked for.
    ///   - value: the value that the map has for it.
    /// - Returns: nil for what has no text: live maps, compiled ones whose source is not there, accounts, included files.
    func place(of key: [UInt8], value: [UInt8], in table: TableName) -> Place? {
        guard let definition = definitions[table], let path = definition.source?.path else { return nil }
        let known = source(of: definition, path)
        if let error = known.error { return .unreadable(path, error.description) }
        guard let source = known.source else { return nil }
        guard let entry = entry(of: key, in: source, definition.source?.folding ?? .none) else {
            return .nowhere(in: path)
        }
        let line = entry.line ?? 0
        return entry.value == value ? .line(line, of: path) : .otherValue(entry.value, line: line, of: path)
    }

    /// The entry of a key as it was asked for, or, for maps that compare without regard to case, as it is stored.
    private func entry(of key: [UInt8], in source: MapSource, _ folding: KeyFolding) -> MapEntry? {
        if let entry = source.entry(of: key.span) { return entry }
        var folded: [UInt8] = []
        for byte in key { folded.append(folding.fold(byte)) }
        return source.entry(of: folded.span)
    }

    /// Whether the map is compiled from its source, so that newdb brings the two together.
    func isCompiled(_ table: TableName) -> Bool { definitions[table]?.type.compiledExtension != nil }

    private func source(of definition: MapDefinition, _ path: String) -> Known {
        let name = definition.tableName
        let identity = try? FileState(path: path)
        if let known = known.change({ $0[name] }), known.identity == identity { return known }
        let read = Self.read(definition, identity)
        // What may be fine in a moment is looked at again.
        if read.error?.isTemporary != true { known.change { $0[name] = read } }
        return read
    }

    private static func read(_ definition: MapDefinition, _ identity: FileState?) -> Known {
        do {
            // What is wrong with a source, others say.
            let source = try MapSource(of: definition, allowing: .all)
            return Known(identity: identity, source: source, error: nil)
        } catch {
            return Known(identity: identity, source: nil, error: error)
        }
    }
}
