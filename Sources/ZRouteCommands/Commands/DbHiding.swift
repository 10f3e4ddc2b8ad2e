// An entry that an earlier map of its relation has too is never found in a later one.

import Configuration
import Maps

extension DbSession {
    /// Warns where lookups do not come as far as this map, because an earlier one has the key.
    ///
    /// - Parameters:
    ///   - stored: the key as it is stored, with its NUL.
    ///   - map: the map in which it is stored; what watches its calls watches these.
    func warnOfHiding(_ stored: [UInt8], in map: LiveMap) {
        guard let site, let own = target.definition else { return }
        let earlier = site.databases.definitions(of: own.relation).prefix { $0 != own }
        guard !earlier.isEmpty else { return }
        let tables = SiteTableFactory(texts: site.makeTextLoader())
        let key = stored.last == 0 ? stored.dropLast() : stored[...]
        for definition in earlier {
            let folded = key.map { definition.flags.folding.fold($0) }
            var value: [UInt8] = []
            do {
                let isFound = try map.watching { () throws(MapError) in
                    try tables.makeTable(for: definition).lookUp(folded.span, into: &value)
                }
                guard isFound else { continue }
                log.say(
                    "warning: '\(printable(folded))' is stored, and is not found by lookups: \(definition.tableName), "
                        + "which comes first in \(definition.file):\(definition.line), has it with the value "
                        + "'\(printable(value))'; change it there")
                return
            } catch {
                log.say(
                    "warning: '\(printable(folded))' is stored; whether an earlier map hides it is not known: \(error)")
            }
        }
    }
}
