// A recorded configuration of ZMailer (Fixtures/conformance), served with text maps.

import Configuration
import Delivery
import Foundation
import Maps
import Serve
import Site
import System
import ZRouteTestKit

/// A recorded configuration in a folder of its own.
struct RecordedSite {
    /// The names of all, with the folder that each is in.
    static let names = ["routes", "random"].flatMap { folder in
        Fixture.names(in: "conformance/\(folder)").map { "\(folder)/\($0)" }
    }

    let directory: TemporaryDirectory
    let served: ServedSite
    /// The addresses that ZMailer was asked for.
    let addresses: [[UInt8]]

    init(_ name: String) throws {
        directory = try TemporaryDirectory(isInMemory: true)
        let root = directory.file("case")
        try FileManager.default.copyItem(atPath: Fixture.path("conformance/\(name)"), toPath: root)
        let files = (FileManager.default.enumerator(atPath: root)?.allObjects as? [String] ?? []).map {
            root + "/" + $0
        }
        for file in files {
            var isFolder: ObjCBool = false
            guard FileManager.default.fileExists(atPath: file, isDirectory: &isFolder), !isFolder.boolValue else {
                continue
            }
            // Bytes of no encoding: each becomes a character and is a byte again.
            var text = String(
                decoding: try Data(contentsOf: URL(fileURLWithPath: file)).map { UInt16($0) }, as: UTF16.self)
            text = text.replacing("@CASE@", with: root)
            if file.hasSuffix("/dbases.conf") {
                for type in ["btree", "bhash"] { text = text.replacing(" \(type) ", with: " text ") }
            }
            try Data(text.utf16.map { UInt8(truncatingIfNeeded: $0) }).write(to: URL(fileURLWithPath: file))
        }
        try TemporaryDirectory.dateBack(root)
        let settings = try Settings.load(
            file: root + "/zmailer.conf", environmentFile: nil,
            overrides: [("DBTYPE", "text"), ("storedomain", "store.internal")])
        let databases = try DatabasesConf(file: root + "/dbases.conf", settings: settings, types: MapBackEnds.all.types)
        let plan = DeliveryPlan(
            .scheduler(try SchedulerConf(bytes: Array(LookupSite.scheduler.utf8), file: "scheduler.conf")),
            settings: settings)
        served = ServedSite(Site(settings: settings, databases: databases), plan: plan)
        addresses = try readFile(root + "/expected.tsv", limit: 1 << 28).bytes.split(separator: UInt8(ascii: "\n")).map
        {
            Array($0.prefix { $0 != UInt8(ascii: "\t") })
        }
    }

    /// An engine over the site.
    func makeEngine() -> AskedEngine { AskedEngine(served, in: directory) }
}
