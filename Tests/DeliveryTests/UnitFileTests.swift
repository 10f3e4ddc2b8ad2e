// The files for systemd: that systemd itself understands all of them, and that they make the user and the spool.

import Foundation
import Glibc
import System
import Testing
import ZRouteTestKit

@Suite struct UnitFileTests {
    private static let contrib =
        URL(fileURLWithPath: #filePath).appendingPathComponent("../../../contrib").standardized.path

    @Test(arguments: [
        "zroute-deliver.service", "zroute-route-queue.service", "zroute-deliver-once.service", "zroute-deliver.timer",
        "zroute-serve.service", "zroute-serve.socket", "zroute-serve-postfix.socket",
    ])
    func systemdUnderstandsTheUnit(name: String) throws {
        let place = try TemporaryDirectory()
        for unit in try FileManager.default.contentsOfDirectory(atPath: Self.contrib)
        where [".service", ".timer", ".socket"].contains(where: unit.hasSuffix) {
            let lines = text(try readFile("\(Self.contrib)/\(unit)", limit: 1 << 20).bytes)
            // The program is not installed where it is tested.
            try place.write(lines.replacing("/usr/bin/zroute", with: try Programs.zroute.get()), to: unit)
        }
        let result = try runCommand("/usr/bin/systemd-analyze", ["verify", "--man=no", place.file(name)])
        #expect(result.status == 0 && result.errorText.isEmpty, "\(result.errorText)")
    }

    /// What a unit starts is a command line that the program takes.
    @Test(arguments: ["zroute-deliver", "zroute-route-queue", "zroute-deliver-once", "zroute-serve"])
    func theProgramTakesTheCommand(name: String) throws {
        let unit = text(try readFile("\(Self.contrib)/\(name).service", limit: 1 << 20).bytes)
        let joined = unit.replacing("\\\n", with: " ")
        let line = try #require(joined.split(separator: "\n").first { $0.hasPrefix("ExecStart=/usr/bin/zroute ") })
        let arguments = line.dropFirst("ExecStart=/usr/bin/zroute ".count).split(separator: " ").map(String.init)
        let relations = ["aliases", "fqdnaliases", "fqdnroutes", "routesdb", "thishost"]
        let site = try TestSite([
            "zmailer.conf": "POSTOFFICE=/none\nMAILVAR=@SITE@\n",
            "dbases.conf": relations.map { "\($0) NONE - - - -\n" }.joined(),
            "scheduler.conf": "smtp\n  command=\"smtp -x\"\n",
        ])
        let result = try site.run(arguments + ["--scheduler", site.place.file("scheduler.conf")])
        #expect(result.status == 66 && result.errorText.contains("/none/router: open: "), "\(result.errorText)")
    }

    @Test func theUserAndTheSpoolAreMade() throws {
        let place = try TemporaryDirectory()
        try place.makeDirectory("etc")
        try place.write("root:x:0:0:root:/root:/bin/sh\n", to: "etc/passwd")
        try place.write("root:x:0:\n", to: "etc/group")
        let root = "--root=\(place.path)"
        guard geteuid() == 0 else {
            print("UnitFileTests: the user and the spool are not made: only root may")
            return
        }
        try runCommandSuccessfully("/usr/bin/systemd-sysusers", [root, "\(Self.contrib)/sysusers.d/zroute.conf"])
        #expect(text(try readFile(place.file("etc/passwd"), limit: 1 << 16).bytes).contains("\nzroute:"))
        try runCommandSuccessfully(
            "/usr/bin/systemd-tmpfiles", [root, "--create", "\(Self.contrib)/tmpfiles.d/zroute.conf"])
        for name in ["router", "transport", "queue", "postman"] {
            let identity = try FileIdentity(path: place.file("var/spool/postoffice/\(name)"))
            #expect(identity.mode & 0o777 == (name == "router" ? 0o770 : 0o700), "\(name)")
        }
    }
}
