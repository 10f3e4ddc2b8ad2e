// `zroute graph`: what the pictures show of a site, and that nothing in a map can break out of them.

import Foundation
import Testing
import ZRouteTestKit

@Suite struct GraphTests {
    private static let formats = ["dot", "svg", "html"]

    @Test func theSampleSiteLooksAsItsPictureInTheDocumentation() throws {
        let site = try GraphSites.makeSample()
        for (format, name) in [("dot", "graph/sample.dot"), ("svg", "../docs/graph.svg")] {
            let text = try site.succeed(["graph", "--format", format]).replacing(site.path, with: "/etc/zmailer")
            if ProcessInfo.processInfo.environment["ZROUTE_RECORD"] != nil {
                try Data(text.utf8).write(to: URL(fileURLWithPath: Fixture.path(name)))
            }
            #expect(try text == Fixture.text(name), "\(name): draw it anew with ZROUTE_RECORD=1, and look at it")
        }
        #expect(try site.succeed(["graph"]) == site.succeed(["graph", "--format", "dot"]))
        #expect(try site.succeed(["graph", "--html"]) == site.succeed(["graph", "--format", "html"]))
    }

    @Test func graphvizReadsWhatIsWritten() throws {
        guard FileManager.default.isExecutableFile(atPath: "/usr/bin/dot") else {
            print("graphvizReadsWhatIsWritten: not run, because Graphviz is not installed")
            return
        }
        for site in [try GraphSites.makeSample(), try Self.hostileSite()] {
            let drawn = try runCommandSuccessfully(
                "/usr/bin/dot", ["-Tsvg"], input: try site.bytes(["graph"]))
            let boxes = try ReadMarkup(site.bytes(["graph", "--format", "svg"])).boxes.count
            let text = String(decoding: drawn, as: UTF8.self)
            #expect(text.components(separatedBy: "class=\"node\"").count - 1 == boxes)
            #expect(!text.contains("<script"))
        }
    }

    // MARK: Text of others

    /// Names that break out of whatever they are put into without being quoted.
    private static let hostile = [
        "<script>document.title='owned'</script>", "</script><script>document.title='owned'</script>",
        "\"onload=\"document.title='owned'", "'onload='document.title=`owned`", "]]><x/>", "<!--", "-->", "&lt;b&gt;",
        "</title></svg><img/src=x/onerror=document.title='owned'>", "\\\"];n0->n1[label=\\\"", "\\N\\G\\",
        "\u{202E}drawkcab", "e\u{301}\u{301}\u{301}", "\u{FFFE}\u{7F}", "javascript:document.title='owned'",
        "${document.title='owned'}", "{{7*7}}", "\u{2028}", "%3Cscript%3E",
    ]

