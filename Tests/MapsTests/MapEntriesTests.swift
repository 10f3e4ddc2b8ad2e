// Reading whole maps: every entry of every kind of map, lines of sources, damage, a map that does not answer.

import Configuration
import Dispatch
import Maps
import Site
import System
import Testing
import ZRouteTestKit

@Suite struct MapEntriesTests {
    /// How a map of some entries is stored.
    enum Kind: String, CaseIterable, Sendable {
        case text, unordered, ordered, btree, bhash, cdb, lmdb
        case live

        var line: String {
            switch self {
            case .text, .unordered, .ordered: "aliases \(rawValue) - - @SITE@/map -l"
            case .btree, .bhash, .cdb, .lmdb: "aliases \(rawValue) - -l @SITE@/map -l"
            case .live: "aliases btree - -r @SITE@/map -l -C @SITE@/env.conf"
            }
        }

        var hasLines: Bool { [.text, .unordered, .ordered].contains(self) }
        var isLive: Bool { self == .live }
    }

    private static let relations =
        "fqdnaliases NONE - - - -\nfqdnroutes NONE - - - -\n"
        + "routesdb NONE - - - -\nthishost NONE - - - -\n"

    private func site(_ kind: Kind, _ source: String) throws -> TestSite {
        try TestSite([
            "zmailer.conf": "MAILVAR=@SITE@\nhostname=h.example\n",
            "dbases.conf": Self.relations + kind.line + "\n",
            "env.conf": "envhome=@SITE@\nenvmode=0600\nenvflags=CDB,CREATE\n",
            "map": source,
        ])
    }

    private func definition(_ site: Site) throws -> MapDefinition {
        try #require(site.databases.definitions(of: "aliases").first)
    }

    private func read(_ site: Site) throws -> [MapEntry] {
        var entries: [MapEntry] = []
        try site.readEntries(of: try definition(site)) { batch in
            entries += batch
            return true
        }
        return entries
    }

    @Test(arguments: Kind.allCases, [0, 1, 511, 512, 513, 5_000])
    func everyEntryIsRead(_ kind: Kind, count: Int) throws {
        let keys = (0..<count).map { "k\($0 + 10_000)" }
        let lines = keys.map { "\($0) v-\($0)\n" }.joined()
        let test = try site(kind, kind.isLive ? "" : "# a comment\n" + lines)
        if kind.isLive {
            let result = try test.run(
                ["db", "load", "aliases"], input: Array(keys.map { "\($0)\tv-\($0)\n" }.joined().utf8))
            try #require(result.status == 0, "\(result)")
        } else {
            let result = try test.run(["newdb"])
            try #require(result.status == 0, "\(result)")
        }
        let entries = try read(test.open()).sorted { $0.key.lexicographicallyPrecedes($1.key) }
        #expect(entries.map { String(decoding: $0.key, as: UTF8.self) } == keys)
        #expect(entries.map { String(decoding: $0.value, as: UTF8.self) } == keys.map { "v-\($0)" })
        let lineNumbers = entries.map(\.line)
        #expect(lineNumbers == (kind.hasLines ? (0..<count).map { $0 + 2 } : Array(repeating: nil, count: count)))
    }

    @Test(arguments: Kind.allCases.filter { !$0.isLive })
    func ofDuplicatesTheFirstIsRead(_ kind: Kind) throws {
        let test = try site(kind, "a first\na second\nb third\n")
        _ = try test.run(["newdb"])
        let entries = try read(test.open())
        #expect(entries.map { String(decoding: $0.value, as: UTF8.self) }.sorted() == ["first", "third"])
    }

    @Test(arguments: Kind.allCases.filter { !$0.isLive })
    func whoeverWantsNoMoreGetsNoMore(_ kind: Kind) throws {
        let test = try site(kind, (0..<5_000).map { "k\($0 + 10_000) v\n" }.joined())
        _ = try test.run(["newdb"])
        let open = try test.open()
        var batches = 0
        try open.readEntries(of: try definition(open)) { _ in
            batches += 1
            return false
        }
        #expect(batches == 1)
    }

    @Test(arguments: Kind.allCases)
    func aMapThatCannotBeReadIsNoEmptyMap(_ kind: Kind) throws {
        let test = try site(kind, "a b\n")
        try removeFile(test.place.file("map"))
        let open = try test.open()
        #expect(throws: MapError.self) { try open.readEntries(of: try definition(open)) { _ in true } }
    }

