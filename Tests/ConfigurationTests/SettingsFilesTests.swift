import Configuration
import Testing
import ZRouteTestKit

@Suite("Files of the configuration")
struct SettingsFilesTests {
    @Test("router.cf and mail.conf are found by MAILSHARE and MAILVAR")
    func companions() throws {
        let directory = try configurationDirectory([
            "zmailer.conf": "MAILVAR=@SITE@\nMAILSHARE=@SITE@\n",
            "mail.conf": "hostname=store.example.net\nmydomain=$hostname\norgdomain=example.net\nOTHER=kept\n",
            "router.cf": """
            #!/bin/router
            PATH=.:$MAILSHARE/cf ; export PATH
            protocols=('routes' 'smtp')
            localdoesdomain=1
            nofqlists=1 # the store has its own
            if true ; then
            \tpreservetailcase=1
            fi
            hostname=$(hostname)
            orgdomains=x
            [ "$orgdomains" = x ] && orgdomains=$orgdomain
            """,
        ])
        let settings = try Settings.load(file: directory.file("zmailer.conf"))
        #expect(settings.localDoesDomain)
        #expect(settings.findings.isEmpty)
        #expect(!settings.preserveTailCase)
        #expect(settings.hostname == "store.example.net")
        #expect(settings.myDomain == "store.example.net")
        #expect(settings.organizationDomains == ["example.net"])
        #expect(settings.variables["OTHER"] == "kept")
        #expect(settings.variables["PATH"] == nil)
    }

    @Test("mail.conf has the last word over router.cf, router.cf over zmailer.conf")
    func precedence() throws {
        let directory = try configurationDirectory([
            "zmailer.conf": "MAILVAR=@SITE@\nMAILSHARE=@SITE@\nexpansiondepth=1\nexpansionsize=1\nmydomain=a\n",
            "router.cf": "expansiondepth=2\nexpansionsize=2\n",
            "mail.conf": "expansiondepth=3\n",
        ])
        let settings = try Settings.load(file: directory.file("zmailer.conf"))
        #expect(settings.expansionDepth == 3)
        #expect(settings.expansionSize == 2)
        #expect(settings.myDomain == "a")
    }

    @Test("An unusable value in router.cf names that file")
    func unusableInRouter() throws {
        let directory = try configurationDirectory([
            "zmailer.conf": "MAILSHARE=@SITE@\n", "router.cf": "\n\nexpansiondepth=x\n",
        ])
        let error = #expect(throws: ConfigurationError.self) {
            try Settings.load(file: directory.file("zmailer.conf"))
        }
        #expect(error?.file == directory.file("router.cf"))
        #expect(error?.line == 3)
    }

    @Test("Overrides win over every file, and files see them")
    func overrides() throws {
        let directory = try configurationDirectory([
            "zmailer.conf": "MAILVAR=/elsewhere\nPOSTOFFICE=$MAILVAR/post\nexpansiondepth=nonsense\n",
            "mail.conf": "mydomain=from.mail.conf\n",
        ])
        let settings = try Settings.load(
            file: directory.file("zmailer.conf"),
            overrides: [("MAILVAR", directory.path), ("expansiondepth", "3"), ("expansiondepth", "4")])
        #expect(settings.mailVar == directory.path)
        #expect(settings.postOffice == "\(directory.path)/post")
        #expect(settings.myDomain == "from.mail.conf")
        #expect(settings.expansionDepth == 4)
    }

    @Test(
        "An unusable override is reported as --set",
        arguments: [("expansiondepth", "x"), ("no name", "x"), ("", "x"), ("A", "a\u{0}b")])
    func unusableOverride(name: String, value: String) throws {
        let error = #expect(throws: ConfigurationError.self) {
            try Settings.load(environmentFile: nil, standardFiles: [], overrides: [(name, value)])
        }
        #expect(error?.file == "--set")
        #expect(error?.line == nil)
    }

    @Test("The file is looked for on the command line, in the environment, in the standard places")
    func order() throws {
        let directory = try configurationDirectory([
            "a": "mydomain=a\n", "b": "mydomain=b\n", "c": "mydomain=c\n", "d": "mydomain=d\n",
        ])
        let places = [directory.file("missing"), directory.file("c"), directory.file("d")]
        func load(_ file: String?, _ environment: String?, _ standard: [String]) throws -> Settings {
            try Settings.load(file: file, environmentFile: environment, standardFiles: standard)
        }
        #expect(try load(directory.file("a"), directory.file("b"), places).myDomain == "a")
        #expect(try load(nil, directory.file("b"), places).myDomain == "b")
        #expect(try load(nil, nil, places).myDomain == "c")
        #expect(try load(nil, nil, places).file == directory.file("c"))
        #expect(try load(nil, nil, []).file == nil)
    }

    @Test("A file that was named must exist and be readable")
    func missing() throws {
        let directory = try configurationDirectory([:])
        #expect(throws: ConfigurationError.self) { try Settings.load(file: directory.file("none")) }
        #expect(throws: ConfigurationError.self) { try Settings.load(environmentFile: directory.file("none")) }
        #expect(throws: ConfigurationError.self) { try Settings.load(file: directory.path) }
    }

    @Test(
        "Variables are expanded, and those that are not set are named",
        arguments: [
            ("plain", "plain", []),
            ("$A/x", "/a/x", []),
            ("${A}x", "/ax", []),
            ("$Ax", "", ["Ax"]),
            ("${A", "${A", []),
            ("$1$", "$1$", []),
            ("$A$B${C}", "/a", ["B", "C"]),
        ])
    func expansion(text: String, expanded: String, unset: [String]) {
        let expansion = Variables(["A": "/a"]).expand(text)
        #expect(expansion.text == expanded)
        #expect(expansion.unset == unset)
    }
}
