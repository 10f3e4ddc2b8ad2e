// Providers that were filled anew, were restored, lag behind, or cannot give all they should: what a copy is then.

import Foundation
import Glibc
import LDAP
import Maps
import Testing
import ZRouteTestKit

@Suite struct LDAPProviderTests {
    /// All is copied again, beside what is answered from meanwhile, also where the provider refuses the cookie
    /// (e-syncRefreshRequired).
    @Test(arguments: [true, false])
    func aProviderThatWasFilledAnewIsCopiedAnew(refusesCookies: Bool) throws {
        let place = try LDAPPlace()
        var setup = LDAPServer.Setup()
        setup.providing = refusesCookies ? "syncprov-reloadhint TRUE" : ""
        let server = try LDAPServer(setup, entries: people)
        let copy = try CopiedDirectory(place, LDAPPlace.lines(server.uri))
        try server.change(LDAPTests.entry("new", mail: "new@x.example", route: "new"))
        #expect(try copy.becomes("new@x.example", .found("new")))
        server.stop()
        let former = LookupOutcome.found("smtp!host!one"), next = LookupOutcome.found("smtp!host!next")
        try server.refill(people.replacing("smtp!host!one", with: "smtp!host!next"))
        var others: [LookupOutcome] = []
        let isNext = try holds {
            let outcome = copy.outcome(of: "one@x.example")
            if outcome != former, outcome != next { others.append(outcome) }
            if copy.outcome(of: "nobody@x.example") != .absent { others.append(copy.outcome(of: "nobody@x.example")) }
            return outcome == next
        }
        let status = try copy.status()
        #expect(isNext, "\(status)")
        #expect(others == [])
        #expect(copy.outcome(of: "new@x.example") == .absent)
        #expect(copy.outcome(of: "od(d*\\)@x.example") == .found("odd"))
    }

    /// A provider remembers so many deletions: of the others it says what is still there.
    @Test func moreIsDeletedThanTheProviderRemembers() throws {
        let place = try LDAPPlace()
        var setup = LDAPServer.Setup()
        setup.sessionLog = 2
        let names = (0..<8).map { (mail: "u\($0)@x.example", routes: ["u"]) }
        let server = try LDAPServer(setup, entries: people + LDAPServer.people(names, from: 100))
        let lines = LDAPPlace.lines(server.uri, "copy kept")
        do {
            let copy = try CopiedDirectory(place, lines)
            #expect(copy.outcome(of: "u0@x.example") == .found("u"))
            #expect(try holds { try copy.status().isKept })
        }
        for number in 100..<106 { try server.change("dn: uid=p\(number),\(LDAPServer.suffix)\nchangetype: delete\n") }
        try server.change(LDAPTests.entry("new", mail: "new@x.example", route: "new"))
        let copy = try CopiedDirectory(place, lines)
        #expect(try copy.becomes("new@x.example", .found("new")))
        for number in 0..<6 { #expect(copy.outcome(of: "u\(number)@x.example") == .absent) }
        for number in 6..<8 { #expect(copy.outcome(of: "u\(number)@x.example") == .found("u")) }
    }

    /// A provider that lacks what the copy has from another one takes nothing of that away, and what it has been told itself is followed
    /// where there is no other.
    @Test func aProviderThatIsBehindTakesNothingAway() throws {
        let place = try LDAPPlace()
        let first = try LDAPServer(entries: people)
        var setup = LDAPServer.Setup()
        setup.number = 2
        setup.database = LDAPServer.following(first.uri)
        let second = try LDAPServer(setup, isFilled: false)
        let isWhole = try holds {
            (try? second.search(["-s", "base", "-b", LDAPServer.suffix, "contextCSN"]))?.contains("contextCSN") == true
        }
        #expect(isWhole)
        second.stop()
        second.setup.database = ""
        try second.start()
        let copy = try CopiedDirectory(place, LDAPPlace.lines("\(first.uri) \(second.uri)"))
        #expect(copy.outcome(of: "one@x.example") == .found("smtp!host!one"))
        try first.change(LDAPTests.entry("new", mail: "new@x.example", route: "new"))
        #expect(try copy.becomes("new@x.example", .found("new")))

        first.kill()
        try second.change(LDAPTests.entry("own", mail: "own@x.example", route: "own"))
        #expect(try copy.becomes("own@x.example", .found("own")))
        #expect(copy.outcome(of: "new@x.example") == .found("new"))
        #expect(copy.outcome(of: "nobody@x.example") == .absent)

        // The first one, too, lacks something now.
        second.kill()
        try first.start()
        try first.change(LDAPTests.entry("later", mail: "later@x.example", route: "later"))
        #expect(try copy.becomes("later@x.example", .found("later")))
        #expect(copy.outcome(of: "own@x.example") == .found("own"))
        #expect(copy.outcome(of: "new@x.example") == .found("new"))
    }

    /// A provider that was restored has entries that the copy saw go: they are there again when it has come on.
    @Test func aProviderThatWasRestoredIsCopiedAnew() throws {
        let (place, server) = (try LDAPPlace(), try LDAPServer(entries: people))
        let backup = try server.makeBackup()
        let copy = try CopiedDirectory(place, LDAPPlace.lines(server.uri, "copy kept"))
        #expect(copy.outcome(of: "one@x.example") == .found("smtp!host!one"))
        try server.change("dn: uid=p1,\(LDAPServer.suffix)\nchangetype: delete\n")
        #expect(try copy.becomes("one@x.example", .absent))
        server.kill()
        try server.restore(backup)
        #expect(try holds { try copy.status().failure?.contains("older than this copy") == true })
        #expect(copy.outcome(of: "one@x.example") == .absent)
        try server.change(LDAPTests.entry("new", mail: "new@x.example", route: "new"))
        #expect(try copy.becomes("new@x.example", .found("new")))
        #expect(copy.outcome(of: "one@x.example") == .found("smtp!host!one"))
        #expect(copy.outcome(of: "nobody@x.example") == .absent)
    }

    /// What a provider does not give whole is not copied at all.
    static let doubts = [
        Doubt(name: "a part of the tree elsewhere", says: "a search reference", entries: Doubt.reference),
        Doubt(
            name: "more entries than the server gives", says: "cut at a limit", database: "limits * size=3",
            change: Doubt.anonymous),
        Doubt(
            name: "values that the user may not see", says: "an entry has no mailLocalAddress",
            database: "access to attrs=mailLocalAddress by * none\n\(Doubt.everybodyElse)", change: Doubt.anonymous),
        Doubt(
            name: "a server that is no provider", says: "no contextCSN", hasContext: false),
        Doubt(
            name: "a server with a marker that is no provider", says: "no provider of syncrepl", hasContext: false,
            change: { $0 + "\nmarker uid=p0,\(LDAPServer.suffix)\n" }),
    ]

    @Test(arguments: doubts)
    func whatIsNotWholeIsNotCopied(doubt: Doubt) throws {
        let place = try LDAPPlace()
        var setup = LDAPServer.Setup()
        setup.database = doubt.database
        setup.isProvider = doubt.hasContext
        let server = try LDAPServer(setup, entries: people + doubt.entries)
        let copy = try CopiedDirectory(
            place, doubt.change(LDAPPlace.lines(server.uri)), deadline: .milliseconds(500))
        let isSaid = try holds {
            guard case .failed(let text) = copy.outcome(of: "nobody@x.example") else { return false }
            return text.contains(doubt.says)
        }
        #expect(isSaid, "\(copy.outcome(of: "nobody@x.example"))")
        guard case .failed = copy.outcome(of: "one@x.example") else {
            Issue.record("it is copied all the same")
            return
        }
    }
}
