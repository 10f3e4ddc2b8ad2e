// Lookups in a directory of a real server: what each of its answers means.

import Configuration
import Foundation
import Glibc
import LDAP
import Maps
import Testing
import ZRouteTestKit

@Suite struct LDAPTests {
    @Test func keysAreFoundOrAbsent() throws {
        let (place, server) = (try LDAPPlace(), try LDAPServer(entries: people))
        let table = try place.table(LDAPPlace.lines(server.uri))
        #expect(try table.text(of: "one@x.example") == "smtp!host!one")
        #expect(try table.text(of: "ONE@x.example") == "smtp!host!one")
        #expect(try table.text(of: "nobody@x.example") == nil)
        #expect(try table.text(of: "one@x.example") == "smtp!host!one")
        #expect(try table.text(of: "") == nil)
        #expect(table.privilege == 65_534)
        #expect(table.refresh())
        #expect(place.conditions() == [])
    }

    /// Whatever a key holds, it is a value and never a part of the filter.
    @Test(arguments: ["*", "*@x.example", "one@x.exampl*", "x)(mail=*", "o\\6ee@x.example", "(", "\\", "a\nb", "\0"])
    func aKeyIsNoFilter(key: String) throws {
        let (place, server) = (try LDAPPlace(), try LDAPServer(entries: people))
        let table = try place.table(LDAPPlace.lines(server.uri))
        #expect(try table.text(of: key) == nil)
        #expect(try table.text(of: "od(d*\\)@x.example") == "odd")
        #expect(try table.text(of: [0x75, 0xFC, 0x40, 0x78]) == nil)
    }

    /// Each answer that says neither that a key is there nor that it is not.
    @Test(arguments: Doubt.all)
    func aDoubtIsNeverAnAbsence(doubt: Doubt) throws {
        let place = try LDAPPlace()
        var setup = LDAPServer.Setup()
        setup.database = doubt.database
        setup.isProvider = doubt.hasContext
        let server = try LDAPServer(setup, entries: people + doubt.entries)
        let table = try place.table(doubt.change(LDAPPlace.lines(server.uri)))
        for _ in 0..<2 {
            let error = try #require(table.failure(of: doubt.key))
            #expect(error.text.contains(doubt.says), "\(error.text)")
            #expect(!error.text.contains("secret"))
        }
    }

    /// What a server may answer beside the usual, as the overlay `retcode` answers for entries of these names, and what is said of it.
    static let codes: [(name: String, item: String, says: String)] = [
        ("operationsError", "1", "cannot answer now"), ("protocolError", "2", "refuses the search"),
        ("timeLimitExceeded", "3", "gave the search up"), ("sizeLimitExceeded", "4", "cut at a limit"),
        ("strongerAuthRequired", "8", "wants to know the user"),
        ("referral", "10 ref=ldap://127.0.0.1:1/o=x", "lies on another server"),
        ("adminLimitExceeded", "11", "cut at a limit"),
        ("confidentialityRequired", "13", "wants an encrypted connection"),
        ("noSuchAttribute", "16", "refuses the search"), ("noSuchObject", "32", "no search base"),
        ("insufficientAccessRights", "50", "may not search there"), ("busy", "51", "cannot answer now"),
        ("unavailable", "52", "cannot answer now"), ("unwillingToPerform", "53", "does not search for this user"),
        ("other", "80", "cannot answer now"), ("disconnected", "0 flags=pre-disconnect", "connection was lost"),
        ("nothing", "0", "canary 'canary@x.example' is not found"),
    ]

    @Test func noOtherAnswerIsAnAbsence() throws {
        let place = try LDAPPlace()
        var setup = LDAPServer.Setup()
        setup.global = "moduleload retcode"
        let parent = "ou=codes,\(LDAPServer.suffix)"
        let items = Self.codes.map { "retcode-item cn=\($0.name) \($0.item)" }.joined(separator: "\n")
        setup.database = "overlay retcode\nretcode-parent \(parent)\n\(items)"
        let server = try LDAPServer(setup, entries: people)
        let usual = LDAPPlace.lines(server.uri)
        for code in Self.codes {
            let lines = usual.replacing("base \(LDAPServer.suffix)", with: "base cn=\(code.name),\(parent)")
            let table = try place.table(lines)
            for key in ["one@x.example", "nobody@x.example"] {
                let error = try #require(table.failure(of: key), "\(code.name)")
                #expect(error.text.contains(code.says), "\(code.name): \(error.text)")
            }
        }
        // The server answers as before for others.
        let table = try place.table(usual)
        #expect(try table.text(of: "one@x.example") == "smtp!host!one")
        #expect(try table.text(of: "nobody@x.example") == nil)
    }

