// Several mistakes in several files of one site: every one is found, with its file, line and name, and nothing else.

import Check
import Configuration
import Testing
import ZRouteTestKit

/// The files of a site that is checked.
enum CheckedFile: String, CaseIterable, Sendable {
    case zmailer = "zmailer.conf"
    case mail = "mail.conf"
    case router = "router.cf"
    case databases = "dbases.conf"
    case environment = "sleepyenv.conf"
    case scheduler = "scheduler.conf"
    case secrets
    case tls

    /// What stands in it where there is no mistake; `@` is the site's directory.
    var text: String {
        switch self {
        case .zmailer: "MAILVAR=@\nMAILSHARE=@\nPOSTOFFICE=$MAILVAR/post\nhostname=h.example\n"
        case .mail: "orgdomain=example\n"
        case .router: "if [ x ]; then\nexpansiondepth=100\n"
        case .databases:
            """
            aliases     NONE - -  - -
            fqdnaliases NONE - -  - -
            fqdnroutes  text - -l @/routes -lm%
            routesdb    btree - -r @/live -lm -C @/sleepyenv.conf
            thishost    NONE - -  - -

            """
        case .environment: "envhome = @\nenvmode = 0600\nenvflags = CDB, CREATE\ntmpdir = @\n"
        case .scheduler: TestSite.scheduler("-F UNIX:@/socket -A @/secrets -S @/tls -l @/log")
        case .secrets: "# CHANNEL HOST USER SECRET\nsmtp-lmtp node dQ== cA==\n"
        case .tls: "demand-tls-mode\n"
        }
    }
}

/// A site with mistakes.
struct MistakenFiles: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let files: [CheckedFile: String]
    /// Each as `file:line severity name`, `!` for an error and `?` for a warning.
    let expected: [String]

    init(_ description: String, _ files: [CheckedFile: String], _ expected: String...) {
        (testDescription, self.files, self.expected) = (description, files, expected)
    }
}

@Suite struct SiteFindingsTests {
    private func findings(_ mistaken: MistakenFiles) throws -> (found: [String], texts: [String]) {
        var files = ["routes": "a.example smtp!h!u\n"]
        for file in CheckedFile.allCases {
            files[file.rawValue] = (mistaken.files[file] ?? file.text).replacing("@", with: "@SITE@")
        }
        let place = try TestSite(files).place
        if mistaken.files[.secrets]?.contains("# open") != true {
            try runCommandSuccessfully("/bin/chmod", ["600", place.file("secrets")])
        }
        let found = SiteFiles(config: place.file("zmailer.conf")).findings()
        let lines = found.map { finding in
            let line = finding.line.map { ":\($0)" } ?? ""
            return "\(finding.file)\(line) \(finding.severity == .error ? "!" : "?") \(finding.name)"
        }
        return (lines.map { $0.replacing("\(place.path)/", with: "") }, found.map(\.description))
    }

    private static let relations = "aliases NONE - - - -\nfqdnaliases NONE - - - -\nthishost NONE - - - -\n"

