// One map of a site with all its entries, from its source where it has one, else as its file has them.

import Bytes
import Configuration
import Maps
import Routing
import Site
import System

/// A map with its entries.
struct CheckedMap: Sendable {
    /// Its line of dbases.conf; nil for a file that no line names.
    let definition: MapDefinition?
    /// The relation of the chain that it belongs to; nil for another.
    let relation: RelationName?
    /// Its entries, in the order of their keys.
    let source: MapSource

    /// What findings call the file of the entries.
    var file: String { source.name }

    /// How many entries there are.
    var count: Int { source.count }

    /// Whether names are looked for by their suffixes, and default keys last.
    var isSearched: Bool {
        definition?.flags.driver == .pathalias || definition?.flags.driver == .longestMatch
    }

    /// Whether `%N` in values is replaced.
    var substitutes: Bool { definition?.flags.substitutes ?? false }

    /// The key of an entry.
    func key(_ index: Int) -> [UInt8] { Array(source.bytes[source.place(of: index).key]) }

    /// The value of an entry.
    func value(_ index: Int) -> [UInt8] { Array(source.bytes[source.place(of: index).value]) }

    /// Whether something is wrong with an entry by itself, which was said: what follows from that is no finding.
    func isFaulty(_ index: Int) -> Bool {
        let check = EntryCheck(judge: definition.flatMap { RelationJudge($0) })
        return check.faults(ofKey: key(index), value: value(index)).contains { $0.severity == .error }
    }

    /// The index of the entry of a key.
    func index(of key: [UInt8]) -> Int? { source.index(of: key.span) }

    /// A finding about an entry.
    func finding(_ name: Finding.Name, _ severity: Finding.Severity, at index: Int, _ text: String) -> Finding {
        Finding(name, severity, file: file, line: source.place(of: index).line, text: text)
    }

    /// Where an entry stands, for messages: `/db/routes:12`, or the file and the key where it has no lines.
    func place(_ index: Int) -> String {
        source.place(of: index).line.map { "\(file):\($0)" }
            ?? "\(file), key '\(String(decoding: key(index), as: UTF8.self))'"
    }
}

/// An entry of a map.
struct EntryPlace: Hashable {
    /// The index of its map among those of the site.
    let map: Int
    /// The index of the entry in the map.
    let entry: Int
}

// Reading all maps: what cannot be read is a finding, and the relation it belongs to is known in part only.

/// Reads the maps of a site.
struct MapReader {
    let site: Site
    let allowed: AllowedFindings
    /// The errors of the configuration.
    private let errors: [Finding]
    /// Signals that end the reading between two steps of it.
    private let signals: TerminationSignals?
    private(set) var maps: [CheckedMap] = []
    /// The relations of which not all entries are known.
    private(set) var incomplete: Set<String> = []
    private(set) var sources: [SourceFindings] = []
    private(set) var findings: [Finding] = []

    init(
        _ site: Site, errors: [Finding], allowing allowed: AllowedFindings, signals: TerminationSignals? = nil
    ) {
        self.signals = signals
        self.site = site
        self.errors = errors
        self.allowed = allowed
        incomplete = site.databases.faultyRelations
    }

    /// Reads each map that a line of dbases.conf names.
    mutating func readAll() {
        var seen: Set<String> = []
        for definition in site.databases.definitions where !isToEnd {
            guard let path = definition.tablePath, definition.type.needsFile,
                RelationName(rawValue: definition.relation) != nil
                    || RelationName.policies.contains(definition.relation)
            else { continue }
            // The same map once more is a finding about its line, and never asked.
            guard seen.insert("\(definition.relation) \(path)").inserted else { continue }
            if isMistaken(definition) {
                incomplete.insert(definition.relation)
            } else {
                read(definition)
            }
        }
    }

    /// Whether its line, or the description of its environment, has an error: what would be read is not what was meant.
    private func isMistaken(_ definition: MapDefinition) -> Bool {
        errors.contains { finding in
            finding.file == definition.environmentFile
                || (finding.file == definition.file && finding.line == definition.line)
        }
    }

    private mutating func read(_ definition: MapDefinition) {
        let judge: (any EntryJudge)? = RelationJudge(definition) ?? RelayJudge()
        do throws(CompileError) {
            if let source = try MapSource(of: definition, judge: judge, allowing: allowed) {
                sources.append(source.findings)
                if source.doubt != nil { incomplete.insert(definition.relation) }
                add(definition, source)
                if definition.type.compiledExtension != nil { readCompiled(definition, source) }
                return
            }
        } catch {
            incomplete.insert(definition.relation)
            findings.append(
                Finding(
                    .unreadableMap, .error, file: error.file, line: error.line,
                    text:
                        "\(error.text): all mail that needs relation \(definition.relation) is held (\(definition.file):\(definition.line) names the map)",
                    isTemporary: error.isTemporary))
            return
        }
        guard isInOrder(definition) else { return }
        guard site.listsEntries(of: definition) else {
            incomplete.insert(definition.relation)
            return
        }
        readStored(definition, judge)
    }

