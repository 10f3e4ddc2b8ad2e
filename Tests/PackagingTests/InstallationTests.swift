// `make install` and `make uninstall`: everything is put in place, and exactly that is taken away.

import Foundation
import Testing
import ZRouteTestKit

@Suite struct InstallationTests {
    @Test func whatIsInstalledIsTakenAwayAndNothingElse() throws {
        let place = try TemporaryDirectory()
        for directory in ["usr/local/bin", "usr/local/share/man/man1"] {
            try FileManager.default.createDirectory(
                atPath: place.file(directory), withIntermediateDirectories: true)
        }
        try place.write("theirs", to: "usr/local/bin/other")
        try place.write("theirs", to: "usr/local/share/man/man1/other.1")
        let before = try tree(place.path)
        try make("install", place)
        #expect(FileManager.default.isExecutableFile(atPath: place.file("usr/local/bin/zroute")))
        let unit = String(
            decoding: try place.read("usr/local/lib/systemd/system/zroute-serve.service"), as: UTF8.self)
        #expect(unit.contains("ExecStart=/usr/local/bin/zroute serve"))
        #expect(unit.contains("file:///usr/local/share/doc/zroute/serve.md"))
        // The name in everybody's path is the mail server's.
        let link = place.file("usr/local/libexec/zroute/sendmail")
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == "../../bin/zroute")
        #expect(!(try tree(place.path)).contains { $0.contains("sbin") })
        try make("uninstall", place)
        #expect(try tree(place.path) == before)
    }

    @Test func whatAnOlderVersionHadIsTakenAway() throws {
        let place = try TemporaryDirectory()
        try make("install", place)
        let account = "usr/local/share/zroute/installed"
        try place.write("old", to: "usr/local/share/man/man1/zroute-old.1")
        let entries = String(decoding: try place.read(account), as: UTF8.self)
        try place.write("f /usr/local/share/man/man1/zroute-old.1\n" + entries, to: account)
        try make("install", place)
        #expect(!FileManager.default.fileExists(atPath: place.file("usr/local/share/man/man1/zroute-old.1")))
        try make("uninstall", place)
        #expect(try tree(place.path).isEmpty)
    }

    @Test func nothingIsTakenAwayWhereNothingWasInstalled() throws {
        let place = try TemporaryDirectory()
        let result = try runCommand(
            "\(SourceTree.root)/Scripts/installation", ["uninstall", "/usr/local", place.path])
        #expect(result.status == 66)
        #expect(result.errorText.contains("nothing was installed with this PREFIX and DESTDIR"))
    }

    /// Runs the target of the Makefile.
    private func make(_ target: String, _ place: TemporaryDirectory) throws {
        try runCommandSuccessfully(
            "/usr/bin/make",
            [
                "-C", SourceTree.root, target, "DESTDIR=\(place.path)",
                "PROGRAM=\(try SourceTree.program.get().file("zroute"))",
            ])
    }

    /// Everything below a directory.
    private func tree(_ directory: String) throws -> [String] {
        let found = try runCommandSuccessfully(
            "/usr/bin/find", [directory, "-mindepth", "1", "-printf", "%P %m %s\\n"])
        return String(decoding: found, as: UTF8.self).split(separator: "\n").map(String.init).sorted()
    }
}
