// A site of ten thousand entries in which nothing is wrong, and the means to put one mistake into it, at a random place.

import Check
import Configuration
import Foundation
import Maps
import Site
import System
import Testing
import ZRouteTestKit

/// What a check is to find: one finding.
struct ExpectedFinding: Hashable, CustomStringConvertible {
    let file: String
    let line: Int?
    let severity: Finding.Severity
    let name: String

    var description: String {
        "\(file)\(line.map { ":\($0)" } ?? "") \(severity == .error ? "error" : "warning") \(name)"
    }
}

/// The files of a clean site, as lines, to be changed before they are written.
struct SeededSite {
    /// The lines of each file, by its name.
    var lines: [String: [String]]
    /// What is done to the files after they were written: modes, dates, owners.
    var afterwards: [(TemporaryDirectory) throws -> Void] = []
    var numbers: SeededNumbers

    static let domains = (1...5).map { "d\($0).example" }

    static let settings = [
        "MAILVAR=@SITE@", "MAILSHARE=@SITE@", "POSTOFFICE=$MAILVAR/post", "hostname=store.example.net",
        "orgdomain=example.net",
    ]

    static let databases = [
        "aliases      text  - -la @SITE@/aliases-local      -lm",
        "aliases      btree - -r  @SITE@/live               -lm -C @SITE@/sleepyenv.conf",
        "fqdnaliases  text  - -la @SITE@/fqdnaliases-local  -lm%",
        "fqdnaliases  text  - -la @SITE@/fqdnaliases        -lm%",
        "fqdnroutes   text  - -l  @SITE@/fqdnroutes-local   -lm%",
        "fqdnroutes   btree root:0:644 -l  @SITE@/compiled  -lm%",
        "fqdnroutes   text  - -l  @SITE@/fqdnroutes         -lm%",
        "routesdb     text  - -l  @SITE@/routes             -lm%d pathalias",
        "thishost     text  - -l  @SITE@/localnames         -lm%d pathalias",
    ]

    static let scheduler = [
        "*/*", "    interval=1m expiry=3d retries=\"1 1 2\"",
        "smtp-lmtp/node1", "    maxthr=4",
        "    command=\"smtp -c $channel -M -x -F UNIX:@SITE@/node1 -A @SITE@/secrets\"",
        "smtp-lmtp/node2", "    command=\"smtp -c $channel -M -x -F UNIX:@SITE@/node2 -S @SITE@/tls\"",
        "smtp-lmtp/node3", "    command=\"smtp -c $channel -M -x -F UNIX:@SITE@/node3 -l @SITE@/dialogue\"",
        "smtp", "    command=\"smtp -c $channel -x -F [192.0.2.25]\"",
        "local", "    command=\"smtp -c $channel -M -x -F UNIX:@SITE@/node1\"",
    ]

    /// A clean site.
    init(seed: UInt64) {
        numbers = SeededNumbers(seed: seed)
        lines = [
            "zmailer.conf": Self.settings, "dbases.conf": Self.databases, "scheduler.conf": Self.scheduler,
            "sleepyenv.conf": ["envhome = @SITE@/env", "envmode = 0600", "envflags = CDB, CREATE", "tmpdir = @SITE@"],
            "secrets": ["# CHANNEL HOST USER SECRET", "smtp-lmtp node1 dQ== cA=="],
            "tls": ["# TLS", "demand-tls-mode"],
            "localnames": ["# Our own names.", "store.example.net", "mail.example.net store.example.net"],
            "smtp-policy.relay": ["# Domains that mail is taken for."] + Self.domains,
            "routes": Self.domains.map { "\($0)\terror!nosuchuser" } + [
                "partner.example smtp!mx.partner.example", ". smtp!mx.example.net",
            ],
        ]
        func address(_ number: Int) -> String { "user\(number)@\(Self.domains[number % 5])" }
        func route(_ name: String, _ number: Int) -> String {
            "\(name)\(number)@\(Self.domains[number % 5])\tsmtp-lmtp!node\(number % 3 + 1)!\(name)\(number)%2"
        }
        lines["fqdnroutes"] = ["# Mailboxes."] + (0..<6_000).map { route("user", $0) }
        lines["fqdnroutes-local"] = (0..<200).map { route("local", $0) }
        lines["compiled"] = (0..<800).map { route("compiled", $0) }
        lines["fqdnaliases"] =
            ["# Lists."]
            + (0..<2_000).map { number in
                "list\(number)@\(Self.domains[number % 5]): \(address(number * 3)), \(address(number * 3 + 1))"
            }
        lines["fqdnaliases-local"] =
            [
                "postmaster@d1.example: postmaster", "tail@d1.example: user7+lists@d3.example",
                "out@d2.example: kim@partner.example, kim--lists@partner.example, kim+x@partner.example",
                "dashes@d2.example: user8--lists@d4.example",
                "self@d1.example: self@d1.example, \(address(9))",
            ]
            + (0..<300).map { "staff\($0)@d1.example: list\($0)@\(Self.domains[$0 % 5])" }
        lines["fqdnroutes-local"]?.append("self@d1.example smtp-lmtp!node1!self%2")
        lines["aliases-local"] =
            [
                "# Names.", "postmaster: root", "root: user1@d2.example", "MAILER-DAEMON: postmaster",
                "both: both, \(address(3))",
            ]
            + (0..<700).map { "name\($0): \(address($0))" }
    }

