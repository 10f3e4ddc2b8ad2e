// `route-test --trace` as people read it, the places of entries that it names, and docs/trace.md, whose examples are its output.

import Foundation
import Testing
import ZRouteTestKit

@Suite struct RouteTestTraceTests {
    /// The sample site, its maps compiled and loaded.
    private static let sample = Result {
        let site = try TestSite(copying: "site")
        for file in ["zmailer.conf", "db/sleepyenv.conf"] { try site.write(Fixture.text("site/\(file)"), to: file) }
        try site.place.makeDirectory("env")
        try site.succeed(["newdb"])
        for map in ["aliases", "fqdnaliases", "fqdnroutes"] {
            try site.succeed(["db", "load", map, site.place.file("db/\(map)")])
        }
        return site
    }

    private static let addresses = (try? Fixture.text("site/addresses").split(separator: "\n").map(String.init)) ?? []

    @Test(arguments: addresses)
    func anOrdinaryAddressFitsOnAScreen(address: String) throws {
        let text = try Self.sample.get().run(["route-test", "--trace", address]).text
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
        // Each recipient of a list has a way of its own.
        let recipients = text.components(separatedBy: "channel = ").count - 1
        #expect(lines.count <= 16 + 8 * recipients, "\(text)")
        // What decided stands in a line of a source, but where it is the default, an address that is none, or a live map.
        let hasNone = address.hasPrefix("bad ") || text.contains("# ") == false
        #expect(hasNone || text.contains("  in /"), "\(text)")
    }

    @Test func readmeShowsWhatIsPrinted() throws {
        let site = try Self.sample.get()
        let text = try site.succeed(["route-test", "--trace", "bob--lists@example.org"])
            .replacing(site.path, with: "/etc/zmailer")
        #expect(
            try Fixture.text("../README.md").contains(
                "$ zroute route-test --trace bob--lists@example.org\n\(text)```\n"), "\(text)")
    }

    // MARK: Places of entries

    /// A site with one relation of a type, its entry in line 2 of its source.
    private func site(_ type: String, _ compile: String = "-l", _ flags: String = "-lm%") throws -> TestSite {
        try TestSite([
            "zmailer.conf": "MAILVAR=@SITE@\nhostname=here.example\nlookuptimeout=5\n",
            "db/dbases.conf": "fqdnroutes \(type) - \(compile) @SITE@/db/routes \(flags)\n"
                + "aliases NONE - - - -\nfqdnaliases NONE - - - -\nroutesdb NONE - - - -\nthishost NONE - - - -\n",
            "db/routes": "# those of the store\nUser@x.example smtp-lmtp!store!user%2\n",
        ])
    }

    private func trace(_ site: TestSite, _ format: String) throws -> String {
        try site.succeed(["route-test", "--trace", "--format", format, "user@x.example"])
    }

    @Test(arguments: ["text", "btree", "bhash", "cdb", "lmdb", "unordered"])
    func theSourceOfAnEntryIsNamed(type: String) throws {
        let site = try site(type)
        if !["text", "unordered"].contains(type) { try site.succeed(["newdb"]) }
        let path = site.place.file("db/routes")
        #expect(try trace(site, "text").contains("  in \(path):2\n"))
        #expect(try trace(site, "json").contains("\"source\":{\"file\":\"\(path)\",\"line\":2,\"differs\":false}"))
    }

    @Test(arguments: ["btree", "bhash", "cdb", "lmdb"])
    func aCompiledMapThatDiffersFromItsSourceIsTold(type: String) throws {
        let site = try site(type)
        try site.succeed(["newdb"])
        let path = site.place.file("db/routes")
        try site.write("user@x.example smtp-lmtp!other!user%2\n", to: "db/routes")
        #expect(
            try trace(site, "text").contains(
                "which differs from its source: run newdb; \(path):1 has 'smtp-lmtp!other!user%2'\n"))
        #expect(
            try trace(site, "json").contains(
                "\"source\":{\"file\":\"\(path)\",\"line\":1,\"differs\":true,\"value\":\"smtp-lmtp!other!user%2\"}"))
        try site.write("another@x.example smtp-lmtp!other!user%2\n", to: "db/routes")
        #expect(
            try trace(site, "text").contains("which differs from its source: run newdb; \(path) has no such key\n"))
        #expect(try trace(site, "json").contains("\"source\":{\"file\":\"\(path)\",\"differs\":true}"))
    }

    @Test func aSourceThatIsNotThereIsNotNamed() throws {
        let site = try site("btree")
        try site.succeed(["newdb"])
        try FileManager.default.removeItem(atPath: site.place.file("db/routes"))
        #expect(try trace(site, "text").contains("  in \(site.place.file("db/routes.db"))\n"))
        #expect(try !trace(site, "json").contains("\"source\""))
    }

    @Test func aSourceIsReadForATraceAlone() throws {
        let site = try site("btree")
        try site.succeed(["newdb"])
        // What reads this waits for ever, or says that it is none.
        try FileManager.default.removeItem(atPath: site.place.file("db/routes"))
        try FileManager.default.createDirectory(atPath: site.place.file("db/routes"), withIntermediateDirectories: true)
        let json = try site.succeed(["route-test", "--format", "json", "user@x.example"])
        #expect(!json.contains("\"version\"") && !json.contains("\"site\"") && !json.contains("\"trace\""))
        #expect(try trace(site, "text").contains("whose source cannot be read: "))
        #expect(
            try trace(site, "json").contains("\"source\":{\"file\":\"\(site.place.file("db/routes"))\",\"reason\":\""))
    }

    @Test func aLiveMapHasNoSource() throws {
        let site = try Self.sample.get()
        let text = try site.succeed(["route-test", "--trace", "carol@example.org"])
        #expect(text.contains("  in \(site.place.file("db/fqdnroutes.db"))\n"), "\(text)")
    }

    @Test func anAnswerThatAMapKeepsIsLookedUpAgainForATrace() throws {
        let site = try site("text", "-l", "-lm%Ns100")
        let text = try site.run(["route-test", "--trace", "user@x.example", "user@x.example"]).text
        #expect(text.components(separatedBy: "fqdnroutes has 'user@x.example'").count == 3, "\(text)")
    }

    // MARK: What was asked

    @Test(arguments: [
        (["--as", "sender"], "  ? as a sender"), (["--errormsg"], "  ? for an error message"),
        (["--fail-map", "fqdnroutes"], "fqdnroutes cannot say whether it has 'user@x.example'"),
    ])
    func whatElseWasAskedIsShown(words: [String], line: String) throws {
        let text = try site("text").run(["route-test", "--trace"] + words + ["user@x.example"]).text
        #expect(text.contains(line), "\(text)")
    }
}

