// An entry that an earlier map of its relation has too is never found in a later one.

import Configuration
import Maps

/// The maps of a relation that are asked before a map.
struct EarlierMaps {
    private let maps: [(definition: MapDefinition, table: any Table)]
    private var failed: Set<Int> = []
    /// How many entries were found to be hidden.
    private(set) var hidden = 0

    /// The maps before the one that a command works with; none where no line of dbases.conf names that.
    init(_ session: borrowing DbSession) {
        guard let site = session.site, let own = session.target.definition else {
            maps = []
            return
        }
        let tables = SiteTableFactory(texts: site.makeTextLoader())
        maps = site.databases.definitions(of: own.relation).prefix { $0 != own }.map { ($0, tables.makeTable(for: $0)) }
    }

    var isEmpty: Bool { maps.isEmpty }

    /// What is to be said where lookups do not come as far as an entry, because an earlier map has its key.
    ///
    /// - Parameters:
    ///   - stored: the key as it is stored, with its NUL.
    ///   - map: the map in which it is stored; what watches its calls watches these.
    mutating func warnings(about stored: [UInt8], in map: LiveMap) -> [String] {
        let key = stored.last == 0 ? stored.dropLast() : stored[...]
        var said: [String] = []
        for (index, earlier) in maps.enumerated() where !failed.contains(index) {
            let (definition, table) = earlier
            let folded = key.map { definition.flags.folding.fold($0) }
            do {
                var value: [UInt8] = []
                let isFound = try map.watching { () throws(MapError) in
                    try table.lookUp(folded.span, into: &value)
                }
                guard isFound else { continue }
                hidden += 1
                said.append(
                    "warning: '\(printable(folded))' is stored, and is not found by lookups: \(definition.tableName), "
                        + "which comes first in \(definition.file):\(definition.line), has it with the value "
                        + "'\(printable(value))'; change it there")
                return said
            } catch {
                failed.insert(index)
                said.append(
                    "warning: '\(printable(folded))' is stored; whether an earlier map hides it is not known: \(error)")
            }
        }
        return said
    }
}
