// That the documentation of findings names each name that the code has, and no other.

import Check
import Configuration
import Foundation
import Testing
import ZRouteTestKit

@Suite struct FindingKindTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// The names that sources give to findings.
    private func namesInSources() throws -> Set<String> {
        let sources = Self.root.appendingPathComponent("Sources").path
        var names: Set<String> = []
        for file in try FileManager.default.subpathsOfDirectory(atPath: sources) where file.hasSuffix(".swift") {
            let text = try String(contentsOfFile: "\(sources)/\(file)", encoding: .utf8)
            for part in text.components(separatedBy: "Finding.Name(\"").dropFirst() {
                names.insert(String(part.prefix { $0 != "\"" }))
            }
        }
        return names
    }

    @Test func everyNameIsDocumentedWithAnExampleAndNoOther() throws {
        let documented = FindingKind.all.map(\.name.description)
        #expect(Set(documented).symmetricDifference(try namesInSources()) == [])
        #expect(Set(documented).count == documented.count)
        for kind in FindingKind.all {
            #expect(!kind.meaning.isEmpty && !kind.remedy.isEmpty && !kind.example.isEmpty, "\(kind.name)")
            #expect(["error", "warning", "error, warning"].contains(kind.severities), "\(kind.name)")
        }
    }

    /// `ZROUTE_WRITE_DOCUMENTATION=1` writes the page anew.
    @Test func thePageIsWhatTheKindsSay() throws {
        let page = Self.root.appendingPathComponent("docs/findings.md")
        if ProcessInfo.processInfo.environment["ZROUTE_WRITE_DOCUMENTATION"] == "1" {
            try FindingKind.documentation.write(to: page, atomically: true, encoding: .utf8)
        }
        #expect(try String(contentsOf: page, encoding: .utf8) == FindingKind.documentation)
    }
}
