// The sites of these tests: one with compiled maps and a live one, and a small one of text maps, which mistakes are made in.

import Foundation
import Testing
import ZRouteTestKit

extension TestSite {
    /// Makes a site with compiled maps, one of each form, and a live map.
    ///
    /// - Parameter mapType: `$DBTYPE`.
    convenience init(mapType: String = "btree") throws {
        let environment = ["btree", "bhash"].contains(mapType) ? "-C $MAILVAR/db/env.conf" : ""
        try self.init([
            "zmailer.conf":
                "MAILVAR=@SITE@\nDBTYPE=\(mapType)\nhostname=host.example\nmydomain=host.example\nlookuptimeout=2\n",
            "db/env.conf": "envhome = @SITE@/env\nenvmode = 0600\nenvflags = CDB, CREATE\n",
            "db/dbases.conf": """
            aliases     $DBTYPE  -  -la  $MAILVAR/db/aliases   -lm
            fqdnroutes  $DBTYPE  -  -l   $MAILVAR/db/routes    -lm%
            fqdnroutes  $DBTYPE  -  -r   $MAILVAR/db/live      -lm%  \(environment)
            fqdnaliases NONE     -  -    -                     -
            routesdb    NONE     -  -    -                     -
            thishost    NONE     -  -    -                     -

            """,
            "db/aliases": "root: admin@host.example\n",
            "db/routes": "one@x.example smtp-lmtp!node!one\n",
        ])
        try place.makeDirectory("env")
    }

    /// The environment of the live map.
    var home: String { place.file("env") }
    /// The live map.
    var live: String { place.file("db/live.db") }

    /// Writes sources of the compiled maps.
    func write(aliases: String? = nil, routes: String? = nil) throws {
        if let aliases { try place.write(aliases, to: "db/aliases") }
        if let routes { try place.write(routes, to: "db/routes") }
    }

    /// Runs a subcommand that must succeed.
    @discardableResult
    func succeed(
        _ arguments: [String], input: [UInt8] = [], sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> String {
        let result = try run(arguments, input: input)
        #expect(result.status == 0, "\(arguments): \(result.errorText)", sourceLocation: sourceLocation)
        return result.text
    }

    /// Where an address goes, as route-test says in its TSV form.
    func route(of address: String) throws -> (status: Int32, text: String) {
        let result = try run(["route-test", "--format", "tsv", address])
        let fields = result.text.trimmingCharacters(in: .newlines).components(separatedBy: "\t")
        return (result.status, fields.last ?? "")
    }

    /// Live entries that all tests know of.
    func loadLive(_ count: Int) throws {
        let text = (0..<count).map { "user\($0)@live.example\tsmtp-lmtp!node!user\($0)\n" }.joined()
        try succeed(["db", "load", "fqdnroutes"], input: Array(text.utf8))
    }

    /// Runs a subcommand that must succeed, and answers its bytes.
    func bytes(_ arguments: [String]) throws -> [UInt8] {
        let result = try run(arguments)
        #expect(result.status == 0, "\(arguments): \(result.errorText)")
        return result.output
    }
}

// MARK: The small site

/// A file of the small site that mistakes are made in.
enum SiteFile: String, CaseIterable, Sendable {
    case zmailer = "zmailer.conf"
    case mail = "mail.conf"
    case databases = "db/dbases.conf"
    case scheduler = "scheduler.conf"

    var text: String {
        switch self {
        case .zmailer:
            "MAILVAR=@SITE@\nMAILSHARE=@SITE@\nPOSTOFFICE=$MAILVAR/post\nDBTYPE=text\nhostname=h.example\n"
                + "LOGDIR=$MAILVAR/log\n"
        case .mail: "orgdomain=example\n"
        case .databases:
            """
            aliases     NONE     - -   - -
            fqdnaliases NONE     - -   - -
            fqdnroutes  $DBTYPE  - -l  $MAILVAR/db/fqdnroutes -lm%
            routesdb    $DBTYPE  - -l  $MAILVAR/db/routes     -lm%:d pathalias
            thishost    NONE     - -   - -
            expired     NONE     - -   - -

            """
        case .scheduler: TestSite.scheduler("-F UNIX:$POSTOFFICE/none -s")
        }
    }
}

/// One edit of one line.
struct Mistake: Sendable, CustomTestStringConvertible {
    let file: SiteFile
    /// The line that is replaced, counted from 1; one past the end adds a line; nil removes line `remove`.
    let line: Int
    let text: String?
    /// Words that the message must have, besides the file.
    let words: [String]
    /// Whether the message names the line.
    var namesLine = true

    init(_ file: SiteFile, _ line: Int, _ text: String?, _ words: String..., namesLine: Bool = true) {
        (self.file, self.line, self.text, self.words, self.namesLine) = (file, line, text, words, namesLine)
    }

    var testDescription: String { "\(file.rawValue):\(line): \(text ?? "(removed)")" }
}

extension TestSite {
    /// Makes the small site.
    ///
    /// - Parameter mistake: the only mistake in it; nil for none.
    convenience init(_ mistake: Mistake?) throws {
        var files = [
            "db/fqdnroutes": "@example.org smtp-lmtp!store!%1@example.org\n", "db/routes": ". error!nosuchuser\n",
        ]
        for file in SiteFile.allCases {
            var lines = file.text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
            if let mistake, mistake.file == file {
                if let text = mistake.text {
                    if mistake.line <= lines.count { lines[mistake.line - 1] = text } else { lines.append(text) }
                } else {
                    lines.remove(at: mistake.line - 1)
                }
            }
            files[file.rawValue] = lines.map { $0 + "\n" }.joined()
        }
        try self.init(files, spool: "post")
        try place.makeDirectory("log")
    }

    /// Runs a command that reads a file.
    func runForMistake(in file: SiteFile) throws -> CommandResult {
        try run(file == .scheduler ? ["deliver", "--once"] : ["route-test", "--format", "tsv", "a@example.org"])
    }
}
