// What can make routes differ beside the entries of maps: settings, lines of dbases.conf, and files that entries name.

import Configuration
import Maps
import Site

/// How two sites differ beside their entries.
struct SiteDifferences {
    private let lines: [RouteChangeCause]
    private let settings: [RouteChangeCause]

    /// Compares two sites.
    init(_ old: Site, _ new: Site) {
        var relations = old.databases.relations
        for name in new.databases.relations where !relations.contains(name) { relations.append(name) }
        lines = relations.compactMap { relation in
            let before = old.databases.definitions(of: relation), after = new.databases.definitions(of: relation)
            guard before.map(Self.meaning) != after.map(Self.meaning) else { return nil }
            return .lines(relation: relation, old: Self.place(before), new: Self.place(after))
        }
        settings = zip(Self.settings(old.settings), Self.settings(new.settings)).compactMap { before, after in
            before.value == after.value ? nil : .setting(before.name, old: before.value, new: after.value)
        }
    }

    /// What made a route differ that no differing entry decides.
    func causes(_ before: DecidingEntries, _ after: DecidingEntries) -> [RouteChangeCause] {
        var causes: [RouteChangeCause] = []
        for found in before.found {
            let isOther = after.found.contains {
                $0.table == found.table && $0.key == found.key && $0.value != found.value
            }
            let cause = RouteChangeCause.file(found.table.file)
            if isOther, !causes.contains(cause) { causes.append(cause) }
        }
        let failures = (before.failed + after.failed).map {
            RouteChangeCause.failure(map: "\($0.table)", reason: $0.failure ?? "")
        }
        return causes.isEmpty ? lines + settings + failures : causes
    }

    /// What a line says of the entries of its map, wherever they are.
    private static func meaning(_ definition: MapDefinition) -> [String] {
        var flags = definition.flags
        flags.environmentFile = nil
        flags.file = nil
        return [definition.type.name, "\(definition.compile)", "\(flags)"]
    }

    private static func place(_ definitions: [MapDefinition]) -> EntryLocation? {
        definitions.first.map { EntryLocation(relation: $0.relation, key: [], file: $0.file, line: $0.line) }
    }

    /// The settings that routes depend on.
    private static func settings(_ settings: Settings) -> [(name: String, value: String)] {
        [
            ("hostname", settings.hostname), ("mydomain", settings.myDomain),
            ("orgdomain", settings.organizationDomain),
            ("orgdomains", settings.organizationDomains.joined(separator: "|")),
            ("localaddresses", settings.localAddresses.joined(separator: " ")),
            ("ROUTEUSER_IN_ABNORMAL_UNIX", settings.acceptsAnyLocalUser ? "1" : ""),
            ("LOCALUSERS", settings.localUsers ?? ""), ("localdoesdomain", settings.localDoesDomain ? "1" : ""),
            ("preservetailcase", settings.preserveTailCase ? "1" : ""),
            ("allowchannelliteral", settings.allowChannelLiteral ? "1" : ""),
            ("expansiondepth", "\(settings.expansionDepth)"), ("expansionsize", "\(settings.expansionSize)"),
        ]
    }
}
