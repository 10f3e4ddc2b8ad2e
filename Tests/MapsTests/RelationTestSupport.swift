// What the tests of relations share: a table in memory that notes what it is asked.

import Bytes
import Configuration
import Maps
import Site
import System
import Testing
import ZRouteTestKit

extension TemporaryDirectory {
    /// Writes a file that was changed just now.
    func write(_ name: String, _ text: String) throws { try write(text, to: name, isDatedBack: false) }
}

/// A table in memory that fails for some keys.
final class MemoryTable: Table {
    let name: TableName
    var entries: [String: String]
    var failing: Set<String>
    var asked: [String] = []
    var refreshed = 0
    var changes = false
    var privilege: UInt32 = 0

    init(_ entries: [String: String], failing: Set<String> = [], name: String = "memory") {
        self.entries = entries
        self.failing = failing
        self.name = TableName(relation: name, backEnd: "memory", file: "-")
    }

    func lookUp(_ key: Span<UInt8>, into value: inout [UInt8]) throws(MapError) -> Bool {
        let bytes = (0..<key.count).map { key[$0] }
        let text = String(decoding: bytes, as: UTF8.self)
        asked.append(text)
        guard !failing.contains(text) else { throw MapError(table: name, key: bytes, text: "broken on purpose") }
        guard let entry = entries[text] else { return false }
        value = Array(entry.utf8)
        return true
    }

    func refresh() -> Bool {
        refreshed += 1
        return changes
    }
}

/// Hands out tables prepared by the file's name.
struct MemoryTables: TableFactory {
    nonisolated(unsafe) let tables: [String: MemoryTable]

    func makeTable(for definition: MapDefinition) -> any Table {
        tables[definition.path ?? "-"] ?? MemoryTable([:])
    }
}

/// A relation whose maps have the given flags, in order.
func relation(_ maps: [(flags: String, table: MemoryTable)]) throws -> Relation {
    let lines = maps.map { "r text - - /f \($0.flags)" }.joined(separator: "\n")
    let conf = try DatabasesConf(
        Array(lines.utf8), file: "/c", variables: Variables(), types: MapBackEnds.all.types)
    return Relation(name: "r", maps: zip(conf.definitions, maps).map { ($0, $1.table) })
}

/// Arguments of `%1` to `%9`, with their bytes.
struct SubstitutionArguments {
    var texts: [Int: String] = [:]

    init(_ texts: [Int: String] = [:]) { self.texts = texts }

    /// Puts them into a text.
    func places(in text: inout TextArena) -> SubstitutionPlaces {
        var places = SubstitutionPlaces()
        for (number, argument) in texts { places[number] = text.append(Array(argument.utf8)) }
        return places
    }
}

/// What a relation answered, apart from the text it was found in.
struct FoundAnswer {
    let map: Int
    let value: [UInt8]
    let key: [UInt8]
    let privilege: UInt32

    /// An answer whose value has its `%N` substituted.
    init(_ hit: MapHit, _ arguments: SubstitutionArguments, in text: inout TextArena) {
        map = hit.map
        key = text[hit.key]
        privilege = hit.privilege
        let places = arguments.places(in: &text)
        value = text[hit.value(substituting: places, in: &text)]
    }
}

extension Relation {
    mutating func answer(
        _ key: String, defaults: [String] = [], arguments: SubstitutionArguments = SubstitutionArguments(),
        seconds: UInt64 = 0
    ) throws -> String? {
        try answerHit(key, defaults: defaults, arguments: arguments, seconds: seconds)
            .map { String(decoding: $0.value, as: UTF8.self) }
    }

    mutating func answerHit(
        _ key: String, defaults: [String] = [], arguments: SubstitutionArguments = SubstitutionArguments(),
        seconds: UInt64 = 0
    ) throws -> FoundAnswer? {
        var text = TextArena()
        let place = text.append(Array(key.utf8))
        let hit = try find(
            place, in: &text, defaults: defaults.map { Array($0.utf8) },
            now: MonotonicTime(nanoseconds: seconds * 1_000_000_000))
        return hit.map { FoundAnswer($0, arguments, in: &text) }
    }
}