    @Test(arguments: [Kind.btree, .bhash, .cdb, .lmdb])
    func aDamagedMapIsNoShorterMap(_ kind: Kind) throws {
        let test = try site(kind, (0..<5_000).map { "k\($0 + 10_000) v\n" }.joined())
        _ = try test.run(["newdb"])
        let open = try test.open()
        let path = try #require(try definition(open).tablePath)
        let name = path.replacing(test.path + "/", with: "")
        var bytes = try test.place.bytes(of: name)
        for index in bytes.count / 2..<bytes.count / 2 + 8_192 where index < bytes.count { bytes[index] = 0 }
        try test.place.write(bytes, to: name)
        #expect(throws: MapError.self) { try open.readEntries(of: try definition(open)) { _ in true } }
    }

    /// A back end that reads one entry, and nothing after it.
    private struct StuckBackEnd: MapBackEnd {
        let types = [MapType.incore]
        let isEmpty: Bool

        func makeTables(for worker: MapWorker) -> any TableFactory { EmptyMapBackEnd().makeTables(for: worker) }

        func readEntries(of definition: MapDefinition, to reader: EntryConsumer) throws(MapError) {
            if !isEmpty { for _ in 0..<512 { _ = reader.take(MapEntry(key: [1], value: [2])) } }
            // Of its own, and never signalled: the thread is lost, as one inside a library is.
            DispatchSemaphore(value: 0).wait()
        }
    }

    @Test(arguments: [true, false])
    func aMapThatHangsIsAFailure(isEmpty: Bool) throws {
        let backEnds = MapBackEnds([StuckBackEnd(isEmpty: isEmpty)])
        let conf = try DatabasesConf(
            Array("r incore - - - -l\n".utf8), file: "/c", variables: Variables(), types: backEnds.types)
        let definition = try #require(conf.definitions.first)
        var count = 0
        let error = #expect(throws: MapError.self) {
            try backEnds.readEntries(of: definition, within: .milliseconds(100)) { batch in
                count += batch.count
                return true
            }
        }
        #expect(error?.text.contains("no answer within") == true)
        #expect(count == (isEmpty ? 0 : 512))
    }

    /// A source and what is found in it: each as `key=value:line`.
    static let sources: [(flags: String, text: String, entries: [String])] = [
        ("-l", "B x\na y\n", ["a=y:2", "b=x:1"]),
        ("-la", "B: x,\n  y\n# z\na: w\n", ["a=w:4", "b=x,y:1"]),
        ("-l", "a 1\n\nA 2\n", ["a=1:1"]),
        ("-", "B x\na y\n", ["B=x:1", "a=y:2"]),
    ]

    @Test(arguments: sources)
    func aSourceTellsTheLineOfEachEntry(_ flags: String, _ text: String, _ entries: [String]) throws {
        let test = try TestSite([
            "zmailer.conf": "MAILVAR=@SITE@\nhostname=h.example\n",
            "dbases.conf": Self.relations + "aliases btree - \(flags) @SITE@/map -l\n", "map": text,
        ])
        let definition = try definition(test.open())
        let source = try #require(try MapSource(of: definition))
        let found = (0..<source.count).map { index in
            let entry = source[index]
            let (key, value) = (
                String(decoding: entry.key, as: UTF8.self), String(decoding: entry.value, as: UTF8.self)
            )
            return "\(key)=\(value):\(entry.line ?? 0)"
        }
        #expect(found == entries)
        for index in 0..<source.count { #expect(source.entry(of: source[index].key.span) == source[index]) }
        for absent in ["", "0", "aa", "b0", "zz"] { #expect(source.entry(of: Array(absent.utf8).span) == nil) }
    }

    @Test func aMapWithoutSourceHasNone() throws {
        let live = try site(.live, "")
        #expect(try MapSource(of: definition(live.open())) == nil)
        let compiled = try site(.btree, "a b\n")
        try removeFile(compiled.place.file("map"))
        #expect(try MapSource(of: definition(compiled.open())) == nil)
        let text = try site(.text, "a b\n")
        try removeFile(text.place.file("map"))
        #expect(throws: CompileError.self) { try MapSource(of: definition(text.open())) }
    }
}