@Suite struct TraceDocumentTests {
    private static let document = (try? Fixture.text("../docs/trace.md")) ?? ""

    /// The fenced blocks of a kind, whatever else their fences say.
    private static func blocks(_ kind: String) -> [String] {
        document.components(separatedBy: "```\(kind)").dropFirst().compactMap {
            $0.components(separatedBy: "```").first.map { String($0.drop { $0 != "\n" }.dropFirst()) }
        }
    }

    /// The site of the examples: its maps stand in the document.
    private func site() throws -> TestSite {
        let site = try TestSite([
            "zmailer.conf": "MAILVAR=@SITE@\nhostname=mail.example.org\nDBTYPE=text\n",
            "db/dbases.conf": """
            aliases     $DBTYPE - -la $MAILVAR/db/aliases     -lm
            fqdnaliases $DBTYPE - -la $MAILVAR/db/fqdnaliases -lm%
            fqdnroutes  $DBTYPE - -l  $MAILVAR/db/fqdnroutes  -lm%:
            routesdb    $DBTYPE - -l  $MAILVAR/db/routes      -lm%:d pathalias
            thishost    $DBTYPE - -l  $MAILVAR/db/localnames  -lm%d pathalias

            """,
        ])
        for file in try #require(Self.blocks("text").first).components(separatedBy: "==> ").dropFirst() {
            let parts = file.components(separatedBy: " <==\n")
            try site.write(parts[1], to: "db/\(parts[0])")
        }
        return site
    }

    /// Output of the example site in the form of the document: its place there, and any time.
    private func output(_ site: TestSite, _ words: [String]) throws -> String {
        try site.run(words).text.replacing(site.path, with: "/etc/zmailer")
    }

    private func withoutTime(_ text: String) -> String { text.replacing(/"time":[0-9]+/, with: "\"time\":0") }

    @Test func showsTheTextThatIsPrinted() throws {
        let site = try site()
        var shown = 0
        for block in Self.blocks("console") {
            let lines = block.split(separator: "\n", maxSplits: 1).map(String.init)
            let words = lines[0].dropFirst("$ zroute ".count).split(separator: " ").map(String.init)
            #expect(try output(site, words) == lines[1], "\(lines[0])")
            shown += 1
        }
        #expect(shown >= 2)
    }

    @Test func hasExamplesThatAreRealOutput() throws {
        let site = try site()
        let examples = Self.blocks("json").flatMap { $0.split(separator: "\n").map(String.init) }
        let addresses = Self.blocks("addresses").flatMap { $0.split(separator: "\n").map(String.init) }
        var printed = try output(site, ["route-test", "--format", "json", "--trace"] + addresses)
        printed += try output(
            site, ["route-test", "--format", "json", "--trace", "--fail-map", "fqdnroutes", "ann@example.org"])
        let plain = withoutTime(printed)
        for example in examples { #expect(plain.contains(withoutTime(example)), "\(example)") }
        #expect(examples.count >= 16)
    }

    private struct Schema: Decodable {
        struct Definition: Decodable {
            let properties: [String: Ignored]?
        }
        struct Ignored: Decodable {
            init(from decoder: any Decoder) {}
        }
        let properties: [String: Ignored]
        let definitions: [String: Definition]

        enum CodingKeys: String, CodingKey {
            case properties
            case definitions = "$defs"
        }
    }

    @Test func namesEveryMemberOfTheSchema() throws {
        let schema = try JSONDecoder().decode(Schema.self, from: Data(try Fixture.bytes("../docs/trace.schema.json")))
        var named = 0
        func check(_ members: some Sequence<String>, in section: String) {
            let text = Self.document.components(separatedBy: "\n### `\(section)`\n").dropFirst().first?
                .components(separatedBy: "\n## ").first?.components(separatedBy: "\n### ").first
            #expect(text != nil, "no section \(section)")
            for member in members where member != "event" {
                named += 1
                #expect(text?.contains("`\(member)`") == true, "\(section): \(member)")
            }
        }
        check(schema.properties.keys, in: "answer")
        for (name, definition) in schema.definitions {
            guard let members = definition.properties?.keys else { continue }
            if name.hasPrefix("event-") {
                check(members, in: String(name.dropFirst("event-".count)))
            } else if ["route", "settings", "map", "source"].contains(name) {
                check(members, in: name == "route" ? "routes" : name)
            }
        }
        #expect(named > 70)
    }
}
