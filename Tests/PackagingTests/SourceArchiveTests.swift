// The source archive: the same for the same commit, and complete without git.

import Foundation
import Testing
import ZRouteTestKit

@Suite struct SourceArchiveTests {
    @Test func theSameCommitGivesTheSameBytesAndTheArchiveKnowsIt() throws {
        guard FileManager.default.fileExists(atPath: "\(SourceTree.root)/.git") else {
            print("SourceArchiveTests: no archive is made: this source is no git repository, but an archive itself")
            return
        }
        let place = try TemporaryDirectory()
        let archives = try (1...2).map { number in
            try SourceTree.run("make-dist", [place.file("\(number)")]).trimmed
        }
        let bytes = try archives.map { try Data(contentsOf: URL(fileURLWithPath: $0)) }
        #expect(bytes[0] == bytes[1])

        try runCommandSuccessfully("/bin/tar", ["-x", "-z", "-f", archives[0], "-C", place.path])
        let root = place.file(
            String(URL(fileURLWithPath: archives[0]).lastPathComponent.dropLast(".tar.gz".count)))
        for name in ["version", "date"] {
            #expect(try SourceTree.run("source-facts", [name]).trimmed == fact(name, of: root))
        }
        let commit = try fact("commit", of: root)
        #expect(commit.count == 12)
        #expect(try SourceTree.run("source-facts", ["commit"]).trimmed.hasPrefix(commit))
        for file in ["Package.swift", "Makefile", "Sources/zroute/ZRoute.swift", "contrib/debian/control", "SOURCE"] {
            #expect(FileManager.default.fileExists(atPath: "\(root)/\(file)"), "\(file)")
        }
    }

    /// What the source says of itself.
    private func fact(_ name: String, of root: String) throws -> String {
        String(decoding: try runCommandSuccessfully("\(root)/Scripts/source-facts", [name]), as: UTF8.self).trimmed
    }
}
