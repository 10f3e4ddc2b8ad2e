import Configuration
import Testing
import ZRouteTestKit

@Suite struct SettingsFilesTests {
    @Test func routerCfAndMailConfAreFoundByMAILSHAREAndMAILVAR() throws {
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

    @Test func mailConfHasTheLastWordOverRouterCfRouterCfOverZmailerConf() throws {
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

    @Test func anUnusableValueInRouterCfNamesThatFile() throws {
        let directory = try configurationDirectory([
            "zmailer.conf": "MAILSHARE=@SITE@\n", "router.cf": "\n\nexpansiondepth=x\n",
        ])
        let error = #expect(throws: ConfigurationError.self) {
            try Settings.load(file: directory.file("zmailer.conf"))
        }
        #expect(error?.file == directory.file("router.cf"))
        #expect(error?.line == 3)
    }

    @Test func overridesWinOverEveryFileAndFilesSeeThem() throws {
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

    @Test(arguments: [("expansiondepth", "x"), ("no name", "x"), ("", "x"), ("A", "a\u{0}b")])
    func anUnusableOverrideIsReportedAsSet(name: String, value: String) throws {
        let error = #expect(throws: ConfigurationError.self) {
            try Settings.load(environmentFile: nil, standardFiles: [], overrides: [(name, value)])
        }
        #expect(error?.file == "--set")
        #expect(error?.line == nil)
    }

    @Test func theCommandLineComesBeforeTheEnvironmentAndTheStandardPlaces() throws {
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

    @Test func aFileThatWasNamedMustExistAndBeReadable() throws {
        let directory = try configurationDirectory([:])
        #expect(throws: ConfigurationError.self) { try Settings.load(file: directory.file("none")) }
        #expect(throws: ConfigurationError.self) { try Settings.load(environmentFile: directory.file("none")) }
        #expect(throws: ConfigurationError.self) { try Settings.load(file: directory.path) }
    }

    @Test(arguments: [
        ("plain", "plain", []),
        ("$A/x", "/a/x", []),
        ("${A}x", "/ax", []),
        ("$Ax", "", ["Ax"]),
        ("${A", "${A", []),
        ("$1$", "$1$", []),
        ("$A$B${C}", "/a", ["B", "C"]),
    ])
    func variablesAreExpandedAndThoseThatAreNotSetAreNamed(text: String, expanded: String, unset: [String]) {
        let expansion = Variables(["A": "/a"]).expand(text)
        #expect(expansion.text == expanded)
        #expect(expansion.unset == unset)
    }
}
