// The engine: the first lines of an input are entries of maps, the rest are addresses. The maps are text files, which
// have a way of their own through everything; the same entries in the simplest tables must give the same answers.

import Bytes
import Configuration
import Maps
import Routing
import Site

func fuzzResolver(_ bytes: [UInt8]) {
    let site = InputSite(bytes)
    var resolver = site.makeResolver(.all)
    // Whoever looks on must not change anything, either; a table that is looked at is asked itself.
    let trace = Trace()
    var model = site.makeResolver(MapBackEnds([site.plainTables, TextMapBackEnd()]), trace: trace)
    // One answer serves for all addresses, as in the command.
    var answer = Answer()
    for (address, request) in site.addresses {
        resolver.resolve(address.span, request, into: &answer)
        trace.clear()
        let wanted = model.resolve(address.span, request)
        check(answer, wanted)
        precondition(!trace.events.isEmpty, "an address without any event")
        precondition(!answer.places.isEmpty, "an address without any answer")
        precondition(answer.places.count <= 200, "more routes than are allowed")
    }
}

/// Two answers are the same in all that can be asked of them.
private func check(_ answer: borrowing Answer, _ wanted: Resolution) {
    let kept = answer.resolution
    precondition(kept.routes == wanted.routes, "other routes")
    precondition(kept.status == wanted.status, "another status")
    // Not the description: a text map's message may name the whole key, where a table's names the part it was asked for.
    precondition(kept.failure?.cause == wanted.failure?.cause, "another failure")
    precondition(kept.notices == wanted.notices, "other notices")
    precondition(kept.ancestry == wanted.ancestry, "another ancestry")
    for index in answer.places.indices {
        precondition(kept.ancestors(ofRoute: index) == wanted.ancestors(ofRoute: index), "other ancestors")
        guard let whole = answer.places[index].whole(in: answer.text) else { continue }
        let route = kept.routes[index]
        let joined = Array([route.channel, route.host, route.user].joined(separator: [UInt8(ascii: "!")]))
        precondition(answer.text[whole] == joined, "the whole of a route is not its pieces")
    }
}

/// The maps, the rules and the addresses of an input.
private struct InputSite {
    /// What stands before a line that belongs to a map: lower case for the plain form, upper case for aliases.
    private static let relations: [(letter: UInt8, name: String)] = [
        (UInt8(ascii: "a"), "aliases"), (UInt8(ascii: "f"), "fqdnaliases"), (UInt8(ascii: "r"), "fqdnroutes"),
        (UInt8(ascii: "d"), "routesdb"), (UInt8(ascii: "h"), "thishost"),
    ]

    private(set) var addresses: [(address: [UInt8], request: Resolver.Request)] = []
    private var settings = [
        (name: "hostname", value: "here.example"), (name: "orgdomains", value: "org.example"),
        (name: "expansiondepth", value: "20"), (name: "expansionsize", value: "200"),
    ]
    /// What the configuration is to be like: 0 for the sample's.
    private var variant: UInt8 = 0
    private var texts: [String: [UInt8]] = [:]
    private let accounts = IncoreTable(name: Self.name("accounts"))
    private let includes = IncludedTexts()
    private let aliases: MemoryFile, aliasList: MemoryFile
    private let fqdnaliases: MemoryFile, fqdnaliasList: MemoryFile
    private let fqdnroutes: MemoryFile, routesdb: MemoryFile, thishost: MemoryFile

    init(_ bytes: [UInt8]) {
        var texts: [String: [UInt8]] = [:]
        for line in bytes.split(separator: UInt8(ascii: "\n"), maxSplits: 40) {
            guard line.count > 1, let first = line.first, line[line.startIndex + 1] == UInt8(ascii: " ") else {
                addresses.append((Array(line), Resolver.Request()))
                continue
            }
            let rest = line.dropFirst(2)
            if first == UInt8(ascii: "o") {
                settings += Self.switches(rest.first ?? 0)
                variant = rest.first.map { $0 >> 4 } ?? 0
            } else if first == UInt8(ascii: "u") {
                accounts[Array(rest)] = []
            } else if first == UInt8(ascii: "i"), let equals = rest.firstIndex(of: UInt8(ascii: "=")) {
                // Every line of a path is a line of its file.
                let path = Array(rest[..<equals])
                var text = includes.texts[path] ?? []
                text += rest[(equals + 1)...]
                text.append(UInt8(ascii: "\n"))
                includes.texts[path] = text
            } else if let known = Self.relations.first(where: { $0.letter == ASCII.lowercase(first) }),
                !rest.contains(0)
            {
                // The first = of a plain line stands for the blank between key and value.
                var entry = Array(rest)
                let isPlain = known.letter == first
                if isPlain, let equals = entry.firstIndex(of: UInt8(ascii: "=")) { entry[equals] = 0x20 }
                texts[isPlain ? known.name : known.name + " list", default: []] += entry + [0x0A]
            } else {
                addresses.append((Array(rest), Self.request(first)))
            }
        }
        self.texts = texts
        aliases = MemoryFile(texts["aliases"] ?? [])
        aliasList = MemoryFile(texts["aliases list"] ?? [])
        fqdnaliases = MemoryFile(texts["fqdnaliases"] ?? [])
        fqdnaliasList = MemoryFile(texts["fqdnaliases list"] ?? [])
        fqdnroutes = MemoryFile(texts["fqdnroutes"] ?? [])
        routesdb = MemoryFile(texts["routesdb"] ?? [])
        thishost = MemoryFile(texts["thishost"] ?? [])
    }

