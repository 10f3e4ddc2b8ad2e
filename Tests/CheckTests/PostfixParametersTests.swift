// main.cf as it is read for a conversion, against Postfix's own postconf.

import Check
import Foundation
import Testing
import ZRouteTestKit

@Suite struct PostfixParametersTests {
    /// Parameters that values are tried on, each of which may refer to those before it.
    private static let names = [
        "mydomain", "myorigin", "mydestination", "relayhost", "relay_domains", "recipient_delimiter",
        "virtual_transport",
        "transport_maps", "virtual_alias_maps", "virtual_mailbox_domains", "default_transport", "relay_recipient_maps",
    ]

    /// A value that refers to other parameters in all the ways there are.
    private static func value(_ dice: inout SeededNumbers, _ known: [String], depth: Int = 0) -> String {
        let name = known.isEmpty ? "myhostname" : dice.one(of: known + ["no_such_parameter", "own_parameter"])
        func inner() -> String { depth > 2 ? "x" : value(&dice, known, depth: depth + 1) }
        let words = ["hash:/etc/x", "a.example", "lmtp:unix:/run/x", "b", "1", "20", "[h]:25", "", "static:all"]
        var parts: [String] = []
        for _ in 0..<dice.one(of: [1, 1, 2, 3]) {
            switch dice.next() % 12 {
            case 0: parts.append("$\(name)")
            case 1: parts.append("${\(name)}")
            case 2: parts.append("$(\(name))")
            case 3: parts.append("${\(name)?\(inner())}")
            case 4: parts.append("${\(name):\(inner())}")
            case 5: parts.append("${\(name)?{\(inner())}:{\(inner())}}")
            case 6: parts.append("${\(name)?{ \(inner()) }}")
            case 7: parts.append("${\(name):{\(inner())}}")
            case 8:
                let operation = dice.one(of: ["==", "!=", "<", "<=", ">", ">="])
                parts.append("${{\(inner())} \(operation) {\(inner())} ? {\(inner())} : {\(inner())}}")
            case 9:
                let level = dice.one(of: ["1", "3.6", "3.6.0", "4", "2.9"])
                let operation = dice.one(of: ["<level", "<=level", ">=level", ">level", "==level", "!=level"])
                parts.append("${{$compatibility_level} \(operation) {\(level)} ? {\(inner())}:{\(inner())}}")
            default: parts.append(dice.one(of: words))
            }
        }
        return parts.joined(
            separator: depth == 0 ? dice.one(of: [" ", ", ", "\n  ", "\n# remark\n\t", "\n\n   # more\n  "]) : "-")
    }

    @Test func expandsAsPostconfDoes() throws {
        let tools = try PostfixTools()
        var compared = 0
        for seed in counted("random main.cf files", Array(UInt64(1)...150)) {
            var dice = SeededNumbers(seed: seed)
            var text = "own_parameter = \(dice.one(of: ["mine", "", "1"]))\n"
            var known = ["myhostname"]
            for name in Self.names {
                if dice.next() % 3 > 0 {
                    let equals = dice.one(of: [" = ", "=", " =  "])
                    text += "\(name)\(equals)\(Self.value(&dice, known))\(dice.one(of: ["", "  ", "\t"]))\n"
                }
                known.append(name)
            }
            // The last assignment counts.
            if dice.next() % 4 == 0 { text += "mydomain = last.example\n" }
            try tools.configure(text)
            let result = try tools.run("postconf", ["-x"] + Self.names)
            guard result.status == 0 else { throw CommandFailure("seed \(seed): \(result.errorText)\n\(text)") }
            let parameters = PostfixParameters(try MainConfiguration(reading: tools.place.file("main.cf")))
            for line in result.text.split(separator: "\n") {
                let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                let name = parts[0].trimmingCharacters(in: .whitespaces)
                let own = try parameters.value(name)
                #expect(Self.squeezed(own) == Self.squeezed(String(parts[1])), "seed \(seed): \(name)\n\(text)")
                compared += 1
            }
        }
        print("PostfixParametersTests: \(compared) values compared")
        #expect(compared > 1500)
    }

    /// Blanks in a row are one: postconf breaks no lines, and main.cf does.
    private static func squeezed(_ text: String) -> String {
        text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }

    /// What Postfix refuses is refused, with its line.
    @Test(
        arguments: [
            ("mydomain = a.example\nno assignment\n", 2), ("mydomain = ${myorigin\nmyorigin = x\n", 1),
            ("mydomain = $mydomain\n", 1), ("mydomain = $\n", 1), ("two words = x\n", 1),
            ("mydomain = ${{a} ?? {b} ? {x} : {y}}\n", 1),
        ])
    func refusesWhatPostfixRefuses(text: String, line: Int) throws {
        let place = try TemporaryDirectory()
        try place.write(text, to: "main.cf")
        let error = #expect(throws: ConversionError.self) {
            _ = try PostfixParameters(try MainConfiguration(reading: place.file("main.cf"))).value("mydomain")
        }
        #expect(
            error.map { "\($0)" }?.hasPrefix("\(place.file("main.cf")):\(line): ") ?? false,
            "\(error.map { "\($0)" } ?? "")")
    }
}
