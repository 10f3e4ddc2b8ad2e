// The configuration in effect: where each setting comes from, what is a zmailer.conf again, and which files were looked for.

import Foundation
import Testing
import ZRouteTestKit

@Suite struct ConfigCommandTests {
    private static let files = [
        "zmailer.conf": "# a remark\nMAILVAR=@SITE@\nMAILSHARE=@SITE@\nPOSTOFFICE=$MAILVAR/post\nDBTYPE=text\n"
            + "hostname=h.example\nMAILBIN='/a b'\nLOGDIR=\"$MAILBIN/it's\"\nlookuptimeout=3\n",
        "router.cf": "if [ x ]; then\nexpansiondepth=50\nfi\n",
        "mail.conf": "orgdomains='a.example|b.example'\nlookuptimeout=7\n",
        "dbases.conf":
            "aliases $DBTYPE - -la @SITE@/aliases -lm\nfqdnaliases btree root:root:640 -l @SITE@/fq -lm% -s 5\n"
            + "fqdnroutes btree - -r @SITE@/live -lm%:d pathalias.at -C @SITE@/env.conf\nroutesdb NONE - - - -\n"
            + "thishost NONE - - - -\n",
        "scheduler.conf": "*/*\n    interval=1m expiry=3d\nsmtp-lmtp\n    maxthr=4\n"
            + "    command=\"smtp -M -x -F UNIX:/s -A @SITE@/secrets -S @SITE@/tls\"\n",
        "secrets": "smtp-lmtp node dQ== cA==\n", "tls": "tls-CAfile @SITE@/ca\n", "aliases": "", "fq": "",
        "env.conf": "envhome=@SITE@\nenvmode=0600\nenvflags=CDB\n",
    ]

    private func config(_ site: TestSite, _ arguments: String...) throws -> CommandResult {
        try site.run(["config"] + arguments)
    }

    /// Each setting's line of the text, without its value's column.
    private func lines(_ result: CommandResult) -> [String] {
        result.text.split(separator: "\n").map { line in
            line.split(separator: " ", omittingEmptySubsequences: true).joined(separator: " ")
        }
    }

    /// A setting, and what is to be said of it; `@` is the site's directory.
    static let origins = [
        ("MAILVAR", "MAILVAR=@ # @/zmailer.conf:2"),
        ("POSTOFFICE", "POSTOFFICE=@/post # @/zmailer.conf:4"),
        ("LOGDIR", "LOGDIR='/a b/it'\\''s' # @/zmailer.conf:8"),
        ("MAILBIN", "MAILBIN='/a b' # @/zmailer.conf:7"),
        ("expansiondepth", "expansiondepth=50 # @/router.cf:2"),
        ("orgdomains", "orgdomains='a.example|b.example' # @/mail.conf:1"),
        ("lookuptimeout", "lookuptimeout=7 # @/mail.conf:2"),
        ("expansionsize", "expansionsize=10000 # default"),
        ("storedomain", "#storedomain # not set"),
        ("localaddresses", "localaddresses='127.0.0.1 ::1' # default"),
    ]

    @Test(arguments: origins)
    func eachSettingHasItsOrigin(_ name: String, _ expected: String) throws {
        let site = try TestSite(Self.files)
        let result = try config(site, name)
        #expect(result.status == 0)
        #expect(result.errorText.isEmpty)
        #expect(lines(result) == [expected.replacing("@", with: site.path)])
    }

    @Test func theCommandLineComesFirst() throws {
        let site = try TestSite(Self.files)
        let result = try config(site, "lookuptimeout", "--set", "lookuptimeout=2")
        #expect(lines(result) == ["lookuptimeout=2 # --set"])
    }