    /// A search that takes longer than the server lets it.
    @Test func aSearchThatTheServerGivesUpIsNoAbsence() throws {
        let place = try LDAPPlace()
        var setup = LDAPServer.Setup()
        setup.database = "limits * time=1"
        let others = (0..<10_000).map { (mail: "o\($0)@x.example", routes: ["o"]) }
        let server = try LDAPServer(setup, entries: people + LDAPServer.people(others, from: 100))
        // No index serves it: every entry is compared with all of them.
        let slow = (0..<4000).map { "(sn=*\($0)*x*)" }.joined()
        let lines = Doubt.anonymous(LDAPPlace.lines(server.uri)).replacing("(mail=%s)", with: "(|(mail=%s)\(slow))")
        let error = try #require(try place.table(lines).failure(of: "nobody@x.example"))
        #expect(error.text.contains("gave the search up") && error.code == ETIMEDOUT, "\(error.text)")
    }

    @Test func severalValuesAreAListWhereTheDescriptionSaysSo() throws {
        let (place, server) = (try LDAPPlace(), try LDAPServer(entries: people))
        let table = try place.table(LDAPPlace.lines(server.uri, "rows join"))
        // A set has no order: the list is sorted.
        #expect(try table.text(of: "list@x.example") == "a@x.example,b@x.example,c@x.example")
        #expect(try table.text(of: "twice@x.example") == "first,second")
        #expect(try table.text(of: "one@x.example") == "smtp!host!one")
        #expect(try table.text(of: "nobody@x.example") == nil)
    }

    /// A server that copies from another answers "absent" only when its copy is whole.
    @Test func aCopyThatIsNotWholeSaysNothingAboutAbsence() throws {
        let place = try LDAPPlace()
        let source = try LDAPServer(
            entries: people + Self.entry("late", mail: "late@x.example", route: "late"))
        var setup = LDAPServer.Setup()
        setup.number = 2
        setup.isProvider = false
        setup.database = LDAPServer.following(source.uri)
        source.kill()
        // What a copy has that was interrupted: some of the entries, and no contextCSN.
        let copy = try LDAPServer(setup, entries: people, isWhole: false)
        let table = try place.table(LDAPPlace.lines(copy.uri))
        #expect(try table.text(of: "one@x.example") == "smtp!host!one")
        let error = try #require(table.failure(of: "late@x.example"))
        #expect(error.text.contains("not whole"), "\(error.text)")
        #expect(place.conditions().contains { $0.text.contains("not whole") })
        try source.start()
        #expect(try holds { table.outcome(of: "late@x.example") == .found("late") })
        #expect(try holds { table.failure(of: "nobody@x.example") == nil })
        #expect(try table.text(of: "nobody@x.example") == nil)
        // It stays whole when its provider is gone.
        source.kill()
        #expect(try table.text(of: "nobody@x.example") == nil)
    }

    /// A server that has lost its provider gives no other sign of it than the time of its last change.
    @Test func aCopyThatIsOlderThanItMayBeSaysNothingAboutAbsence() throws {
        let place = try LDAPPlace()
        let source = try LDAPServer(entries: people)
        var setup = LDAPServer.Setup()
        setup.number = 2
        setup.isProvider = false
        setup.database = LDAPServer.following(source.uri)
        let copy = try LDAPServer(setup, isFilled: false)
        try place.describe(LDAPPlace.lines(copy.uri), as: "any.ldap")
        try place.describe(LDAPPlace.lines(copy.uri, "max_lag 4"), as: "young.ldap")
        let (any, young) = (place.tables(["any.ldap"])[0], place.tables(["young.ldap"])[0])
        #expect(try holds { any.outcome(of: "nobody@x.example") == .absent })
        var changes = 0
        func isAbsentAfterAChange() throws -> Bool {
            changes += 1
            try source.change(LDAPTests.entry("c\(changes)", mail: "c\(changes)@x.example", route: "change"))
            return young.outcome(of: "nobody@x.example") == .absent
        }
        #expect(try holds { try isAbsentAfterAChange() })
        source.kill()
        #expect(try holds { young.failure(of: "nobody@x.example")?.text.contains("max_lag") == true })
        #expect(try young.text(of: "one@x.example") == "smtp!host!one")
        // Without it an old copy is believed.
        #expect(try any.text(of: "nobody@x.example") == nil)
        try source.start()
        #expect(try holds { try isAbsentAfterAChange() })
    }

