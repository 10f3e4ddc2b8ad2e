// The version: one place says it, and everything else has it from there.

import Foundation
import Testing
import ZRouteTestKit

@Suite struct VersionTests {
    @Test func theProgramAndTheScriptsSayTheSame() throws {
        let version = try SourceTree.run("source-facts", ["version"]).trimmed
        let said = try runCommand(try Programs.zroute.get(), ["--version"]).text.trimmed
        #expect(said == version || said.hasPrefix("\(version) ("), "\(said), and \(version)")
        #expect(try SourceTree.run("source-facts", ["debian-version"]).trimmed == version.replacing("-", with: "~"))
    }

    @Test func noOtherFileSaysIt() throws {
        let version = try SourceTree.run("source-facts", ["version"]).trimmed
        let files = ["Makefile", "Package.swift", "Scripts", "Sources", "contrib", "docs"].map {
            "\(SourceTree.root)/\($0)"
        }
        let found = try runCommand("/bin/grep", ["-rlF", version] + files)
        #expect(found.text.trimmed == "\(SourceTree.root)/Sources/ZRouteCommands/CommandLine/ZRouteCommand.swift")
    }

    /// A release has a section of its name with its day; before one there is a section of what is to come.
    @Test func theChangesHaveASectionForIt() throws {
        let version = try SourceTree.run("source-facts", ["version"]).trimmed
        let title = version.hasSuffix("-dev") ? "## Unreleased" : "## \(version) - "
        let first = try SourceTree.text("CHANGELOG.md").split(separator: "\n").first { $0.hasPrefix("## ") }
        #expect(first?.hasPrefix(title) == true, "\(first ?? "no section"), and not \(title)")
    }
}
