// The page of `graph --html` and of `serve` in a real browser: an address is typed into it, and what lights up is its way.

import Foundation
import Glibc
import Testing
import ZRouteTestKit

@Suite(.serialized) struct GraphPageTests {
    /// Where the pictures of a run are kept, for whoever wants to look at them.
    private static func artefact(_ name: String) throws -> String {
        let folder = URL(fileURLWithPath: Fixture.path("../.build/graph")).standardized
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        return folder.appendingPathComponent(name).path
    }

    /// What route-test says of an address, as the page should show it: maps that answered, channels and hosts of its routes.
    private static func expected(_ site: TestSite, _ address: String, _ options: [String]) throws -> Set<String> {
        let result = try site.run(["route-test", "--format", "json", "--trace", address] + options)
        let answer = try #require(
            JSONSerialization.jsonObject(with: Data(result.output)) as? [String: Any], "\(result.text)")
        var expected: Set<String> = []
        for event in answer["trace"] as? [[String: Any]] ?? [] {
            let kind = event["event"] as? String
            if kind == "expanded" { expected.insert("anew") }
            guard kind == "lookup", let found = event["answer"] as? String, found != "absent",
                let relation = event["relation"] as? String, relation != "accounts", let file = event["file"] as? String
            else { continue }
            expected.insert("map \(relation) \(file)")
        }
        for route in answer["routes"] as? [[String: Any]] ?? [] {
            guard let channel = route["channel"] as? String, let host = route["host"] as? String else { continue }
            expected.insert("channel \(channel)")
            switch channel {
            case "error": expected.insert("host error \(host.prefix { $0 != "!" })")
            case "hold": break
            case "local": expected.insert("anyhost local")
            default: expected.insert("host \(channel) \(host)")
            }
        }
        return expected
    }

    /// What is lit in a page.
    private static func lit(_ document: String) throws -> Set<String> {
        var lit: Set<String> = []
        for box in try ReadMarkup(Array(document.utf8)).boxes where box.classes.contains("lit") {
            switch box.id[0] {
            case "map": lit.insert("map \(box.id[1]) \(box.id[3])")
            case "anew", "channel", "host", "anyhost": lit.insert(box.id.joined(separator: " "))
            default: break
            }
        }
        return lit
    }

    private static func fragment(_ address: String) -> String {
        "#" + (address.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? "")
    }

    @Test func theWayOfEachAddressLightsUp() throws {
        guard Chromium.program != nil else { return }
        let site = try GraphSites.makeSample()
        let addresses = try Fixture.text("site/addresses").split(separator: "\n").map(String.init)
        let page = try site.place.write(site.bytes(["graph", "--html"] + addresses), to: "page.html")
        var compared = 0
        for address in addresses {
            let document = try Chromium.document(of: "file://\(page)\(Self.fragment(address))")
            let (lit, expected) = (try Self.lit(document), try Self.expected(site, address, []))
            // An end that is no box of the picture is told in words.
            let missing = expected.subtracting(lit)
            #expect(
                lit.isSubset(of: expected) && missing.isSubset(of: ["host error syntax"]),
                "\(address): \(lit) \(missing)")
            #expect(!lit.isEmpty && document.contains("id=\"answer\""))
            compared += lit.count
        }
        print("graph: \(addresses.count) addresses asked for in the browser, \(compared) lit boxes compared")
        let all = "file://\(page)"
        try Chromium.takePicture(of: all, to: try Self.artefact("page.png"))
        try Chromium.takePicture(
            of: all + Self.fragment("team@example.org"), to: try Self.artefact("way-dark.png"), height: 1500,
            isDark: true)
        for name in ["page.png", "way-dark.png"] {
            let bytes = try Data(contentsOf: URL(fileURLWithPath: Self.artefact(name)))
            #expect(bytes.starts(with: [0x89, 0x50, 0x4E, 0x47]) && bytes.count > 50_000, "\(name)")
        }
    }

    @Test func aPageByItselfSaysWhatItDoesNotKnow() throws {
        guard Chromium.program != nil else { return }
        let site = try GraphSites.makeSample()
        let page = try site.place.write(site.bytes(["graph", "--html", "alice@example.org"]), to: "page.html")
        let document = try Chromium.document(of: "file://\(page)\(Self.fragment("bob@example.org"))")
        #expect(try Self.lit(document).isEmpty)
        #expect(document.contains("made without the way of bob@example.org"))
    }

    @Test func aMapThatFailsIsLitWithTheMailThatWaits() throws {
        guard Chromium.program != nil else { return }
        let site = try GraphSites.makeSample()
        let failing = ["--fail-map", "fqdnroutes"]
        let result = try site.run(["graph", "--html", "alice@example.org"] + failing)
        #expect(result.status == 75)
        let page = try site.place.write(result.output, to: "page.html")
        let document = try Chromium.document(of: "file://\(page)\(Self.fragment("alice@example.org"))")
        #expect(try Self.lit(document) == Self.expected(site, "alice@example.org", failing))
        #expect(document.contains("mail to it waits"))
    }

    @Test func serveAsksForWhatIsTyped() throws {
        guard Chromium.program != nil else { return }
        let site = try GraphSites.makeSample()
        let program = try site.start(["serve", "--listen", "http=127.0.0.1:0"])
        var port = ""
        let isThere = try holds {
            port =
                program.output.components(separatedBy: "listening on port ").last?.prefix { $0.isNumber }.description
                ?? ""
            return !port.isEmpty
        }
        try #require(isThere, "serve does not listen")
        // On a busy machine the first reader may be told to wait.
        let isDrawn = try holds {
            try String(
                decoding: runCommandSuccessfully("/usr/bin/env", ["python3", "-c", Self.getPage, port]), as: UTF8.self
            )
            .contains("id=\"picture\"")
        }
        try #require(isDrawn, "the picture is never drawn")
        for path in ["", "graph"] {
            for address in ["bob--lists@example.org", "friend@elsewhere.example", "nobody@example.org"] {
                let document = try Chromium.document(of: "http://127.0.0.1:\(port)/\(path)\(Self.fragment(address))")
                #expect(try Self.lit(document) == Self.expected(site, address, []), "\(address)")
            }
        }
        let head = try runCommandSuccessfully("/usr/bin/env", ["python3", "-c", Self.getHead, port])
        let text = String(decoding: head, as: UTF8.self)
        #expect(text.contains("content-type: text/html; charset=utf-8"), "\(text)")
        #expect(
            text.contains("frame-ancestors 'none'") && text.contains("script-src 'sha256-") && !text.contains("unsafe"))
        program.send(SIGTERM)
        #expect(program.wait() == 0)
    }

    private static let getPage = """
        import sys, urllib.request
        print(urllib.request.urlopen("http://127.0.0.1:" + sys.argv[1] + "/graph").read().decode())
        """
    private static let getHead = """
        import sys, urllib.request
        answer = urllib.request.urlopen(urllib.request.Request("http://127.0.0.1:" + sys.argv[1] + "/graph", method="HEAD"))
        print("\\n".join(key.lower() + ": " + value for key, value in answer.headers.items()))
        """

    /// Text that runs where it is not quoted gives the page another title.
    @Test func nothingOfAMapRuns() throws {
        guard Chromium.program != nil else { return }
        let payloads = [
            "<script>document.title='owned'</script>", "</script><script>document.title='owned'</script>",
            "\"><img/src=x/onerror=document.title='owned'>", "</title></svg><svg/onload=document.title='owned'>",
            "'-document.title=`owned`-'", "\\u003cscript>document.title='owned'\\u003c/script>",
        ]
        var lines: [String] = []
        for (index, payload) in payloads.enumerated() {
            lines.append("u\(index)@\(payload).example smtp-lmtp!\(payload)!\(payload)")
            lines.append("\"\(payload.replacing("\"", with: "\\\""))\"@d.example \(payload)!h!u")
        }
        let site = try GraphSites.make(fqdnroutes: Array((lines.joined(separator: "\n") + "\n").utf8))
        let asked =
            (0..<payloads.count).map { "u\($0)@d.example" } + payloads.map { "u@\($0)" }
            + payloads.map { "\"\($0)\"@d.example" }
        let page = try site.place.write(site.bytes(["graph", "--html"] + asked), to: "page.html")
        for address in asked {
            let document = try Chromium.document(of: "file://\(page)\(Self.fragment(address))")
            #expect(document.contains("<title>Where mail for mx.example.net goes</title>"), "\(address)")
            #expect(!document.contains("<title>owned") && document.contains("class=\"ready\""), "\(address)")
        }
        print("graph: \(asked.count) hostile addresses and names in the browser, none ran")
    }
}