    @Test func anEmptyCopyIsNoDirectory() throws {
        let place = try LDAPPlace()
        let server = try LDAPServer(isFilled: false)
        let error = try #require(try place.table(LDAPPlace.lines(server.uri)).failure(of: "one@x.example"))
        #expect(error.text.contains("no search base"), "\(error.text)")
    }

    @Test func aMarkerStandsForAServerThatCopiesFromNobody() throws {
        var setup = LDAPServer.Setup()
        setup.isProvider = false
        let (place, server) = (try LDAPPlace(), try LDAPServer(setup, entries: people, isWhole: false))
        let table = try place.table(LDAPPlace.lines(server.uri, "marker uid=p0,\(LDAPServer.suffix)"))
        #expect(try table.text(of: "nobody@x.example") == nil)
        #expect(try table.text(of: "one@x.example") == "smtp!host!one")
    }

    /// Rules of access can change while a connection is open: what was shown once does not hold for ever.
    @Test func whatWasShownIsShownAgain() throws {
        let (place, server) = (try LDAPPlace(), try LDAPServer(entries: people))
        let table = try place.table(LDAPPlace.lines(server.uri))
        #expect(try table.text(of: "nobody@x.example") == nil)
        try server.change("dn: uid=p0,\(LDAPServer.suffix)\nchangetype: delete\n")
        #expect(try holds { table.failure(of: "nobody@x.example")?.text.contains("canary") == true })
        try server.change(Self.entry("p0", mail: "canary@x.example", route: "canary"))
        #expect(try table.text(of: "nobody@x.example") == nil)
    }

    @Test func aChangedDescriptionIsReadAgain() throws {
        let (place, server) = (try LDAPPlace(), try LDAPServer(entries: people))
        let table = try place.table(LDAPPlace.lines(server.uri))
        #expect(try table.text(of: "one@x.example") == "smtp!host!one")
        try place.describe(LDAPPlace.lines(server.uri).replacing("attr mailLocalAddress", with: "attr cn"))
        #expect(table.refresh())
        #expect(try table.text(of: "one@x.example") == "p1")
    }

    static func entry(_ name: String, mail: String, route: String) -> String {
        """
        dn: uid=\(name),\(LDAPServer.suffix)
        objectClass: inetOrgPerson
        objectClass: inetLocalMailRecipient
        uid: \(name)
        cn: \(name)
        sn: \(name)
        mail: \(mail)
        mailLocalAddress: \(route)


        """
    }
}

extension LDAPPlace {
    /// What `check` finds when it asks the servers.
    func conditions() -> [Finding] { LDAPBackEnd().conditionFindings(of: definition()) }
}

/// A way in which a server says too little.
struct Doubt: Sendable, CustomTestStringConvertible {
    let name: String
    /// What the failure says.
    let says: String
    var key = "nobody@x.example"
    var database = ""
    var entries = ""
    var hasContext = true
    /// Makes its description of the usual one.
    var change: @Sendable (String) -> String = { $0 }

    var testDescription: String { name }

    private static func replacing(_ old: String, _ new: String) -> @Sendable (String) -> String {
        { $0.replacing(old, with: new) }
    }

    static let everybodyElse = "access to * by * read"

