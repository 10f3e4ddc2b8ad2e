// The sites of the tests of `graph`, and what other programs read in its pictures.

import Foundation
import Testing
import ZRouteTestKit

/// Sites that are drawn.
enum GraphSites {
    /// The sample site with its maps compiled and loaded, as `make demo` has it, and servers for it.
    static func makeSample() throws -> TestSite {
        var files: [String: String] = [:]
        for name in ["zmailer.conf"] + Fixture.names(in: "site/db").map({ "db/\($0)" }) {
            // Whose the files are depends on who runs the tests.
            files[name] = try Fixture.text("site/\(name)").replacing("root:0:644", with: "-")
        }
        files["zmailer.conf"]? += "MAILSHARE=@SITE@\n"
        files["scheduler.conf"] = """
            smtp-lmtp
              command="smtp -M -x -F UNIX:/run/cyrus/lmtp"
            local
              command="smtp -M -x -F UNIX:/run/cyrus/lmtp"
            smtp
              command="smtp -x"

            """
        let site = try TestSite(files)
        try site.place.makeDirectory("env")
        try site.succeed(["newdb"])
        for map in ["aliases", "fqdnaliases", "fqdnroutes"] {
            try site.succeed(["db", "load", map, site.place.file("db/\(map)")])
        }
        return site
    }

    /// A site of text maps.
    static func make(
        fqdnaliases: [UInt8] = [], fqdnroutes: [UInt8] = [], routes: [UInt8] = [], aliases: [UInt8] = [],
        thishost: [UInt8] = [], scheduler: String? = nil
    ) throws -> TestSite {
        var files = [
            "zmailer.conf": "MAILVAR=@SITE@\nMAILSHARE=@SITE@\nhostname=mx.example.net\n",
            "dbases.conf": """
            aliases text - -la @SITE@/aliases -lm
            fqdnaliases text - -la @SITE@/fqdnaliases -lm%
            fqdnroutes text - -l @SITE@/fqdnroutes -lm%
            routesdb text - -l @SITE@/routes -lm%d pathalias
            thishost text - -l @SITE@/thishost -lmd pathalias

            """,
        ]
        files["scheduler.conf"] = scheduler
        let site = try TestSite(files)
        for (name, bytes) in [
            ("aliases", aliases), ("fqdnaliases", fqdnaliases), ("fqdnroutes", fqdnroutes), ("routes", routes),
            ("thishost", thishost),
        ] {
            try site.write(bytes, to: name)
        }
        return site
    }
}

/// What Python's strict parsers read in a picture or a page.
struct ReadMarkup: Decodable {
    /// The names of all elements, and of all attributes.
    let elements: [String], attributes: [String]
    /// The elements `script`: their types.
    let scripts: [String]
    /// What the policy names and what it has to name: digests of styles and scripts.
    let policy: String, digests: [String]
    /// Each box of the picture: what it is, its classes, its text.
    let boxes: [Box]

    struct Box: Decodable {
        let id: [String], classes: [String], text: String
    }

    /// Reads SVG as XML, or HTML.
    init(_ bytes: [UInt8]) throws {
        let read = try runCommandSuccessfully("/usr/bin/env", ["python3", "-c", Self.program], input: bytes)
        self = try JSONDecoder().decode(ReadMarkup.self, from: Data(read))
    }

    private static let program = #"""
        import base64, hashlib, html.parser, json, sys, xml.etree.ElementTree as tree
        text = sys.stdin.buffer.read().decode("utf-8", "strict")
        elements, attributes, scripts, digests, boxes = [], [], [], [], []
        policy, stack, data, groups = "", [], None, []
        def begin(name, given):
            elements.append(name)
            attributes.extend(key for key, _ in given)
            values = dict(given)
            if name == "g" and "node" in (values.get("class") or "").split():
                boxes.append({"id": [values["id"]], "classes": values["class"].split(), "text": ""})
        if text.startswith("<?xml"):
            def walk(element, box):
                name = element.tag.removeprefix("{http://www.w3.org/2000/svg}")
                begin(name, list(element.attrib.items()))
                if name == "g" and element.get("id"): box = boxes[-1]
                if box and name == "text": box["text"] += (element.text or "") + "\n"
                for child in element: walk(child, box)
            walk(tree.fromstring(text), None)
        else:
            class Parser(html.parser.HTMLParser):
                def handle_starttag(self, name, given):
                    global policy
                    begin(name, given)
                    stack.append(name)
                    values = dict(given)
                    if name == "g": groups.append(values.get("class"))
                    if name == "script": scripts.append((values.get("type") or "") + "#" + (values.get("id") or ""))
                    if values.get("http-equiv") == "Content-Security-Policy": policy = values["content"]
                def handle_data(self, words):
                    global data
                    where = stack[-1] if stack else ""
                    if where == "style" or where == "script" and scripts[-1] == "#":
                        digests.append("sha256-" + base64.b64encode(hashlib.sha256(words.encode()).digest()).decode())
                    if where == "script" and scripts[-1].endswith("#data"): data = json.loads(words)
                    if where == "script" and scripts[-1].endswith("#answers"): json.loads(words)
                    if where == "text" and boxes and "labels" not in groups: boxes[-1]["text"] += words + "\n"
                def handle_endtag(self, name):
                    while stack and stack.pop() != name: pass
            Parser(convert_charrefs=True).feed(text)
            for box in boxes:
                box["id"] = [json.dumps(part) if not isinstance(part, str) else part
                             for part in data["nodes"][int(box["id"][0][1:])]["id"]]
        print(json.dumps({"elements": sorted(set(elements)), "attributes": sorted(set(attributes)), "scripts": scripts,
                          "policy": policy, "digests": digests, "boxes": boxes}))
        """#
}
