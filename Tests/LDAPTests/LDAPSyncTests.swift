// Directories that are copied whole: what a copy has at each moment, and whom it follows.

import Configuration
import Foundation
import Glibc
import LDAP
import Maps
import Testing
import ZRouteTestKit

/// The table of a copy, and what its workers share: the copy lives as long as this.
struct CopiedDirectory {
    let table: any Table
    let texts: TextTableLoader
    let place: LDAPPlace

    init(_ place: LDAPPlace, _ lines: String, deadline: Duration = .seconds(60), flags: RelationFlags? = nil) throws {
        try place.describe(lines)
        self.place = place
        texts = TextTableLoader(allowing: .all)
        let worker = MapWorker(texts: texts, watch: CallWatch(health: ResourceHealth(deadline: deadline)))
        var definition = place.definition(type: .ldapsync)
        definition.flags = flags ?? definition.flags
        table = LDAPBackEnd().makeTables(for: worker).makeTable(for: definition)
    }

    /// What the next address sees.
    func outcome(of key: String) -> LookupOutcome {
        _ = table.refresh()
        return table.outcome(of: key)
    }

    func status() throws -> MapCopy.Status { try #require(texts.contents.copies.first).copy.status }

    /// Waits until a key has become something.
    func becomes(_ key: String, _ outcome: LookupOutcome) throws -> Bool {
        try holds { self.outcome(of: key) == outcome }
    }
}

@Suite struct LDAPSyncTests {
    @Test func aCopyFollowsEveryChange() throws {
        let (place, server) = (try LDAPPlace(), try LDAPServer(entries: people))
        let copy = try CopiedDirectory(place, LDAPPlace.lines(server.uri))
        #expect(copy.outcome(of: "one@x.example") == .found("smtp!host!one"))
        #expect(copy.outcome(of: "nobody@x.example") == .absent)
        try server.change(LDAPTests.entry("new", mail: "New@x.example", route: "new"))
        #expect(try copy.becomes("new@x.example", .found("new")))
        try server.change(
            "dn: uid=new,\(LDAPServer.suffix)\nchangetype: modify\nreplace: mailLocalAddress\nmailLocalAddress: newer\n"
        )
        #expect(try copy.becomes("new@x.example", .found("newer")))
        try server.change("dn: uid=new,\(LDAPServer.suffix)\nchangetype: modify\nadd: mail\nmail: other@x.example\n")
        #expect(try copy.becomes("other@x.example", .found("newer")))
        #expect(copy.outcome(of: "new@x.example") == .found("newer"))
        try server.change("dn: uid=new,\(LDAPServer.suffix)\nchangetype: modify\ndelete: mail\nmail: New@x.example\n")
        #expect(try copy.becomes("new@x.example", .absent))
        #expect(copy.outcome(of: "other@x.example") == .found("newer"))
        try server.change("dn: uid=new,\(LDAPServer.suffix)\nchangetype: modrdn\nnewrdn: uid=newest\ndeleteoldrdn: 1\n")
        try server.change("dn: uid=newest,\(LDAPServer.suffix)\nchangetype: delete\n")
        #expect(try copy.becomes("other@x.example", .absent))
        #expect(try copy.status().count == 6)
    }

    /// A copy compares bytes: it has keys as they are asked for, where the directory would find them so.
    @Test func keysAreFoldedAsTheDirectoryCompares() throws {
        let place = try LDAPPlace()
        let server = try LDAPServer(entries: people + LDAPTests.entry("Case", mail: "Case@X.example", route: "case"))
        let copy = try CopiedDirectory(place, LDAPPlace.lines(server.uri))
        #expect(copy.outcome(of: "case@x.example") == .found("case"))
        let asGiven = try CopiedDirectory(
            place, LDAPPlace.lines(server.uri), deadline: .milliseconds(500), flags: RelationFlags())
        #expect(
            try holds {
                guard case .failed(let text) = asGiven.outcome(of: "case@x.example") else { return false }
                return text.contains("give the relation the flag -l")
            })
    }