    /// Whether nobody died in the environment that a map lives in: there reading may hang, as lookups do.
    private mutating func isInOrder(_ definition: MapDefinition) -> Bool {
        guard let found = site.conditionFindings(of: definition) else {
            findings.append(
                Finding(
                    .deadProcess, .error, file: definition.tablePath ?? definition.file,
                    text:
                        "the environment that the map lives in does not answer within \(site.settings.lookupTimeout) s: a process died"
                        + " in it, and all mail that needs the map is held; stop all that use it and run zroute db recover"
                        + " \(definition.relation)"))
            incomplete.insert(definition.relation)
            return false
        }
        for finding in found where !findings.contains(finding) { findings.append(finding) }
        if !found.isEmpty { incomplete.insert(definition.relation) }
        return found.isEmpty
    }

    /// Reads a map that has no source, and judges its entries as `db put` does.
    private mutating func readStored(_ definition: MapDefinition, _ judge: (any EntryJudge)?) {
        let file = definition.tablePath ?? "-"
        let check = EntryCheck(judge: judge)
        var found = SourceFindings(source: file)
        do throws(MapError) {
            let source = try MapSource(name: file) { take throws(MapError) in
                try site.readEntries(of: definition) { batch in
                    guard !isToEnd else { return false }
                    for entry in batch {
                        for fault in check.faults(of: entry)
                        where !allowed.contains(fault.name) {
                            let key = String(decoding: entry.key, as: UTF8.self)
                            found.add(
                                Finding(fault.name, fault.severity, file: file, text: "key '\(key)': \(fault.text)"))
                        }
                        guard take(entry) else { return false }
                    }
                    return true
                }
            }
            sources.append(found)
            add(definition, source)
        } catch {
            incomplete.insert(definition.relation)
            findings.append(unreadable(definition, error))
        }
    }

    /// Sees that what lookups read is there and whole, where the entries come from a source.
    private mutating func readCompiled(_ definition: MapDefinition, _ source: MapSource) {
        var count = 0
        do throws(MapError) {
            try site.readEntries(of: definition) { batch in
                count += batch.count
                return !isToEnd
            }
        } catch {
            findings.append(unreadable(definition, error))
        }
        guard source.count == 0, count > 0, !allowed.contains(.emptySource) else { return }
        findings.append(
            Finding(
                .emptySource, .warning, file: source.name,
                text: "the source has no entries, and the map \(definition.tablePath ?? "-") has"
                    + " \(counted(count, "entry", "entries")): the next newdb makes it empty, and none of them is found any more; if"
                    + " that is not meant, write them anew"))
    }

    private var isToEnd: Bool { signals?.isPending ?? false }

    private func unreadable(_ definition: MapDefinition, _ error: MapError) -> Finding {
        Finding(
            .unreadableMap, .error, file: definition.tablePath ?? definition.file,
            text:
                "the map cannot be read: \(error.text); until then all mail that needs relation \(definition.relation) is held (\(definition.file):\(definition.line) names the map)"
        )
    }

    private mutating func add(_ definition: MapDefinition, _ source: MapSource) {
        maps.append(
            CheckedMap(definition: definition, relation: RelationName(rawValue: definition.relation), source: source))
    }

    /// Reads the relay files that lie beside dbases.conf, where no line names them.
    mutating func readRelayFiles() {
        let place = directory(of: site.databases.file)
        for name in RelationName.policies where !site.databases.relations.contains(name) {
            let path = "\(place)/\(name)"
            guard (try? FileIdentity(path: path)) != nil,
                !site.databases.definitions.contains(where: { $0.path == path })
            else { continue }
            var job = CompileJob(source: .file(path), form: .plain, folding: .lower, format: nil, base: path)
            job.judge = RelayJudge()
            job.allowed = allowed
            do throws(CompileError) {
                let source = try MapSource(job)
                sources.append(source.findings)
                maps.append(CheckedMap(definition: nil, relation: nil, source: source))
            } catch {
                incomplete.insert(name)
                findings.append(
                    Finding(.unreadableFile, .error, file: path, text: error.text, isTemporary: error.isTemporary))
            }
        }
    }
}

/// Judges nothing of the entries of a relay file, and lets comments allow what a look at the whole site finds.
private struct RelayJudge: EntryJudge {
    let names = Finding.Name.ofSites

    func faults(ofKey key: Span<UInt8>, value: Span<UInt8>) -> [EntryFault] { [] }
}
