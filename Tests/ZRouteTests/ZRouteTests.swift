// The library as those see it who use it: opened by a path, asked for addresses, nothing else imported.

import Foundation
import Testing
import ZRoute
import ZRouteTestKit

@Suite struct ZRouteTests {
    private static let root = URL(fileURLWithPath: #filePath).appendingPathComponent("../../..").standardized

    /// A site of text maps.
    private func makeSite(routes: String = "bob@example.org smtp-lmtp!cyrus!bob\n") throws -> TemporaryDirectory {
        try TestSite([
            "zmailer.conf": "MAILVAR=@SITE@\nMAILSHARE=@SITE@\nhostname=mx.example.net\n",
            "db/dbases.conf": """
            aliases text - -la $MAILVAR/db/aliases -lm
            fqdnaliases text - -la $MAILVAR/db/fqdnaliases -lm%
            fqdnroutes text - -l $MAILVAR/db/fqdnroutes -lm%:
            thishost text - -l $MAILVAR/db/localnames -lmd pathalias
            routesdb text - -l $MAILVAR/db/routes -lm%:d pathalias

            """,
            "db/aliases": "root: bob@example.org\n",
            "db/fqdnaliases": "team@example.org: bob@example.org, kim@elsewhere.example\n",
            "db/fqdnroutes": routes,
            "db/localnames": "example.org\n",
            "db/routes": "closed.example error!nosuchuser\n",
        ]).place
    }

    @Test func theDocumentationShowsTheExampleThatIsCompiledHere() throws {
        let example = try String(
            contentsOf: Self.root.appending(path: "Tests/ZRouteTests/Example.swift"), encoding: .utf8)
        let page = try String(
            contentsOf: Self.root.appending(path: "Sources/ZRoute/ZRoute.docc/ZRoute.md"), encoding: .utf8)
        #expect(page.contains("```swift\n\(example)```\n"))
        let place = try makeSite()
        let lines = try destinations(
            of: ["bob@example.org", "team@example.org", "who@closed.example", "two@@example.org"],
            configuration: place.file("zmailer.conf"))
        #expect(
            lines.prefix(3) == [
                "smtp-lmtp!cyrus!bob", "smtp-lmtp!cyrus!bob; smtp!elsewhere.example!kim@elsewhere.example",
                "error!nosuchuser!who@closed.example",
            ])
        #expect(lines.last?.hasPrefix("two@@example.org: refused: invalid address") == true)
    }

    @Test func aMapThatCannotBeReadIsNamedAndNothingIsSaidOfTheAddress() throws {
        let place = try makeSite()
        try FileManager.default.removeItem(atPath: place.file("db/fqdnroutes"))
        let site = try MailSite(configuration: place.file("zmailer.conf"))
        let failure = try #require(throws: RoutingFailure.self) { try site.routes(of: "bob@example.org") }
        guard case .map(let failed) = failure else {
            Issue.record("no failure of a map: \(failure)")
            return
        }
        #expect(failed.relation == "fqdnroutes" && failed.file == place.file("db/fqdnroutes"))
        #expect(failure.isTemporary)
    }

    @Test(arguments: [
        ("bob@example.org", MailRoute.Meaning.delivery), ("x@closed.example", .refusal),
        ("late@example.org", .delay),
    ])
    func aRouteSaysWhatShouldHappen(address: String, meaning: MailRoute.Meaning) throws {
        let place = try makeSite(
            routes: "bob@example.org smtp-lmtp!cyrus!bob\nlate@example.org hold!soon!late\n")
        let routes = try MailSite(configuration: place.file("zmailer.conf")).routes(of: address)
        #expect(routes.map(\.meaning) == [meaning])
    }

    @Test func aSenderIsNotExpanded() throws {
        let place = try makeSite()
        let site = try MailSite(configuration: place.file("zmailer.conf"))
        #expect(try site.routes(of: "team@example.org", as: .sender).count == 1)
        #expect(try site.routes(of: "", as: .sender).map(\.meaning) == [.delivery])
    }

    @Test func aSiteThatCannotBeOpenedNamesTheFileAndTheLine() throws {
        let place = try makeSite()
        let missing = try #require(throws: SiteError.self) { try MailSite(configuration: place.file("none.conf")) }
        #expect(missing.file == place.file("none.conf"))
        try place.write("aliases nosuchtype x\n", to: "db/dbases.conf")
        let error = try #require(throws: SiteError.self) {
            try MailSite(configuration: place.file("zmailer.conf"), overrides: ["hostname": "other.example"])
        }
        #expect(error.line == 1 && error.description.hasPrefix(place.file("db/dbases.conf:1: ")))
    }

    @Test(arguments: ["writable-by-all", "map-privilege", "source-is-newer", "file-without-effect"])
    func whatIsWrongWithTheFilesOfASiteIsFoundWithoutALookup(name: String) throws {
        let place = try makeSite()
        var line = ""
        switch name {
        case "writable-by-all":
            try FileManager.default.setAttributes(
                [.posixPermissions: 0o666], ofItemAtPath: place.file("db/localnames"))
        case "map-privilege":
            line = "aliases text root:root:600 -la \(try place.write("", to: "db/more")) -lm\n"
            try FileManager.default.setAttributes([.posixPermissions: 0o666], ofItemAtPath: place.file("db/more"))
        case "source-is-newer":
            line = "routesdb cdb - -l \(try place.write("", to: "db/more")) -lm\n"
            try FileManager.default.setAttributes(
                [.modificationDate: Date(timeIntervalSince1970: 1)], ofItemAtPath: place.write("", to: "db/more.cdb"))
        default: line = "aliases NONE - -la \(place.file("db/more")) -lm\n"
        }
        let conf = try String(contentsOfFile: place.file("db/dbases.conf"), encoding: .utf8)
        try place.write(conf + line, to: "db/dbases.conf")
        let site = try MailSite(configuration: place.file("zmailer.conf"))
        let finding = try #require(site.findings.first { $0.name == name }, "\(site.findings)")
        #expect(site.findings.count == 1 && !finding.isError && !finding.reason.isEmpty)
    }
}