    /// What a lookup in the directory fails for, a lookup in the copy fails for, and no other key is harmed.
    @Test func anEntryThatIsInDoubtFails() throws {
        let (place, server) = (try LDAPPlace(), try LDAPServer(entries: people))
        let copy = try CopiedDirectory(place, LDAPPlace.lines(server.uri))
        for key in ["none@x.example", "twice@x.example", "list@x.example"] {
            guard case .failed = copy.outcome(of: key) else {
                Issue.record("\(key): \(copy.outcome(of: key))")
                continue
            }
        }
        #expect(copy.outcome(of: "one@x.example") == .found("smtp!host!one"))
        #expect(copy.outcome(of: "nobody@x.example") == .absent)
        try server.change(
            "dn: uid=p3,\(LDAPServer.suffix)\nchangetype: modify\nadd: mailLocalAddress\nmailLocalAddress: now\n")
        #expect(try copy.becomes("none@x.example", .found("now")))
        try server.change("dn: uid=p4,\(LDAPServer.suffix)\nchangetype: delete\n")
        #expect(try copy.becomes("twice@x.example", .found("second")))
    }

    @Test func severalValuesAreAListWhereTheDescriptionSaysSo() throws {
        let (place, server) = (try LDAPPlace(), try LDAPServer(entries: people))
        let copy = try CopiedDirectory(place, LDAPPlace.lines(server.uri, "rows join"))
        #expect(copy.outcome(of: "list@x.example") == .found("a@x.example,b@x.example,c@x.example"))
        #expect(copy.outcome(of: "twice@x.example") == .found("first, second"))
        guard case .failed = copy.outcome(of: "none@x.example") else {
            Issue.record("none: \(copy.outcome(of: "none@x.example"))")
            return
        }
    }

    /// A lost provider leaves a whole map, and what changed meanwhile comes when it is back.
    @Test func aLostProviderLeavesAWholeMap() throws {
        let (place, server) = (try LDAPPlace(), try LDAPServer(entries: people))
        let copy = try CopiedDirectory(place, LDAPPlace.lines(server.uri))
        #expect(copy.outcome(of: "one@x.example") == .found("smtp!host!one"))
        for round in 0..<3 {
            server.kill()
            #expect(copy.outcome(of: "one@x.example") == .found("smtp!host!one"))
            #expect(copy.outcome(of: "nobody@x.example") == .absent)
            #expect(try holds { try copy.status().failure != nil })
            try server.start()
            try server.change(LDAPTests.entry("new\(round)", mail: "new\(round)@x.example", route: "new"))
            if round > 0 { try server.change("dn: uid=new\(round - 1),\(LDAPServer.suffix)\nchangetype: delete\n") }
            #expect(try copy.becomes("new\(round)@x.example", .found("new")))
            if round > 0 { #expect(try copy.becomes("new\(round - 1)@x.example", .absent)) }
        }
    }

    /// What was deleted while nobody looked is gone, although the provider no more knows that it was ever there.
    @Test(arguments: [true, false])
    func aCopyOnDiskGoesOn(knowsDeletions: Bool) throws {
        let (place, server) = (try LDAPPlace(), try LDAPServer(entries: people))
        let lines = LDAPPlace.lines(server.uri, "copy kept")
        do {
            let copy = try CopiedDirectory(place, lines)
            #expect(copy.outcome(of: "one@x.example") == .found("smtp!host!one"))
            #expect(try holds { try copy.status().isKept })
        }
        // Its process is gone.
        if !knowsDeletions {
            server.stop()
            server.setup.sessionLog = 0
            try server.start()
        }
        try server.change("dn: uid=p1,\(LDAPServer.suffix)\nchangetype: delete\n")
        try server.change(LDAPTests.entry("new", mail: "new@x.example", route: "new"))
        let copy = try CopiedDirectory(place, lines)
        #expect(try copy.becomes("one@x.example", .absent))
        #expect(try copy.becomes("new@x.example", .found("new")))
        #expect(copy.outcome(of: "od(d*\\)@x.example") == .found("odd"))
    }

    @Test func aCopyOnDiskNeedsNoProvider() throws {
        let (place, server) = (try LDAPPlace(), try LDAPServer(entries: people))
        let lines = LDAPPlace.lines(server.uri, "copy kept")
        do {
            let copy = try CopiedDirectory(place, lines)
            #expect(copy.outcome(of: "one@x.example") == .found("smtp!host!one"))
        }
        server.kill()
        let copy = try CopiedDirectory(place, lines)
        #expect(try copy.becomes("one@x.example", .found("smtp!host!one")))
        #expect(copy.outcome(of: "nobody@x.example") == .absent)
    }

    /// A first copy that cannot be made answers nothing.
    @Test(arguments: [
        ("canary canary@x.example", "", "names no canary"), ("canary canary@x", "canary other@x", "is not found"),
        ("(mail=%s)", "(mial=%s)", "no attribute 'mial'"), ("attr mailLocalAddress", "attr mailRoute", "no attribute"),
        ("(mail=%s)", "(mail=%u@x.example)", "cannot be listed"), ("passwd secret", "passwd other", "its password"),
        ("base dc", "base ou=none,dc", "no search base"),
    ])
    func whatCannotBeProvedIsNotCopied(old: String, new: String, says: String) throws {
        let (place, server) = (try LDAPPlace(), try LDAPServer(entries: people))
        let copy = try CopiedDirectory(
            place, LDAPPlace.lines(server.uri).replacing(old, with: new), deadline: .milliseconds(500))
        #expect(
            try holds {
                guard case .failed(let text) = copy.outcome(of: "nobody@x.example") else { return false }
                return text.contains(says)
            })
        guard case .failed = copy.outcome(of: "one@x.example") else {
            Issue.record("it is copied all the same")
            return
        }
    }

