// A small site of text maps in a folder of its own, asked as a lookup server's worker asks it.

import Bytes
import Configuration
import Delivery
import Foundation
import LookupProtocols
import Maps
import Serve
import Site
import ZRouteTestKit

/// A site in a temporary folder.
struct LookupSite {
    let directory: TemporaryDirectory
    let served: ServedSite

    /// What scheduler.conf says unless a test says otherwise: every store behind one socket.
    static let scheduler = """
        smtp-lmtp/*
            command="smtp -M -x -F UNIX:/run/store/lmtp"
        local/*
            command="smtp -M -x -F UNIX:/run/store/lmtp"
        smtp-gate/*
            command="smtp -x -F [192.0.2.9] -p 2525"
        smtp/*
            command="smtp -l /dev/null"
        """

    /// Makes a site.
    ///
    /// - Parameters:
    ///   - maps: the lines of each relation's source.
    ///   - settings: lines of zmailer.conf beside the usual ones.
    ///   - scheduler: scheduler.conf, or nil for none.
    ///   - relations: lines of dbases.conf beside those of the chain.
    ///   - failing: the relation, and the key of it, that fail.
    init(
        _ maps: [String: String], settings: String = "", scheduler: String? = LookupSite.scheduler,
        relations: String = "", failing: (relation: String, key: String?)? = nil, transportTo: String? = nil
    ) throws {
        directory = try TemporaryDirectory(isInMemory: true)
        let path = directory.path
        try directory.write(
            "MAILVAR=\(path)\nhostname=here.example\nmydomain=here.example\nstoredomain=store.internal\n\(settings)\n",
            to: "zmailer.conf")
        let lines = """
            aliases text - -la \(path)/aliases -lm
            fqdnaliases text - -la \(path)/fqdnaliases -lm%
            fqdnroutes text - -l \(path)/fqdnroutes -lm%:
            routesdb text - -l \(path)/routesdb -lm%:d pathalias
            thishost text - -l \(path)/thishost -lm%d pathalias
            \(relations.replacing("@", with: path))
            """
        try directory.write(lines, to: "dbases.conf")
        for name in Set(["aliases", "fqdnaliases", "fqdnroutes", "routesdb", "thishost"]).union(maps.keys) {
            try directory.write(maps[name].map { $0 + "\n" } ?? "", to: name)
        }
        let loaded = try Settings.load(file: directory.file("zmailer.conf"), environmentFile: nil)
        let failures = failing.map { [MapFailure(relation: $0.relation, key: $0.key.map { Array($0.utf8) })] } ?? []
        let site = try Site(settings: loaded, dbases: directory.file("dbases.conf"), failures: failures)
        let plan = try scheduler.map { text in
            DeliveryPlan(
                .scheduler(try SchedulerConf(bytes: Array(text.utf8), file: "scheduler.conf")), settings: loaded)
        }
        served = ServedSite(site, plan: plan, transportTo: transportTo)
    }

    /// An engine over the site.
    func makeEngine() -> AskedEngine { AskedEngine(served, in: directory) }

    /// The answer to one key, as socketmap has it.
    func ask(_ map: ServedMap, _ key: String) -> String { makeEngine().ask(map, key) }

    /// The position of a relation.
    func relation(_ name: String) -> ServedMap {
        .relation(served.maps.relations.firstIndex(of: name) ?? -1)
    }
}

/// An engine, with the folder that its maps are in.
final class AskedEngine {
    private let directory: TemporaryDirectory
    private var engine: LookupEngine

    init(_ served: ServedSite, in directory: TemporaryDirectory) {
        self.directory = directory
        engine = LookupEngine(served, texts: TextTableLoader(allowing: .all, report: { _ in }), watch: nil)
    }

    /// The answer to one key, as socketmap has it: a word, a blank, and for what is found its value.
    func ask(_ map: ServedMap, _ key: String) -> String { ask(map, Array(key.utf8)).line }

    /// The answer to one key of any bytes.
    func ask(_ map: ServedMap, _ key: [UInt8]) -> LookupReply {
        var reply = LookupReply()
        engine.answer(map, key.span, into: &reply)
        return reply
    }
}

extension LookupReply {
    /// The word and the value; of other answers than a value the word alone, as their text is for people.
    var line: String {
        status == .found ? "OK \(String(decoding: text, as: UTF8.self))" : "\(status.word)"
    }
}

extension ServedMap {
    /// The maps that are asked for addresses.
    static let ofAddresses: [ServedMap] = [.alias, .storeAlias, .transport, .mailbox, .access, .route, .sender]
}