    static let sites = [
        MistakenFiles("none", [:]),
        MistakenFiles(
            "settings in two files",
            [
                .zmailer: "MAILVAR=@\nMAILSHARE=@\nhostname=h..example\nlookuptimeout=soon\nPOSTOFICE=/p\numask 022\n",
                .mail:
                    "orgdomian=example\nlocaldoesdomain=maybe\nmydomain = x\nlocaladdresses='127.0.0.1 here there'\n",
            ],
            "zmailer.conf:3 ! invalid-value", "zmailer.conf:4 ! invalid-value", "zmailer.conf:5 ! unknown-setting",
            "zmailer.conf:6 ? no-assignment", "mail.conf:1 ! unknown-setting", "mail.conf:2 ! invalid-value",
            "mail.conf:3 ! no-assignment", "mail.conf:4 ! invalid-value", "mail.conf:4 ! invalid-value"),
        MistakenFiles(
            "values that cannot be read, and one in router.cf",
            [
                .zmailer: "MAILVAR=@\nMAILSHARE=@\nhostname=`hostname`\nLOGDIR=$LOGS/x\nDBTYPE=\"btree\n",
                .router: "expansiondepth=0\n orgdomain=a..b\nexpansionsize=x\n",
            ],
            "zmailer.conf:3 ! unreadable-value", "zmailer.conf:4 ! unset-variable", "zmailer.conf:5 ! unreadable-value",
            "router.cf:1 ! invalid-value", "router.cf:3 ! invalid-value"),
        MistakenFiles(
            "a setting that leads nowhere", [.zmailer: "MAILVAR=$WHERE/mail\nMAILSHARE=@/none\n"],
            "zmailer.conf:1 ! unset-variable"),
        MistakenFiles(
            "three faulty lines of dbases.conf",
            [
                .databases: relations
                    + "fqdnroutes txt - -l @/routes -lm\nroutesdb text root -l @/routes -lm\nroutesdb text -\n"
            ],
            "dbases.conf:4 ! unknown-type", "dbases.conf:5 ! invalid-privilege", "dbases.conf:6 ! missing-field"),
        MistakenFiles(
            "all kinds of lines of dbases.conf",
            [
                .databases: relations
                    + """
                    fqdnroutes text - -lu @/routes -lm
                    fqdnroutes text - -l @/routes -lq
                    fqdnroutes text - -l @/routes -d pathalais
                    fqdnroutes text - -l $NOWHERE/routes -l
                    fqdn!routes text - -l @/routes -l
                    fqdnroutes text - -l @/routes -um
                    fqdnroutes text - -l @/routes -lm
                    routesdbs text - -l @/routes -lm\u{A0}

                    """
            ],
            "dbases.conf:4 ! invalid-option", "dbases.conf:5 ! invalid-flag", "dbases.conf:6 ! invalid-flag",
            "dbases.conf:7 ! unset-variable", "dbases.conf:8 ! invalid-relation", "dbases.conf:9 ! folding-mismatch",
            "dbases.conf:10 ? repeated-map", "dbases.conf:11 ! invisible-character"),
        MistakenFiles(
            "sleepyenv.conf",
            [
                .environment:
                    "envhom = @\nenvmode = rw\nenvmode = 0600\nenvflags = CDB, TXN, XA\ncreate\ntmpdir = /none\n"
            ],
            "sleepyenv.conf:1 ! unknown-setting", "sleepyenv.conf:2 ! invalid-value",
            "sleepyenv.conf:3 ! repeated-setting", "sleepyenv.conf:4 ! invalid-value",
            "sleepyenv.conf:4 ! invalid-value", "sleepyenv.conf:5 ! no-assignment",
            "sleepyenv.conf:6 ? missing-temporary-directory"),
        MistakenFiles(
            "sleepyenv.conf without a home", [.environment: "envmode = 0999\n"],
            "sleepyenv.conf:1 ! invalid-value", "sleepyenv.conf ! missing-environment-home"),
        MistakenFiles(
            "scheduler.conf",
            [
                .scheduler: """
                 maxthr=4
                */*
                 interval=often expiry=3
                 retries="1 x" idlemax=9
                a/{b
                 maxtrh=4 maxta=many
                smtp-lmtp
                 command="smtp -M -x -F UNIX:@/s
                 reporttimes=never

                """
            ],
            "scheduler.conf:1 ! invalid-selector", "scheduler.conf:3 ! invalid-parameter",
            "scheduler.conf:3 ! invalid-parameter", "scheduler.conf:4 ! invalid-parameter",
            "scheduler.conf:4 ? time-without-unit", "scheduler.conf:5 ! invalid-selector",
            "scheduler.conf:6 ! unknown-parameter", "scheduler.conf:6 ! invalid-parameter",
            "scheduler.conf:8 ! unclosed-quote", "scheduler.conf:9 ! invalid-parameter"),
        MistakenFiles(
            "commands of scheduler.conf",
            [
                .scheduler: """
                a
                 command="smtp -M -x -F UNIX:$SOCKET/a -A $SECRETS/b -l $SOCKET/l"
                b
                 command="smtp -M -x -Z"
                c
                 command="smtp -M -p 25 -F host"
                d
                 command="smtp -l @/none/log"
                e
                 command="mailbox -l $SOCKET"
                f
                 command="smtp -M -x -F UNIX:@/s -A @/none/$host -S @/$channel/tls -l @/none/log"
                g
                 queueonly command="smtp -T now"

                """
            ],
            "scheduler.conf:2 ! unset-variable", "scheduler.conf:2 ! unset-variable",
            "scheduler.conf:4 ! unusable-command", "scheduler.conf:6 ! unusable-command",
            "scheduler.conf:8 ? command-not-carried-out", "scheduler.conf:10 ? command-not-carried-out",
            "scheduler.conf:12 ? missing-log-directory", "scheduler.conf:14 ! unusable-command", "f/tls ! missing-file"),
        MistakenFiles(
            "secrets",
            [.secrets: "# open\nsmtp-lmtp node dQ==\nsmtp-lmtp node dQ== cA==\nsmtp-lmtp node user secret\n"],
            "secrets:2 ! invalid-secret", "secrets:4 ! invalid-secret", "secrets ! readable-secrets"),
        MistakenFiles(
            "the TLS file",
            [.tls: "tls-certfile @/c\ntls-key-file\ndemand-tls-mode yes\ntls-CAfile @/ca @/cb\n"],
            "tls:1 ! unknown-setting", "tls:2 ! invalid-value", "tls:3 ! invalid-value", "tls:4 ! invalid-value"),
        MistakenFiles(
            "certificates", [.tls: "tls-CAfile @/none\ntls-cert-file @/tls\ntls-CApath @\ntls-key-file @/secrets\n"],
            "tls:1 ! unusable-tls-file", "tls:2 ! unusable-tls-file", "tls:3 ! unusable-tls-file",
            "tls:4 ! unusable-tls-file"),
        MistakenFiles(
            "every file at once",
            [
                .zmailer: "MAILVAR=@\nMAILSHARE=@\nhostname=@x\n",
                .databases: relations + "routesdb NONE - - - -\nx y - -\n",
                .scheduler: CheckedFile.scheduler.text.replacing("maxthr", with: "maxtrh"), .secrets: "x\n",
                .tls: "x\n",
            ],
            "zmailer.conf:3 ! invalid-value", "dbases.conf:5 ! missing-field", "dbases.conf ? relation-without-line",
            "scheduler.conf:4 ! unknown-parameter", "secrets:1 ! invalid-secret", "tls:1 ! unknown-setting"),
    ]