    static let all = [
        Doubt(name: "no canary", says: "names no canary", change: replacing("canary canary@x.example", "")),
        Doubt(
            name: "an unknown canary", says: "canary 'other@x.example' is not found",
            change: replacing("canary canary@x", "canary other@x")),
        Doubt(
            name: "a misspelt attribute", says: "knows no attribute 'mial'", change: replacing("(mail=%s)", "(mial=%s)")
        ),
        Doubt(
            name: "an unknown attribute in an AND", says: "knows no attribute 'mailActive'",
            change: replacing("(mail=%s)", "(&(mail=%s)(mailActive=TRUE))")),
        Doubt(
            name: "an unknown attribute in an OR", says: "knows no attribute 'mailAlias'",
            change: replacing("(mail=%s)", "(|(mail=%s)(mailAlias=%s))")),
        Doubt(
            name: "an unknown attribute as the value", says: "no mailRoute:", key: "one@x.example",
            change: replacing("attr mailLocalAddress", "attr mailRoute")),
        Doubt(
            name: "entries that the user may not see", says: "canary 'canary@x.example' is not found",
            database: "access to dn.subtree=\"\(LDAPServer.suffix)\" filter=(uid=*) by * none\n\(everybodyElse)",
            change: anonymous),
        Doubt(
            name: "an attribute that the user may not search by", says: "canary 'canary@x.example' is not found",
            database: "access to attrs=mail by * none\n\(everybodyElse)", change: anonymous),
        Doubt(
            name: "a value that the user may not see", says: "an entry has no mailLocalAddress",
            key: "one@x.example", database: "access to attrs=mailLocalAddress by * none\n\(everybodyElse)",
            change: anonymous),
        Doubt(
            name: "a tree that the user may not see", says: "no search base", database: "access to * by * none",
            change: anonymous),
        Doubt(
            name: "a server that shows no contextCSN", says: "no contextCSN", hasContext: false,
            change: { $0 + "\n" }),
        Doubt(
            name: "a marker that is not there", says: "the marker 'cn=marker,\(LDAPServer.suffix)' is not there",
            change: { $0 + "\nmarker cn=marker,\(LDAPServer.suffix)\n" }),
        Doubt(name: "a part of the tree elsewhere", says: "a search reference", entries: reference),
        Doubt(
            name: "a base elsewhere", says: "lies on another server", entries: reference,
            change: replacing("base \(LDAPServer.suffix)", "base ou=elsewhere,\(LDAPServer.suffix)")),
        Doubt(
            name: "an entry without the attribute", says: "an entry has no mailLocalAddress", key: "none@x.example"),
        Doubt(
            name: "a value with a NUL", says: "has a NUL", key: "nul@x.example",
            entries: LDAPTests.entry("nul", mail: "nul@x.example", route: "x").replacing(
                "mailLocalAddress: x", with: "mailLocalAddress:: YQBi")),
        Doubt(name: "several entries", says: "several entries for one key", key: "twice@x.example"),
        Doubt(name: "several values", says: "several values for one key", key: "list@x.example"),
        Doubt(
            name: "more entries than the server gives", says: "cut at a limit", key: "twice@x.example",
            database: "limits * size=1", change: { anonymous($0) + "\nrows join\n" }),
        Doubt(
            name: "a base that is not there", says: "no search base",
            change: replacing("base \(LDAPServer.suffix)", "base ou=none,\(LDAPServer.suffix)")),
        Doubt(
            name: "a base that is no name", says: "is no DN",
            change: replacing("base \(LDAPServer.suffix)", "base nonsense")),
        Doubt(
            name: "a wrong password", says: "refuses the DN or its password",
            change: replacing("passwd secret", "passwd other")),
        Doubt(
            name: "a server that wants encryption", says: "wants an encrypted connection", database: "security ssf=100"),
        Doubt(
            name: "a server that wants to know its users", says: "does not search for this user",
            database: "require authc",
            change: anonymous),
        Doubt(
            name: "a user that is not there", says: "refuses the DN or its password",
            change: replacing("cn=admin,", "cn=nobody,")),
    ]

    static let anonymous: @Sendable (String) -> String = {
        $0.split(separator: "\n").filter { !$0.hasPrefix("binddn") && !$0.hasPrefix("passwd") }.joined(separator: "\n")
    }

    static let reference = """
        dn: ou=elsewhere,\(LDAPServer.suffix)
        objectClass: referral
        objectClass: extensibleObject
        ou: elsewhere
        ref: ldap://127.0.0.1:1/ou=elsewhere,\(LDAPServer.suffix)


        """
}
