// The entries of Postfix's tables, from the files that Postfix itself reads.

import Bytes
import Maps
import Site
import System

/// An entry of a table.
package struct TableEntry: Sendable, Hashable {
    /// The key as it is stored.
    package let key: [UInt8]
    /// The value.
    package let value: [UInt8]
    /// The line of a text file.
    package let line: Int?
}

extension TableReference {
    /// The file that Postfix reads; nil for a table without one.
    package var readFile: String? {
        guard case .file(let type, let path) = self, let fileExtension = Self.fileExtensions[type] else { return nil }
        return path + fileExtension
    }

    /// Why its entries cannot be had; nil where they can.
    package var obstacle: String? {
        switch self {
        case .inline, .constant, .accounts: return nil
        case .union(let members): return members.lazy.compactMap(\.obstacle).first
        case .file(let type, _):
            return type == "texthash" || Self.backEndType(type) != nil
                ? nil
                : "maps of type \(type) are not read here; have postmap make one of type hash, btree or cdb of the source"
        case .other(let type, _):
            switch type {
            case "regexp", "pcre", "cidr":
                return "patterns have no counterpart; write an entry for each address that is to match"
            case "hash", "btree", "cdb", "lmdb", "texthash":
                return "the path is not absolute; write the whole path"
            case "fail": return "a table that always fails has no counterpart"
            default:
                return
                    "the entries of a table of type \(type) cannot be listed; write them into a file of type texthash"
            }
        }
    }

    /// What reads files of a type.
    private static func backEndType(_ type: String) -> MapType? {
        let name = type == "hash" ? "bhash" : type
        return MapBackEnds.all.types.first { $0.name == name }
    }

    /// All entries, each key once, in an order that is the same every time.
    ///
    /// - Throws: where some may be missing.
    package func entries() throws(ConversionError) -> [TableEntry] {
        switch self {
        case .inline(let entries):
            var known: Set<[UInt8]> = []
            return entries.map {
                TableEntry(key: Array($0.key.utf8).lowercased, value: Array($0.value.utf8), line: nil)
            }
            .filter { known.insert($0.key).inserted }
        case .constant, .accounts, .other: return []
        case .union(let members): return try Self.unite(members)
        case .file("texthash", let path): return try TextTable.entries(of: path)
        case .file(let type, _): return try compiledEntries(type)
        }
    }

    private static func unite(_ members: [TableReference]) throws(ConversionError) -> [TableEntry] {
        var united: [TableEntry] = []
        var places: [[UInt8]: Int] = [:]
        for member in members {
            for entry in try member.entries() {
                if let place = places[entry.key] {
                    let value = united[place].value + [UInt8(ascii: ",")] + entry.value
                    united[place] = TableEntry(key: entry.key, value: value, line: united[place].line)
                } else {
                    places[entry.key] = united.count
                    united.append(entry)
                }
            }
        }
        return united
    }

    private func compiledEntries(_ type: String) throws(ConversionError) -> [TableEntry] {
        guard let file = readFile, let mapType = Self.backEndType(type) else { return [] }
        do throws(FileError) {
            _ = try FileIdentity(path: file)
        } catch {
            throw .file(
                FileError(
                    operation: error.operation, path: file, code: error.code,
                    remedy: "Postfix reads this file; make it with `postmap \(description)`"))
        }
        var definition = MapDefinition(relation: "postfix", type: mapType, path: file, file: file, line: 0)
        definition.readInstead = file
        var entries: [TableEntry] = []
        do throws(MapError) {
            try MapBackEnds.all.readEntries(of: definition, within: .seconds(600)) { batch in
                entries += batch.map { TableEntry(key: $0.key, value: $0.value, line: nil) }
                return true
            }
        } catch {
            throw .unusable(file: file, line: nil, text: "\(error.text); make it anew with `postmap \(description)`")
        }
        return entries.sorted { $0.key.lexicographicallyPrecedes($1.key) }
    }

    /// The source, where it was written after the file that Postfix reads.
    package var newerSource: String? {
        guard case .file(let type, let path) = self, type != "texthash", let file = readFile,
            let source = try? FileIdentity(path: path), let compiled = try? FileIdentity(path: file),
            source.modified > compiled.modified
        else { return nil }
        return path
    }
}

/// The form of postmap's sources, which texthash reads as they are (postmap(1)).
enum TextTable {
    private static let sizeLimit = 1 << 30

    /// Reads a file.
    static func entries(of path: String) throws(ConversionError) -> [TableEntry] {
        let bytes: [UInt8]
        do throws(FileError) {
            bytes = try System.readFile(path, limit: sizeLimit).bytes
        } catch {
            throw .file(error)
        }
        var known: Set<[UInt8]> = []
        var entries: [TableEntry] = []
        // Postfix passes a line over that begins with a blank and continues none.
        for line in LogicalLine.lines(of: bytes) where line.bytes.first.map(LogicalLine.isSpace) == false {
            let (key, value) = split(line.bytes)
            // Postfix warns of a key without a value and of one that was there before, and passes both over.
            guard !key.isEmpty, !value.isEmpty, known.insert(key).inserted else { continue }
            entries.append(TableEntry(key: key, value: value, line: line.number))
        }
        return entries
    }

    /// The key ends at the first blank outside quotes.
    private static func split(_ line: [UInt8]) -> (key: [UInt8], value: [UInt8]) {
        var position = line.firstIndex { !LogicalLine.isSpace($0) } ?? line.endIndex
        var key: [UInt8] = []
        var isQuoted = false
        while position < line.count, isQuoted || !LogicalLine.isSpace(line[position]) {
            if line[position] == UInt8(ascii: "\"") {
                isQuoted.toggle()
            } else if line[position] == UInt8(ascii: "\\"), position + 1 < line.count {
                position += 1
                key += [UInt8(ascii: "\\"), line[position]]
                position += 1
                continue
            }
            key.append(line[position])
            position += 1
        }
        var value = line[position...].drop(while: LogicalLine.isSpace)
        while let last = value.last, LogicalLine.isSpace(last) { value = value.dropLast() }
        return (key.lowercased, Array(value))
    }
}

extension [UInt8] {
    /// With the letters of ASCII in lower case.
    package var lowercased: [UInt8] { map(ASCII.lowercase) }
}