    @Test func anotherProviderGoesOnFromTheSamePlace() throws {
        let place = try LDAPPlace()
        let first = try LDAPServer(entries: people)
        var setup = LDAPServer.Setup()
        setup.number = 2
        setup.database = LDAPServer.following(first.uri)
        let second = try LDAPServer(setup, isFilled: false)
        let copy = try CopiedDirectory(place, LDAPPlace.lines("\(first.uri) \(second.uri)"))
        #expect(copy.outcome(of: "one@x.example") == .found("smtp!host!one"))
        try first.change(LDAPTests.entry("new", mail: "new@x.example", route: "new"))
        #expect(try copy.becomes("new@x.example", .found("new")))
        #expect(
            try holds {
                (try? second.search(["-b", LDAPServer.suffix, "(uid=new)", "dn"]))?.contains("uid=new") == true
            })
        let generation = try copy.status().generation
        first.kill()
        #expect(try holds { try copy.status().failure == nil && copy.status().generation > generation })
        #expect(copy.outcome(of: "new@x.example") == .found("new"))
        #expect(copy.outcome(of: "nobody@x.example") == .absent)
    }

    /// A provider whose own copy is not whole is not copied from.
    @Test func aCopyThatIsNotWholeIsNotCopied() throws {
        let place = try LDAPPlace()
        let source = try LDAPServer(entries: people + LDAPTests.entry("late", mail: "late@x.example", route: "late"))
        var setup = LDAPServer.Setup()
        setup.number = 2
        setup.database = LDAPServer.following(source.uri)
        source.kill()
        let provider = try LDAPServer(setup, entries: people, isWhole: false)
        let copy = try CopiedDirectory(place, LDAPPlace.lines(provider.uri), deadline: .milliseconds(500))
        #expect(
            try holds {
                guard case .failed(let text) = copy.outcome(of: "late@x.example") else { return false }
                return text.contains("not whole")
            })
        try source.start()
        #expect(try copy.becomes("late@x.example", .found("late")))
        #expect(copy.outcome(of: "nobody@x.example") == .absent)
    }

    @Test func aCopyOlderThanItMayBeAnswersNothing() throws {
        let (place, server) = (try LDAPPlace(), try LDAPServer(entries: people))
        let copy = try CopiedDirectory(place, LDAPPlace.lines(server.uri, "maxage 6"))
        #expect(copy.outcome(of: "one@x.example") == .found("smtp!host!one"))
        server.freeze()
        #expect(
            try holds {
                guard case .failed(let text) = copy.outcome(of: "one@x.example") else { return false }
                return text.contains("older than 6 s")
            })
        server.thaw()
        #expect(try copy.becomes("one@x.example", .found("smtp!host!one")))
    }

    @Test func entriesAreListed() throws {
        let (place, server) = (
            try LDAPPlace(),
            try LDAPServer(
                entries: LDAPServer.people([
                    (mail: "canary@x.example", routes: ["canary"]), (mail: "one@x.example", routes: ["one"]),
                ]))
        )
        try place.describe(LDAPPlace.lines(server.uri))
        let definition = place.definition(type: .ldapsync)
        var keys: [String] = []
        try MapBackEnds([LDAPBackEnd()]).readEntries(of: definition, within: .seconds(60)) { entries in
            keys += entries.map { String(decoding: $0.key, as: UTF8.self) }
            return true
        }
        #expect(keys.sorted() == ["canary@x.example", "one@x.example"])
        #expect(LDAPBackEnd().listsEntries(of: definition))
    }
}