    @Test(arguments: sites)
    func everyMistakeIsFoundWithItsFileLineAndNameAndNothingElse(site: MistakenFiles) throws {
        let (found, texts) = try findings(site)
        #expect(found == site.expected, "\(texts.joined(separator: "\n"))")
        for text in texts { #expect(!text.contains("dQ==") && !text.contains("cA=="), "\(text)") }
    }

    @Test func casesAreCounted() {
        let mistakes = Self.sites.map(\.expected.count).reduce(0, +)
        let names = Set(Self.sites.flatMap(\.expected).compactMap { $0.split(separator: " ").last })
        print("SiteFindingsTests: \(Self.sites.count) sites, \(mistakes) mistakes of \(names.count) kinds")
        #expect(mistakes > 60)
    }

    @Test func aMissingZmailerConfIsTheOnlyFinding() throws {
        let place = try TemporaryDirectory()
        let found = SiteFiles(config: place.file("none")).findings()
        #expect(found.map(\.name.description) == ["missing-file"])
    }

    @Test func aFileThatIsMissingIsSaidToBeEachOnce() throws {
        let place = try TemporaryDirectory()
        let config = try place.write("MAILVAR=\(place.path)\n", to: "zmailer.conf")
        let found = SiteFiles(config: config, scheduler: place.file("scheduler")).findings()
        #expect(
            found.filter { $0.name.description == "missing-file" }.map(\.file) == [
                place.file("db/dbases.conf"), place.file("scheduler"),
            ])
    }
}
