import Configuration
import Maps
import Routing
import Testing
import ZRouteTestKit

/// What is found in entries by the relation they belong to.
@Suite struct RelationJudgeTests {
    struct Entry: Sendable, CustomTestStringConvertible {
        let relation: RelationName
        let key: String
        let value: String
        let name: Finding.Name?

        init(_ relation: RelationName, _ key: String, _ value: String, _ name: Finding.Name? = nil) {
            self.relation = relation
            self.key = key
            self.value = value
            self.name = name
        }

        var testDescription: String { "\(relation) \(key) = \(value.debugDescription)" }
    }

    /// The flags of the usual set-up.
    static func flags(_ relation: RelationName) -> RelationFlags {
        var flags = RelationFlags()
        flags.folding = .lower
        flags.substitutes = relation != .aliases
        flags.driver = relation == .routesdb || relation == .thishost ? .pathalias : .none
        return flags
    }

    private func faults(_ entry: Entry, _ flags: RelationFlags? = nil) throws -> [EntryFault] {
        let judge = try #require(
            RelationJudge(relation: entry.relation.rawValue, flags: flags ?? Self.flags(entry.relation)))
        return judge.faults(ofKey: Array(entry.key.utf8).span, value: Array(entry.value.utf8).span)
    }

    static let wrong: [Entry] = [
        // Habits of other mailers.
        Entry(.fqdnroutes, "a@x.example", "smtp!gw:25", .valueIsNoRoute),
        Entry(.fqdnroutes, "a@x.example", "smtp![gw.example]:25", .valueIsNoRoute),
        Entry(.fqdnroutes, "a@x.example", "smtp![300.0.0.1]", .valueIsNoRoute),
        Entry(.fqdnroutes, "a@x.example", "smtp![10.0.0.1", .valueIsNoRoute),
        Entry(.routesdb, "x.example", "smtp!gw,smtp!gw2", .valueIsNoRoute),
        Entry(.routesdb, "x.example", "smtp!http://gw/", .valueIsNoRoute),
        Entry(.fqdnroutes, "a@x.example", "Error!nosuchuser", .valueIsNoRoute),
        Entry(.fqdnroutes, "a@x.example", "SMTP-LMTP!store!a", .valueIsNoRoute),
        Entry(.fqdnroutes, "a@x.example", "smtp-lmtp!store!a@", .valueIsNoRoute),
        Entry(.fqdnroutes, "a@x.example", "smtp-lmtp!store!@x.example", .valueIsNoRoute),
        Entry(.fqdnroutes, "a@x.example", "smtp-lmtp!store!a@b@c", .valueIsNoRoute),
        Entry(.fqdnroutes, "a@x.example", "smtp-lmtp!store!a@b..c", .valueIsNoRoute),
        Entry(.fqdnroutes, "@x.example", "smtp-lmtp!store!*", .valueIsNoRoute),
        Entry(.fqdnroutes, "@x.example", "smtp-lmtp!store!$1", .valueIsNoRoute),
        Entry(.fqdnroutes, "@x.example", "smtp-lmtp!store!%u", .valueIsNoRoute),
        Entry(.fqdnroutes, "@x.example", "smtp-lmtp!store!%{user}", .valueIsNoRoute),
        Entry(.fqdnroutes, "@x.example", "smtp-lmtp!store!\\1", .valueIsNoRoute),
        Entry(.aliases, "a", "!bob", .valueIsNoList), Entry(.aliases, "a", "bob!", .valueIsNoList),
        Entry(.aliases, "a", "'bob@x.example'", .valueIsNoList), Entry(.aliases, "a", "'bob'", .valueIsNoList),
        Entry(.aliases, "a", "`bob`", .valueIsNoList), Entry(.aliases, "a", "\u{201C}bob\u{201D}", .valueIsNoList),
        Entry(.aliases, "a", "|/bin/x -a b", .valueIsNoList), Entry(.aliases, "a", "bob /* x */", .valueIsNoList),
        Entry(.aliases, "a", "bob | kim", .valueIsNoList), Entry(.aliases, "a", "bob & kim", .valueIsNoList),
        Entry(.fqdnaliases, "@x.example", "*@y.example", .valueIsNoList),
        Entry(.fqdnaliases, "@x.example", "$1@y.example", .valueIsNoList),
        Entry(.fqdnroutes, "'a@x.example'", "smtp-lmtp!store!a", .keyNeverAsked),
        Entry(.fqdnroutes, "a@x.example$", "smtp-lmtp!store!a", .keyNeverAsked),
        Entry(.fqdnroutes, "^a@x.example$", "smtp-lmtp!store!a", .keyNeverAsked),
        Entry(.aliases, "a", "kim@[192.0.2.300]", .valueIsNoList),
        Entry(.aliases, "a", "kim@[192.0.2]", .valueIsNoList), Entry(.aliases, "a", "./x", .valueIsNoList),
        Entry(.aliases, "a", "../x", .valueIsNoList),
        Entry(.aliases, "a", "\"\"", .valueIsNoList), Entry(.aliases, "a", "b, \"\"", .valueIsNoList),
        Entry(.aliases, "a", ":include:lists/a", .valueIsNoList),
        Entry(.aliases, "a", "\":include:./a\"", .valueIsNoList), Entry(.aliases, "a", "-", .valueIsNoList),
        // Values that are no route.
        Entry(.fqdnroutes, "a@x.example", "/dev/null", .valueIsNoRoute),
        Entry(.fqdnroutes, "a@x.example", "\"/dev/null\"", .valueIsNoRoute),
        Entry(.fqdnroutes, "a@x.example", "dev/null", .valueIsNoRoute),
        Entry(.fqdnroutes, "a@x.example", "/dev/null!-", .valueIsNoRoute),
        Entry(.fqdnroutes, "a@x.example", "bitbucket", .valueIsNoRoute),
        Entry(.fqdnroutes, "a@x.example", "DISCARD", .valueIsNoRoute),
        Entry(.fqdnroutes, "a@x.example", "ERROR!nosuchuser", .valueIsNoRoute),
        Entry(.routesdb, "x.example", "ERROR!nosuchuser", .valueIsNoRoute),
        Entry(.fqdnroutes, "a@x.example", "SMTP-x!h!a", .valueIsNoRoute),
        Entry(.fqdnroutes, "a@x.example", "smtp!h!%3", .valueIsNoRoute),
        Entry(.fqdnroutes, "@x.example", "smtp!h!%3", .valueIsNoRoute),
        Entry(.fqdnroutes, "@x.example", "smtp!h!%2%3", .valueIsNoRoute),
        Entry(.fqdnroutes, "a@x.example", "smtp!h..example", .valueIsNoRoute),
        Entry(.fqdnroutes, "a@x.example", "smtp!.h!a", .valueIsNoRoute),
        Entry(.fqdnroutes, "u@[ipv6:2001:db8::1]", "", .noValue),
        Entry(.fqdnroutes, "a@x.example", "fg56778", .valueIsNoRoute),
        Entry(.fqdnroutes, "a@x.example", "error:x", .valueIsNoRoute),
        Entry(.fqdnroutes, "a@x.example", "error:nouser User unknown", .valueIsNoRoute),
        Entry(.fqdnroutes, "a@x.example", "error:5.7.0:550 go away!", .valueIsNoRoute),
        Entry(.fqdnroutes, "a@x.example", ":blackhole:", .valueIsNoRoute),
        Entry(.fqdnroutes, "a@x.example", ":fail: no such user!", .valueIsNoRoute),
        Entry(.fqdnroutes, "a@x.example", "smtp-lmtp:store:kim", .valueIsNoRoute),
        Entry(.fqdnroutes, "a@x.example", "bob@y.example", .valueIsNoRoute),
        Entry(.fqdnroutes, "a@x.example", "smtp-lmtp!!bob", .valueIsNoRoute),
        Entry(.fqdnroutes, "a@x.example", "!x", .valueIsNoRoute),
        Entry(.fqdnroutes, "a@x.example", "smtp-lmtp!store!", .valueIsNoRoute),
        Entry(.fqdnroutes, "a@x.example", "smtp-lmtp!store!%2", .valueIsNoRoute),
        Entry(.fqdnroutes, "a@x.example", "\"smtp\"!store!a", .valueIsNoRoute),
        Entry(.fqdnroutes, "a@x.example", "smtp-lmtp!store!ann,bob", .valueIsNoRoute),
        Entry(.fqdnroutes, "a@x.example", "smtp-lmtp!store!\"odd", .valueIsNoRoute),
        Entry(.fqdnroutes, "a@x.example", "smtp-lmtp!store!<ann>", .valueIsNoRoute),
        Entry(.routesdb, "x.example", "smtp:[gw.example.net]:25", .valueIsNoRoute),
        Entry(.routesdb, "x.example", "gw.example.net", .valueIsNoRoute),
        Entry(.routesdb, "x.example", "delay!soon", .valueIsNoRoute),
        // Blanks and comments.
        Entry(.fqdnroutes, "a@x.example", "smtp-lmtp ! node", .trailingBlank),
        Entry(.fqdnroutes, "a@x.example", "smtp-lmtp!store!ann%2   ", .trailingBlank),
        Entry(.fqdnroutes, "a@x.example", "smtp-lmtp!store\t", .trailingBlank),
        Entry(.fqdnroutes, "a@x.example", "smtp-lmtp!store!lee # our lee", .remarkInValue),
        Entry(.fqdnroutes, "a@x.example", "smtp-lmtp!store # our store", .remarkInValue),
        Entry(.fqdnroutes, "a@x.example", "smtp-lmtp!store!ann lee", .blankInRoute),
        Entry(.fqdnroutes, "a@x.example", "smtp-lmtp! store", .blankInRoute),
        Entry(.fqdnroutes, "a@x.example", "smtp-lmtp!store!a\u{A0}b", .invisibleCharacter),
        Entry(.thishost, "x.example", "# closed", .remarkInValue),
        Entry(.thishost, "x.example", "y.example z.example", .valueIsNoDomain),
        Entry(.thishost, "x.example", "y.example ", .trailingBlank),
        Entry(.thishost, "x.example", "u@y.example", .valueIsNoDomain),
        Entry(.aliases, "a", "bob # on leave", .remarkInValue),
        Entry(.aliases, "a", "# on leave", .remarkInValue),
        // Lists.
        Entry(.aliases, "a", "b@x.example, \\c", .valueIsNoList),
        Entry(.aliases, "a", "b, c,", .valueIsNoList),
        Entry(.aliases, "a", "b@x.example\"", .valueIsNoList),
        Entry(.aliases, "a", ":blackhole:", .valueIsNoList),
        Entry(.aliases, "a", ":fail: gone", .valueIsNoList),
        Entry(.aliases, "a", "b; c", .valueIsNoList),
        Entry(.aliases, "a", "b@x.example c@x.example", .valueIsNoList),
        Entry(.aliases, "a", "fg.dot.", .valueIsNoList),
        Entry(.aliases, "a", "\"b", .valueIsNoList),
        Entry(.fqdnaliases, "a@x.example", "b@x.example;", .valueIsNoList),
        Entry(.fqdnaliases, "a@x.example", "b@x.example, \u{A0}c@x.example", .invisibleCharacter),
        // No value, or something else than a blank before it.
        Entry(.aliases, "a", "", .noValue),
        Entry(.fqdnaliases, "a@x.example", "", .noValue),
        Entry(.fqdnroutes, "a@x.example", "", .noValue),
        Entry(.routesdb, "x.example", "", .noValue),
        Entry(.fqdnroutes, "a@x.example:smtp-lmtp!store!a%2", "", .separator),
        Entry(.fqdnroutes, "a@x.example=smtp-lmtp!store!a%2", "", .separator),
        Entry(.fqdnroutes, "a@x.example,smtp-lmtp!store!a", "", .separator),
        Entry(.routesdb, "x.example:smtp!gw", "", .separator),
        Entry(.thishost, "x.example:y.example", "", .separator),
        Entry(.fqdnroutes, "a@x.example", "= smtp-lmtp!store", .separator),
        Entry(.fqdnroutes, "a@x.example", "=> smtp-lmtp!store", .separator),
        Entry(.fqdnroutes, "a@x.example", "-> smtp-lmtp!store", .separator),
        Entry(.fqdnroutes, "a@x.example", ": smtp-lmtp!store", .separator),
        Entry(.fqdnaliases, "a@x.example", "-> ", .separator),
        Entry(.aliases, "a", "= b", .separator),
        // %N.
        Entry(.aliases, "a", "%1@y.example", .percentWithoutFlag),
        Entry(.aliases, "a", "b%2@y.example", .percentWithoutFlag),
        Entry(.fqdnaliases, "a@x.example", "b%2@y.example", .argumentNeverGiven),
        Entry(.routesdb, ".x.example", "smtp!gw!%1@y.example", .argumentNeverGiven),
        Entry(.fqdnroutes, "a@x.example", "smtp-lmtp!store!a%6", .argumentNeverGiven),
        Entry(.fqdnroutes, "a@x.example", "smtp-lmtp!store!a%2%2", .tailTwice),
        // Keys.
        Entry(.fqdnaliases, "ann", "b@x.example", .keyNeverAsked),
        Entry(.fqdnroutes, "x.example", "smtp!h", .keyNeverAsked),
        Entry(.fqdnroutes, "a@x.example.", "smtp!h", .keyNeverAsked),
        Entry(.fqdnroutes, ".@x.example", "smtp!h", .keyNeverAsked),
        Entry(.fqdnroutes, "@", "smtp!h", .keyNeverAsked),
        Entry(.fqdnroutes, "<a@x.example>", "smtp!h", .keyNeverAsked),
        Entry(.fqdnroutes, "\"odd", "user\"@x.example smtp!h!odd", .keyNeverAsked),
        Entry(.aliases, "ann@x.example", "b@x.example", .keyNeverAsked),
        Entry(.aliases, "real-ann", "b@x.example", .keyNeverAsked),
        Entry(.aliases, "", "b@x.example", .keyNeverAsked),
        Entry(.aliases, "/a/b", "b@x.example", .keyNeverAsked),
        Entry(.routesdb, "@x.example", "smtp!gw", .keyNeverAsked),
        Entry(.routesdb, "x..example", "smtp!gw", .keyNeverAsked),
        Entry(.routesdb, "x.example.", "smtp!gw", .keyNeverAsked),
        Entry(.routesdb, "[192.0.2.1]", "smtp!gw", .keyNeverAsked),
        Entry(.routesdb, ".:other", "smtp!gw", .keyNeverAsked),
        Entry(.thishost, "u@x.example", "", .keyNeverAsked),
        Entry(.fqdnroutes, "Ann@x.example", "smtp!h", .keyCase),
        Entry(.aliases, "ANN", "b@x.example", .keyCase),
        Entry(.routesdb, "X.example", "smtp!h", .keyCase),
        Entry(.fqdnroutes, "a@BÜCHER.example", "smtp!h", .keyCase),
        Entry(.fqdnroutes, "a@bÜcher.example", "smtp!h", .keyCase),
        Entry(.thishost, "École.example", "", .keyCase),
        Entry(.fqdnroutes, "*@x.example", "smtp!h", .patternKey),
        Entry(.fqdnroutes, "a@*.x.example", "smtp!h", .patternKey),
        Entry(.fqdnaliases, "a+*@x.example", "b", .patternKey),
        Entry(.aliases, "bounce+*", "b", .patternKey),
        Entry(.aliases, "*", "b", .patternKey),
        Entry(.routesdb, "*.x.example", "smtp!h", .patternKey),
        Entry(.thishost, "*", "", .patternKey),
    ]

    @Test(arguments: counted("entries that nobody can have meant", wrong))
    func whatNobodyCanHaveMeantIsAnError(entry: Entry) throws {
        let found = try faults(entry)
        #expect(found.contains { $0.name == entry.name && $0.severity == .error }, "\(found)")
        #expect(found.allSatisfy { $0.text.count > 20 && Finding.Name.ofEntries.contains($0.name) }, "\(found)")
    }

    /// What resolves, but probably not to what was meant.
    static let doubtful: [Entry] = [
        Entry(.fqdnroutes, "a@x.example", "ignore!", .ignoredValue),
        Entry(.routesdb, "x.example", "ignore!x!y", .ignoredValue),
        Entry(.routesdb, "x.example", "ERROR", .ignoredValue),
        Entry(.fqdnroutes, "a@x.example", "ERROR gone", .ignoredValue),
        Entry(.routesdb, "x.example", "smtp!!user", .routedAnew),
        Entry(.routesdb, ".:error", "smtp!gw", .keyNeverAsked),
        Entry(.fqdnroutes, ".", "smtp!gw", .keyNeverAsked),
        Entry(.fqdnroutes, ".:recipient", "smtp!gw", .keyNeverAsked),
        Entry(.fqdnroutes, "\"ann\"@x.example", "smtp!h!ann", .quotedKey),
        Entry(.aliases, "\"ann\"", "bob", .quotedKey),
        Entry(.aliases, "a", "smtp!host!user", .routeInList),
        Entry(.fqdnaliases, "a@x.example", "b, error!nosuchuser", .routeInList),
        // Users that look like files.
        Entry(.aliases, "a", "\"/dev/null\"", .pathAsName), Entry(.aliases, "a", "dev/null", .pathAsName),
        Entry(.aliases, "a", "~/mail", .pathAsName), Entry(.aliases, "a", "~bob/mail", .pathAsName),
        Entry(.aliases, "a", "$HOME/mail", .pathAsName), Entry(.aliases, "a", "b, mail/box", .pathAsName),
        Entry(.aliases, "a", "\"./x\"", .pathAsName), Entry(.aliases, "a", "\"/var/mail/a b\"", .pathAsName),
        Entry(.fqdnaliases, "a@x.example", "b@x.example, \"/dev/null\"", .pathAsName),
        Entry(.aliases, "a", "/DEV/NULL", .pathAsName), Entry(.aliases, "a", "/dev/nul", .pathAsName),
        Entry(.aliases, "a", "//dev/null", .pathAsName), Entry(.aliases, "a", "/dev/null/", .pathAsName),
        Entry(.aliases, "a", "\"bob@x.example\"", .quotedAddress),
        Entry(.fqdnaliases, "a@x.example", "b, \"bob@x.example\"", .quotedAddress),
        // Addresses in brackets are a matter of localaddresses.
        Entry(.thishost, "[192.0.2.1]", "", .keyNeverAsked), Entry(.thishost, "[ipv6:2001:db8::1]", "", .keyNeverAsked),
        Entry(.thishost, "[192.0.2.1]", "x.example", .keyNeverAsked),
        // Names that are routed before aliases are asked.
        Entry(.aliases, "ann%x", "b", .keyNeverAsked), Entry(.aliases, "ann%x.example", "b", .keyNeverAsked),
        Entry(.aliases, "a!b", "b", .keyNeverAsked), Entry(.aliases, "a.example!b!c", "b", .keyNeverAsked),
        Entry(.aliases, "node::u", "b", .keyNeverAsked),
        // Letters outside of ASCII.
        Entry(.aliases, "e\u{301}ric", "b", .decomposedKey), Entry(.aliases, "mu\u{308}ller", "b", .decomposedKey),
        Entry(.fqdnroutes, "e\u{301}@x.example", "smtp!h", .decomposedKey),
        Entry(.fqdnaliases, "a@bu\u{308}cher.example", "b", .decomposedKey),
        Entry(.routesdb, "bu\u{308}cher.example", "smtp!h", .decomposedKey),
        Entry(.thishost, "bu\u{308}cher.example", "", .decomposedKey),
        Entry(.aliases, "\u{C9}ric", "b", .keyCase), Entry(.fqdnroutes, "\u{C9}@x.example", "smtp!h", .keyCase),
        Entry(.fqdnaliases, "\u{416}@x.example", "b", .keyCase),
        // No escape.
        Entry(.fqdnroutes, "a@x.example", "smtp!h!ann%%2", .doubledPercent),
        Entry(.fqdnroutes, "a@x.example", "smtp!h!100%%", .doubledPercent),
        Entry(.fqdnaliases, "@x.example", "%%1@y.example", .doubledPercent),
    ]

    @Test(arguments: counted("entries that are doubtful", doubtful))
    func whatZMailerHasAUseForIsAWarning(entry: Entry) throws {
        let found = try faults(entry)
        #expect(found.map(\.name) == [entry.name])
        #expect(found.allSatisfy { $0.severity == .warning })
    }

    /// The forms of docs/semantics.md and of ZMailer's own examples.
    static let right: [Entry] = [
        Entry(.fqdnroutes, "a@x.example", "smtp!-!a"), Entry(.fqdnroutes, "a@x.example", "smtp!gw!kim%far@y.example"),
        Entry(.fqdnroutes, "a@x.example", "smtp![10.0.0.1]!a"), Entry(.fqdnroutes, "a@x.example", "smtp-lmtp!node_1!a"),
        Entry(.fqdnroutes, "a@x.example", "smtp!gw!\"a@b@c\"@y.example"),
        Entry(.fqdnroutes, "a@x.example", "smtp!gw!@r.example:u@y.example"),
        Entry(.aliases, "a", "o'neill@x.example"), Entry(.aliases, "a", "kim%far.example@x.example"),
        Entry(.aliases, "a", "\"|/bin/x -a b\""), Entry(.aliases, "a", "|/bin/x"), Entry(.aliases, "a", "/dev/null"),
        Entry(.aliases, "a", "u@[192.0.2.1]"), Entry(.aliases, "a", "x, y"),
        Entry(.fqdnroutes, "a@x.example", "smtp-lmtp!store1"),
        Entry(.fqdnroutes, "a@x.example", "smtp-lmtp!store1!a%2"),
        Entry(.fqdnroutes, "a@x.example", "smtp-lmtp!store1!a%2@virtual.example"),
        Entry(.fqdnroutes, "a@x.example", "chan!host!h!a!b"), Entry(.fqdnroutes, "a@x.example", "error!nosuchuser"),
        Entry(.fqdnroutes, "a@x.example", "error!nosuchuser!the mailbox is closed # really "),
        Entry(.fqdnroutes, "a@x.example", "error!!text"), Entry(.fqdnroutes, "a@x.example", "error!"),
        Entry(.fqdnroutes, "a@x.example", "smtp!"), Entry(.fqdnroutes, "a@x.example", "smtp-x!"),
        Entry(.fqdnroutes, "a@x.example", "smtpgw-x!"), Entry(.fqdnroutes, "a@x.example", "dns!"),
        Entry(.fqdnroutes, "a@x.example", "local!"), Entry(.fqdnroutes, "a@x.example", "lotusgw!a!gate"),
        Entry(.fqdnroutes, "a@x.example", "bsmtp3!a!b"), Entry(.fqdnroutes, "a@x.example", "defrt1!host"),
        Entry(.fqdnroutes, "a@x.example", "delay!300"), Entry(.fqdnroutes, "a@x.example", "smtp![192.0.2.1]"),
        Entry(.fqdnroutes, "a@x.example", "smtp![IPv6:2001:db8::7]!a%2"),
        Entry(.fqdnroutes, "a@x.example", "smtp-lmtp!store!\"odd user\"@x.example"),
        Entry(.fqdnroutes, "a@x.example", "local!-!|/usr/bin/prog arg"),
        Entry(.fqdnroutes, "a@x.example", "local!-!/var/mail/a"), Entry(.fqdnroutes, "a@x.example", "smtp!gw!u%3com@y"),
        Entry(.fqdnroutes, "a@x.example", "smtp!gw!%5"), Entry(.fqdnroutes, "a@x.example", "smtp!gw!%1%2@y.example"),
        Entry(.fqdnroutes, "@x.example", "local!-!%1%2"), Entry(.fqdnroutes, "@x.example", "smtp-lmtp!store!%1"),
        Entry(.fqdnroutes, "@[192.0.2.7]", "smtp!h"), Entry(.fqdnroutes, "u@[192.0.2.7]", "smtp!h"),
        Entry(.fqdnroutes, "\"a b\"@x.example", "smtp-lmtp!store!ab"),
        Entry(.fqdnroutes, "a+news@x.example", "smtp-lmtp!store!a+news%2"),
        Entry(.fqdnroutes, "u%host@x.example", "smtp!h"), Entry(.fqdnroutes, "pavo!u@x.example", "smtp!h"),
        Entry(.fqdnroutes, "bounce=u=y@x.example", "smtp!h"), Entry(.fqdnroutes, "/g=a/s=b/@x.example", "smtp!h"),
        Entry(.fqdnroutes, "é@bücher.example", "smtp-lmtp!store!é"),
        Entry(.fqdnroutes, "postmaster@xn--bcher.example", "smtp!h"),
        Entry(.fqdnaliases, "a@x.example", "b@y.example"), Entry(.fqdnaliases, "a@x.example", "fg1,fg2"),
        Entry(.fqdnaliases, "@x.example", "%1@y.example"), Entry(.fqdnaliases, "@x.example", "catchall"),
        Entry(.fqdnaliases, "a@x.example", "@[smtp]:user@y.example"), Entry(.fqdnaliases, "a@x.example", "bob   "),
        Entry(.aliases, "a", "a@example.org, b@example.org"), Entry(.aliases, "a", "kim lee"),
        Entry(.aliases, "a", "Kim Lee <kim@example.org>"), Entry(.aliases, "a", "kim@example.org (Kim)"),
        Entry(.aliases, "a", "crew: a@example.org, b@example.org;"), Entry(.aliases, "a", "\"|command arg\""),
        Entry(.aliases, "a", "/path"), Entry(.aliases, "a", "/dev/null"), Entry(.aliases, "a", "\\kim, lee"),
        Entry(.aliases, "a", "pavo!u"), Entry(.aliases, "a", "\"J. Random\" <j@x.example>"),
        Entry(.aliases, "a", "J. Random <j@x.example>"),
        Entry(.aliases, "a", "user%host@gate.example"), Entry(.aliases, "a", "u%3com.example@gate.example"),
        Entry(.aliases, "a", "bob#1@x.example"), Entry(.aliases, "a", "|/usr/bin/prog"),
        Entry(.aliases, "\"a b\"", "bob"), Entry(.aliases, "mailer-daemon", "postmaster"),
        Entry(.aliases, "support+", "bob"), Entry(.aliases, "support+urgent", "bob"),
        Entry(.aliases, "owner-list", "bob"),
        Entry(.aliases, "first.last", "bob"), Entry(.aliases, "müller", "bob"),
        Entry(.routesdb, "x.example", "smtp!gw.example.net"), Entry(.routesdb, ".x.example", "smtp!gate2.example!%0"),
        Entry(.routesdb, ".", "smtp!relay"), Entry(.routesdb, ".:recipient", "smtp!relay"),
        Entry(.routesdb, ".:sender", "smtp!relay"), Entry(.routesdb, "x.example:sender", "smtp!relay"),
        Entry(.routesdb, "pavo.uucp", "uucp!pavo"),
        Entry(.routesdb, "x.example", "error!nosuchuser!some explanation text"),
        Entry(.routesdb, "x.example", "delay!300"), Entry(.routesdb, "x.example", "bsmtp3!a!b"),
        Entry(.routesdb, "x.example", "defrt1!host"), Entry(.routesdb, "192.0.2.1", "smtp!gw"),
        Entry(.routesdb, "localhost", "local!"), Entry(.routesdb, "under_score.example", "smtp!gw"),
        Entry(.thishost, "mail.example.net", ""), Entry(.thishost, "intern.example", "mail.example.net"),
        Entry(.thishost, ".campus.example", ""), Entry(.thishost, ".named.example", "mail.example.net"),
        Entry(.thishost, ".pct.example", "x%0"), Entry(.thishost, ".", ""),
        Entry(.thishost, "bücher.example", ""), Entry(.aliases, "\"a%b\"", "b"), Entry(.aliases, "\"a!b\"", "b"),
        Entry(.aliases, "100%", "b"), Entry(.fqdnroutes, "a@x.example", "smtp!gw.example.!a"),
        Entry(.fqdnroutes, "a@x.example", "bitbucket!-!-"), Entry(.fqdnroutes, "a@x.example", "smtp!gw!%1%3"),
        Entry(.aliases, "a", "\"a b@c\"@x.example"), Entry(.aliases, "a", "kim@[IPv6:2001:db8::7]"),
        Entry(.fqdnaliases, "@x.example", "%1@y.example, %1@z.example"), Entry(.aliases, "a", "/g=a/s=b/@x.example"),
        Entry(.aliases, "a", ":include:/etc/lists/a"), Entry(.aliases, "a", "\":include:/etc/lists/a\""),
    ]

    @Test(arguments: counted("entries that are right", right))
    func whatIsRightIsNotFound(entry: Entry) throws {
        #expect(try faults(entry) == [])
    }

    @Test func otherRelationsAreNotJudged() {
        #expect(RelationJudge(relation: "access", flags: RelationFlags()) == nil)
        #expect(RelationJudge(relation: "accounts", flags: RelationFlags()) == nil)
    }

    @Test func flagsDecideWhatIsAskedFor() throws {
        var flags = Self.flags(.aliases)
        flags.folding = .none
        #expect(try faults(Entry(.aliases, "Ann", "bob"), flags) == [])
        // Step A asks in lower case whatever the flags.
        #expect(try faults(Entry(.fqdnroutes, "Ann@x.example", "smtp!h"), flags).map(\.name) == [.keyCase])
        flags.folding = .upper
        #expect(try faults(Entry(.aliases, "ann", "bob"), flags).map(\.name) == [.keyCase])
        flags = Self.flags(.routesdb)
        flags.driver = .longestMatch
        #expect(try faults(Entry(.routesdb, "192.0.2.6/31", "smtp!gw"), flags) == [])
        flags = Self.flags(.fqdnroutes)
        flags.substitutes = false
        #expect(try faults(Entry(.fqdnroutes, "a@x.example", "smtp!h!a%2"), flags).map(\.name) == [.percentWithoutFlag])
        flags.answer = .key
        #expect(try faults(Entry(.fqdnroutes, "a@x.example", "anything"), flags) == [])
    }

    static let messagesOfLists = [
        ("a, fg.dot.", "in 'fg.dot.'"), ("b, c,", "in 'c'"), ("b; c@x.example", "in 'b;'"),
        ("a@x.example b@x.example", "in 'b@x.example'"), ("J. Random j@x.example", "in 'J.'"),
        ("a@x.example., b", "write 'a@x.example'"), ("a, b@x..example", "in 'b@x..example'; write one dot"),
        (".bob@x.example", "in '.bob@x.example'; remove it, or put"), ("a@b (c", "in '(c'; write ')'"),
        ("Kim <kim@x.example", "write '>'"), ("crew: a, b", "write ';'"), ("kim@x.example>", "write '<'"),
        ("./x", "'./x' is neither an address nor a file"), ("../../dev/null", "write /dev/null, without quotes"),
        (":blackhole:", "write /dev/null"), (":fail: gone", "write error!nosuchuser"), (":b: c", "write one colon"),
        ("file:/dev/null", "write /dev/null, without quotes"), (">/dev/null", "write /dev/null, without quotes"),
        ("include:/etc/list", "write :include:/path"), (":Include:/etc/list", "write :include:/path"),
        (":include:\"/etc/list\"", "write :include:/path"), (":include: /etc/list", "write :include:/path"),
        ("\"/dev/null\",", "remove the comma"),
    ]

    @Test(arguments: counted("messages about lists", messagesOfLists))
    func messagesOfListsShowTheWordAndSayWhatToDo(value: String, word: String) throws {
        let text = try #require(try faults(Entry(.aliases, "a", value)).first).text
        #expect(text.contains(word) && text.contains("; "), "\(text)")
    }

    static let remedies: [(entry: Entry, remedy: String)] = [
        (Entry(.fqdnroutes, "a@x.example", "/dev/null"), "write bitbucket!-!-"),
        (Entry(.fqdnroutes, "a@x.example", ":blackhole:"), "write bitbucket!-!-"),
        (Entry(.fqdnroutes, "a@x.example", "\"dev/null\""), "write bitbucket!-!-"),
        (Entry(.routesdb, "x.example", "discard"), "write bitbucket!-!-"),
        (Entry(.aliases, "a", "\"/dev/null\""), "write /dev/null, without quotes"),
        (Entry(.aliases, "a", "dev/null"), "write /dev/null, without quotes"),
        (Entry(.thishost, "[192.0.2.1]", ""), "add '192.0.2.1' to localaddresses"),
        (Entry(.thishost, "[ipv6:2001:db8::1]", ""), "add 'ipv6:2001:db8::1' to localaddresses"),
        (Entry(.aliases, "ann%x.example", "b"), "write 'ann@x.example' in fqdnaliases"),
        (Entry(.aliases, "pavo!ann", "b"), "write 'ann@pavo.uucp' in fqdnaliases"),
        (Entry(.routesdb, "example.org.", "smtp!h"), "at byte 11, in 'example.org.'; domains have no final dot here"),
        (Entry(.routesdb, ".example.org.", "smtp!h"), "write 'example.org'"),
        (Entry(.routesdb, "a..example", "smtp!h"), "at byte 2, in 'a..example'; write one dot"),
        (Entry(.thishost, "example.org.", ""), "write 'example.org'"),
        (Entry(.thishost, "x.example", "example.org."), "write 'example.org'"),
        (Entry(.fqdnroutes, "a@example.org.", "smtp!h"), "write 'a@example.org'"),
        (Entry(.fqdnaliases, "@example.org.", "b"), "write '@example.org'"),
        (Entry(.fqdnroutes, "a@x.example", "ERROR!x"), "write error"),
        (Entry(.fqdnroutes, "a@x.example", "smtp!h!%3"), "'@x.example', with nothing before the @; write %1%3"),
        (Entry(.fqdnroutes, "a@x.example", "smtp!h!a%%2"), "the first stays, and %2 is replaced"),
        (Entry(.fqdnroutes, "a@x.example", "smtp!h!a%%"), "both stay"),
        (Entry(.aliases, "e\u{301}", "b"), "U+0301"), (Entry(.aliases, "\u{C9}", "b"), "'\u{E9}' in its place"),
    ]

    @Test(arguments: counted("messages that name the remedy", remedies))
    func messagesNameTheRemedy(entry: Entry, remedy: String) throws {
        let text = try #require(try faults(entry).first).text
        #expect(text.contains(remedy), "\(text)")
    }

    @Test func warningOfTheKeyHidesNoErrorOfTheValue() throws {
        let found = try faults(Entry(.fqdnroutes, "\"ann\"@x.example", "fg"))
        #expect(found.map(\.name) == [.quotedKey, .valueIsNoRoute])
        let doubled = try faults(Entry(.fqdnroutes, "a@x.example", "smtp!h!%%2"))
        #expect(doubled.map(\.name) == [.doubledPercent, .valueIsNoRoute])
    }

    /// What the quick look passes must be what the judges proper find right.
    @Test func quickLookPassesNothingThatIsWrong() throws {
        let pieces = [
            "a", "-", ".", "@", "!", "%2", "%1", ",", " ", "x.example", "smtp", "local", "error", "B", "+",
            "delay!", "",
        ]
        var tried = 0
        for relation in [RelationName.fqdnaliases, .fqdnroutes, .aliases, .routesdb, .thishost] {
            let isOfDomains = relation == .routesdb || relation == .thishost
            let key = relation == .aliases ? "1" : isOfDomains ? "1.2" : "1@1.2"
            var capitals = Self.flags(relation)
            capitals.folding = .upper
            for first in pieces {
                for second in pieces {
                    for third in pieces {
                        for fourth in ["", "!a", "@x.example"] {
                            let value = first + second + third + fourth
                            let quick = try faults(Entry(relation, key, value))
                            guard quick.isEmpty else { continue }
                            tried += 1
                            // In maps of capitals nothing is looked at quickly.
                            let slow = try faults(Entry(relation, key, value), capitals)
                            #expect(
                                !slow.contains { $0.severity == .error },
                                "\(relation) \(value.debugDescription): \(slow)")
                        }
                    }
                }
            }
        }
        print("values that pass the quick look: \(tried) looked at again")
        #expect(tried > 1000)
    }
}
