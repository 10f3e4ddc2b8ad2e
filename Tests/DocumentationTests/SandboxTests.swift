// What docs/security.md says of the sandbox is what the units say, and systemd agrees that little is left.

import Foundation
import Testing
import ZRouteTestKit

@Suite struct SandboxTests {
    static let units = ["zroute-serve", "zroute-deliver", "zroute-deliver-once", "zroute-route-queue"]
    /// Where a unit writes is said of each by itself.
    static let paths = "ReadWritePaths="
    /// How settings begin that take rights away.
    static let sandboxing = [
        "Protect", "Private", "Restrict", "NoNewPrivileges", "CapabilityBoundingSet", "Lock", "MemoryDeny",
        "SystemCall",
        "UMask", "User=", "IPAddress",
    ]

    private func takesRightsAway(_ setting: String) -> Bool { Self.sandboxing.contains(where: setting.hasPrefix) }

    @Test(arguments: units) func aUnitTakesAwayWhatThePageSays(unit: String) throws {
        let lines = Set(
            try SourceTree.text("contrib/\(unit).service").split(separator: "\n").map(String.init)
                .filter(takesRightsAway))
        let said = try page().flatMap { row in
            row.matches(of: /`([A-Z][A-Za-z]+=[^`]*)`/).map { String($0.1) }
        }
        .filter(takesRightsAway)
        #expect(said.count >= 20)
        #expect(lines == Set(said), "\(lines.symmetricDifference(said).sorted())")
    }

    @Test(arguments: units) func aUnitWritesWhereThePageSays(unit: String) throws {
        let line = try #require(
            try SourceTree.text("contrib/\(unit).service").split(separator: "\n").first { $0.hasPrefix(Self.paths) })
        #expect(try page().contains("| `\(unit)` | `\(line.dropFirst(Self.paths.count))` |"))
    }

    @Test(arguments: units) func systemdFindsLittleLeft(unit: String) throws {
        let place = try TemporaryDirectory()
        try place.write(try SourceTree.text("contrib/\(unit).service"), to: "\(unit).service")
        // In tenths: it fails above.
        let result = try runCommand(
            "/usr/bin/systemd-analyze",
            ["security", "--offline=true", "--threshold=25", "--no-pager", place.file("\(unit).service")])
        #expect(result.status == 0, "\(result.text.split(separator: "\n").last ?? "")\(result.errorText)")
    }

    /// The rows of the page's tables of settings.
    private func page() throws -> [String] {
        let text = try SourceTree.text("docs/security.md")
        let section = text.components(separatedBy: "\n## What each process may do\n").last?
            .components(separatedBy: "\n### ").first
        return try #require(section).split(separator: "\n").map(String.init).filter { $0.hasPrefix("| `") }
    }
}
