// The Debian package: what is in it, what its scripts do to a root, and what lintian says.

import Foundation
import Glibc
import Testing
import ZRouteTestKit

@Suite struct DebianPackageTests {
    @Test func itHasWhatIsInstalledInDebiansPlaces() throws {
        let file = try SourceTree.debianPackage.get().file
        let listed = try runCommandSuccessfully("/usr/bin/dpkg-deb", ["--fsys-tarfile", file])
        let names = try runCommandSuccessfully("/bin/tar", ["-t"], input: listed)
        let found = Set(
            String(decoding: names, as: UTF8.self).split(separator: "\n").filter { !$0.hasSuffix("/") }
                .map { String($0.dropFirst(2)) })
        let share = "usr/share"
        var expected: Set = [
            "\(share)/lintian/overrides/zroute", "\(share)/doc/zroute/copyright",
            "\(share)/doc/zroute/changelog.Debian.gz",
        ]
        for name in try SourceTree.files(below: try SourceTree.stage.get().path) {
            switch name {
            case _ where name.hasPrefix("\(share)/man/"): expected.insert("\(name).gz")
            case "\(share)/doc/zroute/CHANGELOG.md": expected.insert("\(share)/doc/zroute/changelog.gz")
            case "\(share)/doc/zroute/LICENSE": break
            default:
                expected.insert(
                    name.replacing("\(share)/zroute/site/", with: "etc/zmailer/")
                        .replacing("\(share)/zsh/site-functions/", with: "\(share)/zsh/vendor-completions/"))
            }
        }
        #expect(found == expected, "\(found.symmetricDifference(expected).sorted())")
        #expect(found.count > 60)
        let control = try runCommandSuccessfully("/usr/bin/dpkg-deb", ["--info", file, "conffiles"])
        let kept = Set(String(decoding: control, as: UTF8.self).split(separator: "\n").map { String($0.dropFirst()) })
        #expect(kept == found.filter { $0.hasPrefix("etc/") })
    }

    @Test func theSameSourceGivesTheSameBytes() throws {
        let again = try TemporaryDirectory()
        let other = try SourceTree.makeDebianPackage(in: again)
        let file = try SourceTree.debianPackage.get().file
        #expect(try Data(contentsOf: URL(fileURLWithPath: file)) == Data(contentsOf: URL(fileURLWithPath: other)))
    }

    @Test func lintianFindsNothing() throws {
        let file = try SourceTree.debianPackage.get().file
        guard FileManager.default.isExecutableFile(atPath: "/usr/bin/lintian") else {
            print("DebianPackageTests: lintian is not asked: it is not installed")
            return
        }
        let result = try runCommand(
            "/usr/bin/lintian", ["--allow-root", "--tag-display-limit", "0", "--fail-on", "error,warning", file])
        #expect(result.status == 0 && result.text.isEmpty, "\(result.text)\(result.errorText)")
    }

    /// The scripts, twice each: what an interrupted installation leaves is no obstacle.
    @Test func theSpoolIsMadeAndGoesWithThePackageUnlessItHoldsMail() throws {
        guard geteuid() == 0 else {
            print("DebianPackageTests: the package is not installed in a directory: only root may")
            return
        }
        let root = try TemporaryDirectory()
        try runCommandSuccessfully(
            "/usr/bin/dpkg-deb", ["--extract", try SourceTree.debianPackage.get().file, root.path])
        try root.write("root:x:0:0:root:/root:/bin/sh\n", to: "etc/passwd")
        try root.write("root:x:0:\n", to: "etc/group")
        for _ in 1...2 { try script("postinst", ["configure", ""], root) }
        let spool = root.file("var/spool/postoffice")
        #expect(FileManager.default.fileExists(atPath: "\(spool)/router"))
        try root.write("mail", to: "var/spool/postoffice/router/1")
        #expect(try script("postrm", ["purge"], root).contains("is not empty; it stays"))
        #expect(FileManager.default.fileExists(atPath: "\(spool)/router/1"))
        #expect(!FileManager.default.fileExists(atPath: "\(spool)/queue"))
        try FileManager.default.removeItem(atPath: "\(spool)/router/1")
        for _ in 1...2 { #expect(try script("postrm", ["purge"], root).isEmpty) }
        #expect(!FileManager.default.fileExists(atPath: spool))
    }

    /// What `systemctl enable` made, and nothing of others; a package that is removed and comes back is enabled as before.
    @Test func whatWasEnabledGoesWithThePurge() throws {
        let root = try TemporaryDirectory()
        let units = "etc/systemd/system"
        let links = [
            "multi-user.target.wants/zroute-serve.service", "sockets.target.wants/zroute-serve.socket",
            "timers.target.wants/zroute-deliver.timer", "multi-user.target.wants/other.service",
        ]
        for link in links {
            let parts = link.split(separator: "/")
            try FileManager.default.createDirectory(
                atPath: root.file("\(units)/\(parts[0])"), withIntermediateDirectories: true)
            try FileManager.default.createSymbolicLink(
                atPath: root.file("\(units)/\(link)"), withDestinationPath: "/usr/lib/systemd/system/\(parts[1])")
        }
        try script("postrm", ["remove"], root)
        #expect(try SourceTree.files(below: root.file(units)) == links.sorted())
        for _ in 1...2 { try script("postrm", ["purge"], root) }
        #expect(try SourceTree.files(below: root.file(units)) == ["multi-user.target.wants/other.service"])
        #expect(!FileManager.default.fileExists(atPath: root.file("\(units)/sockets.target.wants")))
        #expect(!FileManager.default.fileExists(atPath: root.file("\(units)/timers.target.wants")))
    }

    /// Runs a script of the package on a root; gives what it said to people.
    @discardableResult
    private func script(_ name: String, _ arguments: [String], _ root: TemporaryDirectory) throws -> String {
        let result = try runCommand(
            "/usr/bin/env",
            ["DPKG_ROOT=\(root.path)", "/bin/sh", "\(SourceTree.root)/contrib/debian/\(name)"] + arguments)
        #expect(result.status == 0, "\(name): \(result.errorText)")
        return result.errorText
    }
}