    @Test func whatIsChangedAloneIsShown() throws {
        let site = try TestSite(Self.files)
        let result = try config(site, "-n")
        let names = result.text.split(separator: "\n").map { $0.prefix { $0 != "=" } }
        #expect(
            names == [
                "MAILVAR", "MAILSHARE", "POSTOFFICE", "LOGDIR", "DBTYPE", "hostname", "orgdomains", "expansiondepth",
                "lookuptimeout",
            ])
    }

    @Test func theTextIsAConfigurationThatSaysTheSame() throws {
        let site = try TestSite(Self.files)
        let first = try config(site)
        try site.place.makeDirectory("other")
        let other = try site.place.write(first.text, to: "other/zmailer.conf")
        let again = try runCommand(Programs.zroute.get(), ["config", "--format", "json", "--config", other])
        let before = try config(site, "--format", "json")
        func values(_ result: CommandResult) throws -> [String: String] {
            let object = try #require(try JSONSerialization.jsonObject(with: Data(result.output)) as? [String: Any])
            let settings = try #require(object["settings"] as? [[String: Any]])
            let pairs = settings.map { ($0["name"] as? String ?? "", $0["value"] as? String ?? "(none)") }
            return Dictionary(uniqueKeysWithValues: pairs)
        }
        #expect(try values(again) == values(before))
        #expect(try values(before).count == 20)
    }

    @Test func everyFileThatCountsIsNamed() throws {
        let site = try TestSite(Self.files)
        let result = try config(site, "--format", "json")
        let object = try #require(try JSONSerialization.jsonObject(with: Data(result.output)) as? [String: Any])
        #expect(object["version"] as? Int == 1)
        let files = try #require(object["files"] as? [[String: Any]])
        let found = files.map { file in
            let path = (file["path"] as? String ?? "").replacing(site.path + "/", with: "")
            return "\(path) \(file["state"] as? String ?? "")"
        }
        #expect(
            found == [
                "zmailer.conf present", "router.cf present", "mail.conf present", "db/dbases.conf missing",
                "dbases.conf present", "aliases present", "fq present", "fq.db missing", "live.db missing",
                "env.conf present", "post missing", "scheduler.conf present", "secrets present", "tls present",
                "ca missing",
            ])
        let maps = try #require(object["maps"] as? [[String: Any]])
        #expect(
            maps.map { $0["flags"] as? String } == [
                "-lm", "-lm% -s 5", "-lm%: -d pathalias.at -C \(site.path)/env.conf", "-", "-",
            ])
        #expect(maps.map { $0["source"] as? String } == ["\(site.path)/aliases", "\(site.path)/fq", nil, nil, nil])
        let channels = try #require(object["channels"] as? [[String: Any]])
        #expect(channels.map { $0["selector"] as? String } == ["*/*", "smtp-lmtp"])
        #expect(channels.last?["maxthr"] as? String == "4")
        #expect(channels.last?["expiry"] as? String == "259200s")
    }

    @Test func aFileThatMayNotBeReadIsSaidToBe() throws {
        let site = try TestSite(Self.files)
        // A directory in its place is what even the superuser cannot read as a file.
        try FileManager.default.removeItem(atPath: site.place.file("mail.conf"))
        try site.place.makeDirectory("mail.conf")
        let result = try config(site)
        #expect(result.status == 78)
        #expect(result.errorText.contains("mail.conf"))
        #expect(result.text.contains("# UNREADABLE"))
    }

    /// A mistake, and what is in effect all the same.
    static let mistakes = [
        ("zmailer.conf", "lookuptimeout=soon\n", "lookuptimeout", "lookuptimeout=5"),
        ("dbases.conf", "aliases btre - - /x -l\n", "DBTYPE", "DBTYPE=btree"),
        ("scheduler.conf", "*/*\n  intervall=1m\n", "DBTYPE", "DBTYPE=btree"),
    ]

    @Test(arguments: mistakes)
    func aMistakeIsSaidAndTheRestIsShown(_ file: String, _ text: String, _ name: String, _ shown: String) throws {
        var files = ["zmailer.conf": "MAILVAR=@SITE@\nMAILSHARE=@SITE@\n", "dbases.conf": "", "scheduler.conf": ""]
        files[file, default: ""] += text
        let site = try TestSite(files)
        let result = try config(site, name)
        #expect(result.status == 78)
        #expect(result.errorText.contains("\(site.path)/\(file):"))
        #expect(result.text.hasPrefix(shown + " "))
    }

    @Test func aNameThatIsNoSettingIsRefused() throws {
        let result = try config(TestSite(Self.files), "lookuptimout")
        #expect(result.status == 64)
        #expect(result.errorText.contains("did you mean 'lookuptimeout'"))
        #expect(result.output.isEmpty)
    }
}