    /// The clean site's entries.
    var entryCount: Int {
        ["fqdnroutes", "fqdnroutes-local", "compiled", "fqdnaliases", "fqdnaliases-local", "aliases-local"]
            .reduce(0) { $0 + (lines[$1]?.count ?? 0) }
    }

    // MARK: Changes

    /// Puts a line at a random place; answers its number.
    mutating func insert(_ line: String, into file: String, notBefore first: Int = 0) -> Int {
        let count = lines[file]?.count ?? 0
        let place = Int.random(in: min(first, count)...count, using: &numbers)
        lines[file, default: []].insert(line, at: place)
        return place + 1
    }

    /// A random line of a file that fits; answers its index.
    mutating func choose(from file: String, where fits: (String) -> Bool = { !$0.hasPrefix("#") }) -> Int {
        let fitting = (lines[file] ?? []).indices.filter { fits(lines[file]?[$0] ?? "") }
        return fitting.randomElement(using: &numbers) ?? 0
    }

    /// Changes a random line that fits; answers its number.
    mutating func change(
        _ file: String, where fits: (String) -> Bool = { !$0.hasPrefix("#") }, _ change: (String) -> String
    ) -> Int {
        let index = choose(from: file, where: fits)
        if let line = lines[file]?[index] { lines[file]?[index] = change(line) }
        return index + 1
    }

    /// Removes the lines that fit.
    mutating func remove(from file: String, where fits: (String) -> Bool) { lines[file]?.removeAll(where: fits) }

    /// The number of the first line that fits.
    func number(of file: String, where fits: (String) -> Bool) -> Int? {
        (lines[file] ?? []).firstIndex(where: fits).map { $0 + 1 }
    }

    // MARK: Writing

    /// Writes all files, and compiles what is compiled.
    func write(finalNewline: (String) -> Bool = { _ in true }) throws -> TestSite {
        let site = try TestSite([:], spool: "post", isInMemory: true)
        for (name, text) in lines {
            let body = text.joined(separator: "\n") + (finalNewline(name) ? "\n" : "")
            try site.write(Array(body.replacing("@SITE@", with: site.path).utf8), to: name)
        }
        try compile(["compiled"], as: "compiled", of: site)
        try site.place.makeDirectory("env")
        try site.write("liveonly: user2@d3.example\n", to: "live.source")
        try compile(["live.source"], as: "live", of: site, isAliases: true)
        for name in ["secrets"] { try runCommandSuccessfully("/bin/chmod", ["600", site.place.file(name)]) }
        for step in afterwards { try step(site.place) }
        return site
    }

    private func compile(_ sources: [String], as base: String, of site: TestSite, isAliases: Bool = false) throws {
        for source in sources where lines[source] != nil || source == "live.source" {
            let job = CompileJob(
                source: .file(site.place.file(source)), form: isAliases ? .aliases : .plain, folding: .lower,
                format: MapBackEnds.all.format(of: MapBackEnds.all.types.first { $0.name == "btree" } ?? .none),
                base: site.place.file(base))
            let compiler = MapCompiler()
            // What is wrong with the source is what the check is to find.
            guard (try? compiler.prepare(job)) != nil else {
                try site.write("", to: "\(base).db")
                continue
            }
            try compiler.commit()
        }
    }
}

extension SeededSite {
    /// What a check of a site finds, files named from the site's directory.
    static func check(_ site: TestSite, allowing allowed: AllowedFindings = AllowedFindings()) -> (
        found: [ExpectedFinding], texts: [String]
    ) {
        let report = SiteCheck(SiteFiles(config: site.place.file("zmailer.conf")), allowing: allowed).run()
        let found = report.findings.map { finding in
            ExpectedFinding(
                file: finding.file.replacing("\(site.path)/", with: ""), line: finding.line, severity: finding.severity,
                name: finding.name.description)
        }
        return (found, report.findings.map(\.description) + report.remainders.map { "\($0)" })
    }
}
