// The findings of a check as lines for people, and as one JSON object for programs.

import Bytes
import Check
import Configuration

/// The forms of a check's output.
enum FindingText {
    /// A line for each finding, and one that says how many there are.
    static func text(of report: CheckReport) -> String {
        var text = ""
        for finding in report.findings { text += "\(line(finding))\n" }
        for rest in report.remainders {
            text += "\(rest.file): \(rest.count) more \(word(rest.severity, rest.count))\n"
        }
        let (errors, warnings) = (report.count(.error), report.count(.warning))
        let found =
            errors + warnings == 0
            ? "nothing found" : "\(counted(errors, "error", "errors")), \(counted(warnings, "warning", "warnings"))"
        return text
            + "\(found); \(counted(report.entries, "entry", "entries")) in \(counted(report.maps, "map", "maps")) were looked at\n"
    }

    private static func line(_ finding: Finding) -> String {
        let place = finding.line.map { ":\($0)" } ?? ""
        return "\(finding.file)\(place): \(name(finding.severity)): \(finding.text) (\(finding.name))"
    }

    private static func word(_ severity: Finding.Severity, _ count: Int) -> String {
        name(severity) + (count == 1 ? "" : "s")
    }

    /// A severity as people and programs are told it.
    static func name(_ severity: Finding.Severity) -> String { severity == .error ? "error" : "warning" }

    /// An object with the findings and their numbers.
    static func json(of report: CheckReport) -> [UInt8] {
        var json = JSONText()
        json.object { json in
            json.name("findings")
            json.array { json in
                for finding in report.findings { append(finding, to: &json) }
            }
            json.name("more")
            json.array { json in
                for rest in report.remainders {
                    json.object { json in
                        json.name("file")
                        json.string(rest.file)
                        json.name("severity")
                        json.string(name(rest.severity))
                        json.name("count")
                        json.number(rest.count)
                    }
                }
            }
            for (name, number) in [
                ("errors", report.count(.error)), ("warnings", report.count(.warning)), ("entries", report.entries),
                ("maps", report.maps),
            ] {
                json.name(name)
                json.number(number)
            }
        }
        return json.bytes + [ASCII.lineFeed]
    }

    private static func append(_ finding: Finding, to json: inout JSONText) {
        json.object { json in
            json.name("file")
            json.string(finding.file)
            if let line = finding.line {
                json.name("line")
                json.number(line)
            }
            json.name("severity")
            json.string(name(finding.severity))
            json.name("name")
            json.string(finding.name.description)
            json.name("text")
            json.string(finding.text)
            if let kind = FindingKind.named(finding.name) {
                json.name("remedy")
                json.string(kind.remedy)
            }
        }
    }
}