    /// A site that has these names wherever a map can have one, and bytes that are no text.
    private static func hostileSite() throws -> TestSite {
        var (fqdn, routes, aliases, lists) = ([UInt8](), [UInt8](), [UInt8](), [UInt8]())
        for (index, name) in hostile.enumerated() {
            let word = name.replacing(" ", with: "_")
            fqdn += "u\(index)@\(word).example smtp-lmtp!\(word)!user\n".utf8
            fqdn += "\(word)@d.example \(word)!host!\(word)\n".utf8
            fqdn += "v\(index)@d.example error!\(word)\n".utf8
            routes += "\(word) smtp!\(word)\n".utf8
            aliases += "\"\(word.replacing("\"", with: "").replacing("\\", with: ""))\": root\n".utf8
            lists +=
                "w\(index)@d.example: \"\(word.replacing("\"", with: "").replacing("\\", with: ""))\"@d.example\n".utf8
        }
        fqdn += Array("bytes@d.example smtp-lmtp!".utf8) + [0xFF, 0xC0, 0x80] + Array("!user\n".utf8)
        fqdn += Array("b@".utf8) + [0xE9, 0x80] + Array(".example smtp-lmtp!store!user\n".utf8)
        return try GraphSites.make(
            fqdnaliases: lists, fqdnroutes: fqdn, routes: routes, aliases: aliases,
            scheduler: "smtp-lmtp\n  command=\"smtp -M -x\"\n<script>*/*\n  command=\"<script>\"\n")
    }

    /// The picture of a site with one name in every place has the same elements, attributes and boxes whatever the name is.
    @Test(arguments: counted("hostile names", hostile)) func aNameOfAMapStaysText(name: String) throws {
        func make(_ name: String) throws -> TestSite {
            let word = name.replacing("\"", with: "").replacing("\\", with: "")
            let fqdn =
                "u@\(name).example smtp-lmtp!\(name)!user\nv@d.example \(name)!host!u\nw@d.example error!\(name)\n"
            return try GraphSites.make(
                fqdnaliases: Array("l@d.example: \"\(word)\"@d.example\n".utf8), fqdnroutes: Array(fqdn.utf8),
                routes: Array("\(name) smtp!\(name)\n".utf8), aliases: Array("\"\(word)\": root\n".utf8))
        }
        let (site, plain) = (try make(name), try make("plain"))
        for format in ["svg", "html"] {
            let addresses = format == "html" ? ["x\(name)@d.example", "u@\(name).example"] : []
            let (read, expected) = (
                try ReadMarkup(site.bytes(["graph", "--format", format] + addresses)),
                try ReadMarkup(plain.bytes(["graph", "--format", format] + addresses))
            )
            // Findings are a list, and counted.
            let list = ["li", "ul", "strong"]
            #expect(Set(read.elements).subtracting(list).isSubset(of: expected.elements), "\(read.elements)")
            #expect(Set(read.attributes).isSubset(of: expected.attributes), "\(read.attributes)")
            #expect(read.attributes.allSatisfy { !$0.hasPrefix("on") && !$0.hasSuffix("href") && $0 != "style" })
            #expect(read.scripts == expected.scripts)
            // A line separator is no part of an entry, and %3 stands for a part of the address.
            if name != "\u{2028}", !name.contains("%") { #expect(read.boxes.count == expected.boxes.count) }
            // Shown, and not left out.
            guard name.utf8.count <= 32, name.utf8.allSatisfy({ (0x21..<0x7F).contains($0) }) else { continue }
            #expect(read.boxes.contains { $0.text.split(separator: "\n").first == name[...] }, "\(name)")
        }
    }

    @Test func bytesThatAreNoTextAreWrittenOut() throws {
        let route = Array("a@d.example smtp-lmtp!".utf8) + [0xFF, 0xC0, 0x80] + Array("\u{202E}x!user\n".utf8)
        let site = try GraphSites.make(fqdnroutes: route)
        for format in ["svg", "html"] {
            let boxes = try ReadMarkup(site.bytes(["graph", "--format", format])).boxes
            #expect(boxes.contains { $0.text.hasPrefix("\\xff\\xc0\\x80\\u{202e}x\n") }, "\(boxes.map(\.text))")
        }
    }

    @Test func thePolicyNamesWhatThePageHasAndNothingElse() throws {
        let site = try GraphSites.make(fqdnroutes: Array("a@d.example smtp-lmtp!node!a\n".utf8))
        let page = try ReadMarkup(site.bytes(["graph", "--html"]))
        #expect(page.digests.count == 2)
        for digest in page.digests { #expect(page.policy.contains("'\(digest)'"), "\(page.policy)") }
        #expect(page.policy.hasPrefix("default-src 'none';") && page.policy.contains("connect-src 'none'"))
        #expect(!page.policy.contains("unsafe"))
        #expect(page.scripts == ["application/json#data", "application/json#answers", "#"])
    }

    // MARK: Failures

    @Test(arguments: counted("relations that fail", ["fqdnaliases", "fqdnroutes", "routesdb", "aliases", "thishost"]))
    func aMapThatCannotBeReadIsShownAsThat(relation: String) throws {
        let site = try GraphSites.make(
            fqdnaliases: Array("l@d.example: a@d.example\n".utf8), fqdnroutes: Array("a@d.example smtp!h!u\n".utf8),
            routes: Array("d.example error!nosuchuser\n".utf8), aliases: Array("root: a@d.example\n".utf8),
            thishost: Array("mx.example.net\n".utf8))
        for format in Self.formats {
            let result = try site.run(["graph", "--format", format, "--fail-map", relation])
            #expect(result.status == 75)
            #expect(result.errorText.contains(relation), "\(result.errorText)")
            guard format != "dot" else {
                #expect(result.text.contains("cannot be read"))
                continue
            }
            let boxes = try ReadMarkup(result.output).boxes.filter { $0.classes.contains("maps") }
            let failing = boxes.filter { $0.text.contains("cannot be read") }
            #expect(failing.count == 1 && failing.allSatisfy { $0.text.hasPrefix("\(relation)\n") })
            #expect(failing.allSatisfy { $0.classes.contains("tone-fails") && !$0.text.contains("entr") })
            #expect(boxes.filter { $0.text.contains("1 entry") }.count == 4)
        }
    }

    @Test func wrongUsesAndWrongSitesAreRefused() throws {
        let site = try GraphSites.make()
        #expect(try site.run(["graph", "a@d.example"]).status == 64)
        #expect(try site.run(["graph", "--html", "--format", "svg"]).status == 64)
        #expect(try site.run(["graph", "--format", "png"]).status == 64)
        try site.write("fqdnroutes nothing\n", to: "dbases.conf")
        #expect(try site.run(["graph"]).status == 78)
    }

    // MARK: What is shown

    @Test func findingsStandAtWhatTheyAreAbout() throws {
        let site = try GraphSites.make(
            fqdnroutes: Array("a@d.example smtp-lmtp!node!a\nb@d.example other!node!b\n".utf8),
            scheduler: "smtp-lmtp/node\n  command=\"smtp -M -x -F UNIX:/run/lmtp\"\n")
        _ = try runCommandSuccessfully("/bin/chmod", ["666", site.place.file("fqdnroutes")])
        let boxes = try ReadMarkup(site.bytes(["graph", "--format", "svg"])).boxes
        let map = try #require(boxes.first { $0.text.hasPrefix("fqdnroutes\n") })
        #expect(map.text.contains("✕ 1"), "\(map.text)")
        let unserved = boxes.filter { $0.classes.contains("servers") && $0.classes.contains("faulty") }
        #expect(unserved.contains { $0.text.contains("no server") }, "\(boxes.map(\.text))")
        #expect(boxes.contains { $0.text.contains("UNIX:/run/lmtp") })
    }

    /// Sites as large as they come: the picture stays one that a person can read, and says what it leaves out.
    @Test(arguments: [
        (domains: 1, hosts: 1), (domains: 13, hosts: 17), (domains: 14, hosts: 18), (domains: 3000, hosts: 1),
        (domains: 3000, hosts: 3000), (domains: 500, hosts: 6000),
    ])
    func aLargeSiteStaysReadable(domains: Int, hosts: Int) throws {
        var (fqdn, routes) = ("", "")
        for index in 0..<max(domains, hosts) {
            fqdn += "u\(index)@d\(index % domains).example smtp-lmtp!h\(index % hosts)!u\n"
            if index < domains, index.isMultiple(of: 2) { routes += "d\(index).example error!nosuchuser\n" }
        }
        let site = try GraphSites.make(
            fqdnroutes: Array(fqdn.utf8), routes: Array(routes.utf8),
            scheduler: "smtp-lmtp\n  command=\"smtp -M -x -p 24\"\n")
        let boxes = try ReadMarkup(site.bytes(["graph", "--format", "svg"])).boxes
        #expect(boxes.count <= 80)
        let entries = Self.sum("entries", of: boxes.filter { $0.classes.contains("domains") })
        #expect(entries == max(domains, hosts) + (domains + 1) / 2)
        #expect(Self.sum("entries", of: boxes.filter { $0.classes.contains("hosts") }) == entries)
        let groups = boxes.filter { $0.classes.contains("domains") && !$0.text.hasPrefix("any other") }
        // Each group is one domain and those it has beside that; the rest has no name. This host is a domain as well.
        let named = groups.count { !$0.text.contains("in ") || $0.text.contains("and ") }
        #expect(named + Self.sum("more domains", of: groups) == domains + 1)
    }

    /// The numbers that stand before a word, or its singular, all together.
    private static func sum(_ word: String, of boxes: [ReadMarkup.Box]) -> Int {
        let singular = word.hasSuffix("ies") ? word.dropLast(3) + "y" : word.dropLast()
        var sum = 0
        for line in boxes.flatMap({ $0.text.split(separator: "\n") }) {
            guard line.hasSuffix(" \(word)") || line.hasSuffix(" \(singular)") else { continue }
            let number = line.drop { !$0.isNumber }.prefix { $0.isNumber || $0 == "," }
            sum += Int(number.replacing(",", with: "")) ?? 0
        }
        return sum
    }
}
