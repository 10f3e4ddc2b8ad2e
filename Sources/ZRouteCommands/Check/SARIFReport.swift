// The findings of a check in the Static Analysis Results Interchange Format 2.1.0 (OASIS), which code scanners and reviews of
// configurations in a repository show beside the lines.

import Bytes
import Check
import Configuration

/// The SARIF form of a check.
enum SARIFReport {
    /// The log file: one run, a rule for each kind that was found, a result for each finding.
    static func text(of report: CheckReport, version: String) -> [UInt8] {
        var json = JSONText()
        let kinds = FindingKind.all.filter { kind in report.findings.contains { $0.name == kind.name } }
        json.object { json in
            string("$schema", "https://json.schemastore.org/sarif-2.1.0.json", &json)
            string("version", "2.1.0", &json)
            json.name("runs")
            json.array { json in
                json.object { json in
                    json.name("tool")
                    json.object { json in
                        json.name("driver")
                        json.object { json in
                            string("name", "zroute", &json)
                            string("semanticVersion", version, &json)
                            json.name("rules")
                            json.array { json in
                                for kind in kinds { rule(kind, &json) }
                            }
                        }
                    }
                    // Lines are counted in bytes between line feeds, and columns are not given.
                    string("columnKind", "utf16CodeUnits", &json)
                    json.name("results")
                    json.array { json in
                        for finding in report.findings { result(finding, kinds, &json) }
                    }
                }
            }
        }
        return json.bytes + [ASCII.lineFeed]
    }

    private static func string(_ name: String, _ value: String, _ json: inout JSONText) {
        json.name(name)
        json.string(value)
    }

    private static func message(_ name: String, _ text: String, _ json: inout JSONText) {
        json.name(name)
        json.object { json in string("text", text, &json) }
    }

    private static func rule(_ kind: FindingKind, _ json: inout JSONText) {
        json.object { json in
            string("id", kind.name.description, &json)
            message("shortDescription", kind.meaning, &json)
            message("help", "\(kind.remedy) Example: \(kind.example)", &json)
        }
    }

    private static func result(_ finding: Finding, _ kinds: [FindingKind], _ json: inout JSONText) {
        json.object { json in
            string("ruleId", finding.name.description, &json)
            if let index = kinds.firstIndex(where: { $0.name == finding.name }) {
                json.name("ruleIndex")
                json.number(index)
            }
            string("level", FindingText.name(finding.severity), &json)
            message("message", finding.text, &json)
            json.name("locations")
            json.array { json in
                json.object { json in
                    json.name("physicalLocation")
                    json.object { json in
                        json.name("artifactLocation")
                        json.object { json in string("uri", uri(finding.file), &json) }
                        guard let line = finding.line else { return }
                        json.name("region")
                        json.object { json in
                            json.name("startLine")
                            json.number(line)
                        }
                    }
                }
            }
        }
    }

    /// A path as a reference of RFC 3986, whose other characters are escaped by their bytes.
    static func uri(_ path: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var text: [UInt8] = path.utf8.first == UInt8(ascii: "/") ? Array("file://".utf8) : []
        for byte in path.utf8 {
            let isPlain = ASCII.isDigit(byte) || (byte | 0x20) &- UInt8(ascii: "a") < 26 || "-._~/".utf8.contains(byte)
            text += isPlain ? [byte] : [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
        }
        return String(decoding: text, as: UTF8.self)
    }
}
