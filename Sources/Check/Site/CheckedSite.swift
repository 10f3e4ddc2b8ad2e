// A site as rules look at it: its settings, all entries of its maps, and where they stand.

import Bytes
import Configuration
import Delivery
import Maps
import Routing
import Site

/// All that is known of a site.
struct CheckedSite: Sendable {
    let settings: Settings
    /// The site, asked by the text of its sources: what is written there is judged, not what was compiled before.
    let asked: Site
    /// What scheduler.conf says; nil for a site that only routes.
    let plan: DeliveryPlan?
    /// The maps of the chain, in the order of dbases.conf, and those of the relay files.
    let maps: [CheckedMap]
    /// The relations of which not all entries are known.
    private let incomplete: Set<String>
    private let indices: [RelationName: [Int]]
    /// The indices of the relay files.
    let relays: [Int]

    /// Puts together what was read.
    init(_ configuration: SiteConfiguration, _ site: Site, _ reader: MapReader) {
        settings = configuration.settings
        plan = configuration.plan
        maps = reader.maps
        incomplete = reader.incomplete
        var indices: [RelationName: [Int]] = [:]
        for index in reader.maps.indices {
            if let relation = reader.maps[index].relation { indices[relation, default: []].append(index) }
        }
        self.indices = indices
        relays = reader.maps.indices.filter { reader.maps[$0].relation == nil }
        // What is read is judged: sources in the place of what was compiled, and live maps as they were a moment ago.
        var held: [String: MapSource] = [:]
        for map in reader.maps where map.definition?.source == nil { held[map.file] = map.source }
        let databases = site.databases.mapped { definition in
            guard definition.textForm == nil, definition.type.needsFile,
                let map = reader.maps.first(where: { $0.definition == definition })
            else { return definition }
            var flags = definition.flags
            flags.environmentFile = nil
            return MapDefinition(
                relation: definition.relation, type: definition.source == nil ? HeldEntriesBackEnd.type : .text,
                compile: definition.compile, path: map.file, flags: flags, file: definition.file, line: definition.line)
        }
        asked = Site(
            settings: configuration.settings, databases: databases,
            backEnds: MapBackEnds.all.adding(HeldEntriesBackEnd(sources: held)))
    }

    /// The indices of the maps of a relation, in the order in which they are asked.
    func maps(of relation: RelationName) -> [Int] { indices[relation] ?? [] }

    /// Whether all entries of these relations are known: what is absent then is absent.
    func isComplete(_ relations: RelationName...) -> Bool {
        relations.allSatisfy { !incomplete.contains($0.rawValue) }
    }

    /// Whether all relay files could be read.
    var knowsRelays: Bool { incomplete.isDisjoint(with: RelationName.policies) }

    // MARK: Entries by their keys

    /// The entry that a relation finds for a key itself.
    func entry(of key: [UInt8], in relation: RelationName) -> EntryPlace? {
        for map in maps(of: relation) {
            if let entry = maps[map].index(of: key) { return EntryPlace(map: map, entry: entry) }
        }
        return nil
    }

    /// The entry that a relation finds for a domain, with the search of its maps but without default keys.
    func entry(ofDomain domain: [UInt8], in relation: RelationName) -> EntryPlace? {
        for map in maps(of: relation) {
            if let entry = entry(ofDomain: domain, inMap: map, defaults: []) { return entry }
        }
        return nil
    }

    /// The entry that one map finds for a domain.
    ///
    /// - Parameters:
    ///   - domain: a domain, or `.domain` for the names below one.
    ///   - defaults: the default keys that are asked for last.
    func entry(ofDomain domain: [UInt8], inMap map: Int, defaults: [StaticString]) -> EntryPlace? {
        let checked = maps[map]
        func found(_ key: [UInt8]) -> EntryPlace? {
            checked.index(of: key).map { EntryPlace(map: map, entry: $0) }
        }
        if let exact = found(domain) { return exact }
        guard checked.isSearched || checked.relation == nil else { return nil }
        let dot = UInt8(ascii: ".")
        if domain.first != dot, let entry = found([dot] + domain) { return entry }
        var rest = domain.dropFirst()
        while let next = rest.firstIndex(of: dot) {
            if let entry = found(Array(rest[next...])) { return entry }
            rest = rest[next...].dropFirst()
        }
        for key in defaults {
            if let entry = found(key.withUTF8Buffer { unsafe Array($0) }) { return entry }
        }
        return nil
    }

    /// Whether mail for a domain stays on this host.
    func isLocal(_ domain: [UInt8]) -> Bool {
        domain == settings.hostnameBytes || entry(ofDomain: domain, in: .thishost) != nil
            || maps(of: .thishost).contains { maps[$0].isSearched && maps[$0].index(of: [UInt8(ascii: ".")]) != nil }
    }

    /// The entry of a place.
    func key(_ place: EntryPlace) -> [UInt8] { maps[place.map].key(place.entry) }

    /// The value of a place.
    func value(_ place: EntryPlace) -> [UInt8] { maps[place.map].value(place.entry) }

    /// A finding about an entry; nil where the entry is faulty by itself.
    func finding(_ name: Finding.Name, _ severity: Finding.Severity, at place: EntryPlace, _ text: String) -> Finding? {
        let map = maps[place.map]
        return map.isFaulty(place.entry) ? nil : map.finding(name, severity, at: place.entry, text)
    }

    /// Where an entry stands, for messages.
    func text(_ place: EntryPlace) -> String { maps[place.map].place(place.entry) }
}

/// Bytes as text for messages.
func string(_ bytes: some Collection<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }
