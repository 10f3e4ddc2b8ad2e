// The entries of Postfix's tables as they are read for a conversion, against Postfix's own postmap and postalias.

import Check
import Foundation
import Testing
import ZRouteTestKit

@Suite struct PostfixTableTests {
    /// The sources of maps: usual ones, and what editors and people make of them.
    private static let sources: [(name: String, text: String)] = [
        ("addresses", "ann@a.example bo@b.example, cy@c.example\n@d.example ann@a.example\nBo+Ext@A.Example x\n"),
        ("continued", "ann@a.example\n   bo@b.example,\n # remark\n\tcy@c.example\n\n# more\nbo@b.example x\n"),
        ("blanks", "  ann@a.example   bo@b.example  \n\tbo \t x y  z \t\n\n   \n"),
        ("first counts", "ann one\nann two\nANN three\nbo x\n"),
        ("no value", "ann\nbo x\ncy \n"),
        ("quoted", "\"ann lee\"@a.example bo@b.example\nbo \"cy dee\"@c.example\n"),
        ("beyond ASCII", "gr\u{fc}\u{df}e@a.example bo\nb\u{fc}cher.example x\n"),
        ("no newline", "ann x\nbo y"),
        ("few", "ann x\n"),
        ("nothing", "# remark\n"),
        ("many", (0..<3000).map { "user\($0)@d\($0 % 7).example box\($0)@store.example, b\($0)\n" }.joined()),
        ("long", "ann@a.example \((0..<900).map { "user\($0)@b.example" }.joined(separator: ", "))\n"),
    ]

    private static let types = ["hash", "btree", "cdb", "lmdb", "texthash"]

    @Test func readsWhatPostmapAnswers() throws {
        let tools = try PostfixTools()
        var keys = 0
        let variants = Self.types.flatMap { type in Self.sources.map { (type: type, source: $0) } }
        for (number, variant) in counted("sources of each type of table", variants).enumerated() {
            let path = tools.place.file("table\(number)")
            try tools.place.write(variant.source.text, to: "table\(number)")
            let table = TableReference("\(variant.type):\(path)", standardType: "hash")
            if variant.type != "texthash" {
                let made = try tools.run("postmap", ["\(variant.type):\(path)"])
                guard made.status == 0 else { throw CommandFailure("\(variant): \(made.errorText)") }
            }
            if let obstacle = table.obstacle {
                if variant.source.name == "few" {
                    print("PostfixTableTests: \(variant.type) not compared: \(obstacle)")
                }
                continue
            }
            let entries = try table.entries()
            // All keys that Postfix knows, and each value by the question that its programs ask.
            let listed = try tools.run("postmap", ["-s", "\(variant.type):\(path)"])
            // postmap lists no others.
            if ["hash", "btree", "lmdb"].contains(variant.type) {
                let known = listed.text.split(separator: "\n").map { $0.split(separator: "\t")[0] }
                #expect(
                    Set(entries.map { String(decoding: $0.key, as: UTF8.self) }) == Set(known.map(String.init)),
                    "\(variant)")
            }
            for entry in entries.prefix(400) {
                let key = String(decoding: entry.key, as: UTF8.self)
                let answer = try tools.run("postmap", ["-q", key, "\(variant.type):\(path)"])
                #expect(
                    answer.output == entry.value + [0x0A],
                    "\(variant.type) \(variant.source.name): \(key): \(answer.text)\(answer.errorText)")
                keys += 1
            }
        }
        print("PostfixTableTests: \(keys) keys compared")
        #expect(keys > 1500)
    }

    /// Tables that stand in main.cf, or are made of others.
    @Test(
        arguments: [
            "inline:{ ann@a.example=bo@b.example }", "inline:{ a=b, { c = d e } }", "inline:{{a=b c},{d=e}}",
            "unionmap:{ inline:{ a=x b=y }, inline:{ a=z } }", "proxy:inline:{ A=B }",
        ])
    func readsWhatStandsInMainCF(table: String) throws {
        let tools = try PostfixTools()
        let entries = try TableReference(table, standardType: "hash").entries()
        #expect(!entries.isEmpty)
        for entry in entries {
            let key = String(decoding: entry.key, as: UTF8.self)
            let text = table.hasPrefix("proxy:") ? String(table.dropFirst(6)) : table
            let answer = try tools.run("postmap", ["-q", key, text])
            #expect(answer.output == entry.value + [0x0A], "\(key): \(answer.text)\(answer.errorText)")
        }
    }

    /// A table that cannot be read is a failure, and never an empty one.
    @Test(arguments: ["hash", "btree", "cdb", "texthash"])
    func failsWithoutItsFile(type: String) throws {
        let place = try TemporaryDirectory()
        if type != "texthash" { try place.write("ann x\n", to: "table") }
        #expect(throws: ConversionError.self) {
            try TableReference("\(type):\(place.file("table"))", standardType: "hash").entries()
        }
    }
}