    /// The settings that are switches, one a bit.
    private static func switches(_ bits: UInt8) -> [(name: String, value: String)] {
        [
            ("preservetailcase", bits & 1 != 0), ("allowchannelliteral", bits & 2 != 0),
            ("localdoesdomain", bits & 4 != 0), ("ROUTEUSER_IN_ABNORMAL_UNIX", bits & 8 == 0),
        ].map { (name: $0, value: $1 ? "1" : "") }
    }

    private static func request(_ letter: UInt8) -> Resolver.Request {
        var request = Resolver.Request()
        request.role = letter == UInt8(ascii: "s") || letter == UInt8(ascii: "e") ? .sender : .recipient
        request.isErrorMessage = letter == UInt8(ascii: "e")
        request.isSubmitted = letter == UInt8(ascii: "x")
        return request
    }

    // MARK: Maps

    /// An engine over the maps.
    ///
    /// - Parameter backEnds: what reads them.
    func makeResolver(_ backEnds: MapBackEnds, trace: Trace? = nil) -> Resolver {
        guard
            let settings = try? Settings.load(environmentFile: nil, standardFiles: [], overrides: settings),
            let databases = try? DatabasesConf(
                Array(conf.utf8), file: "/dbases.conf", variables: Variables(), types: backEnds.types)
        else {
            preconditionFailure("the configuration of the target is not valid")
        }
        var surroundings = Site.Surroundings()
        surroundings.accounts = accounts
        surroundings.includes = includes
        surroundings.clock = { 0 }
        return Site(settings: settings, databases: databases, backEnds: backEnds).makeResolver(
            texts: TextTableLoader(allowing: .all, clock: .late), watch: nil, trace: trace, surroundings: surroundings)
    }

    /// The maps in the plain form, read by the model.
    var plainTables: any MapBackEnd { PlainTextBackEnd(texts: texts) }

    private var conf: String {
        // The sample's set-up, or one with what few sites use: caches, other drivers, maps that fold keys themselves.
        variant > 0
            ? """
            aliases text - -la \(aliasList.path) -lm -s 3 -N
            aliases text - -u \(aliases.path) -um -n
            fqdnaliases text - -la \(fqdnaliasList.path) -lm%
            fqdnaliases unordered - - \(fqdnaliases.path) -lm%
            fqdnroutes text - - \(fqdnroutes.path) -m%: -s 2
            routesdb text - -l \(routesdb.path) -lm%:d \(driver)
            thishost text - -l \(thishost.path) -lm%bd pathalias.nodot
            """
            : """
            aliases text - -la \(aliasList.path) -lm
            aliases text - -l \(aliases.path) -lm
            fqdnaliases text - -la \(fqdnaliasList.path) -lm%
            fqdnaliases text - -l \(fqdnaliases.path) -lm%
            fqdnroutes text - -l \(fqdnroutes.path) -lm%:
            routesdb text - -l \(routesdb.path) -lm%:d pathalias
            thishost text - -l \(thishost.path) -lm%d pathalias
            """
    }

    private var driver: String {
        switch variant % 4 {
        case 1: "longestmatch"
        case 2: "pathalias.at"
        case 3: "pathalias.nodot"
        default: "pathalias"
        }
    }

    private static func name(_ relation: String) -> TableName {
        TableName(relation: relation, backEnd: "incore", file: "-")
    }
}

/// Included lists in memory.
private final class IncludedTexts: IncludedLists {
    var texts: [[UInt8]: [UInt8]] = [:]

    func content(of path: [UInt8], onBehalfOf authority: UInt32) throws(MapError) -> [UInt8] {
        guard let text = texts[path] else {
            throw MapError(table: TableName(relation: "include", backEnd: "memory", file: "-"), text: "no such list")
        }
        return text
    }
}

/// Maps of the type `text` that are read by the model, where they are in the plain form.
private struct PlainTextBackEnd: MapBackEnd {
    let types: [MapType] = [.text]
    let texts: [String: [UInt8]]

    func readEntries(of definition: MapDefinition, to reader: EntryConsumer) throws(MapError) {
        try TextMapBackEnd().readEntries(of: definition, to: reader)
    }

    func makeTables(for worker: MapWorker) -> any TableFactory {
        TextMapBackEnd().makeTables(for: worker).wrapping { definition, table in
            guard !definition.compile.isAliases else { return table }
            let source = PlainSource(texts[definition.relation] ?? [], folding: definition.compile.folding)
            return PlainSourceTable(source, name: definition.tableName, privilege: MemoryFile.owner)
        }
    }
}
