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

    /// Entries of one key with several values.
    private static func entries(
        _ relation: RelationName, key: String, _ name: Finding.Name?, _ values: String...
    ) -> [Entry] {
        values.map { Entry(relation, key, $0, name) }
    }

    /// Entries of several keys with one value.
    private static func entries(
        _ relation: RelationName, value: String, _ name: Finding.Name?, _ keys: String...
    ) -> [Entry] {
        keys.map { Entry(relation, $0, value, name) }
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

    static let wrong = [
        // Habits of other mailers.
        entries(
            .fqdnroutes, key: "a@x.example", .valueIsNoRoute, "smtp!gw:25", "smtp![gw.example]:25", "smtp![300.0.0.1]",
            "smtp![10.0.0.1", "Error!nosuchuser", "SMTP-LMTP!store!a", "smtp-lmtp!store!a@",
            "smtp-lmtp!store!@x.example", "smtp-lmtp!store!a@b@c", "smtp-lmtp!store!a@b..c"),
        entries(.routesdb, key: "x.example", .valueIsNoRoute, "smtp!gw,smtp!gw2", "smtp!http://gw/"),
        entries(
            .fqdnroutes, key: "@x.example", .valueIsNoRoute, "smtp-lmtp!store!*", "smtp-lmtp!store!$1",
            "smtp-lmtp!store!%u", "smtp-lmtp!store!%{user}", "smtp-lmtp!store!\\1"),
        entries(
            .aliases, key: "a", .valueIsNoList, "!bob", "bob!", "'bob@x.example'", "'bob'", "`bob`",
            "\u{201C}bob\u{201D}", "|/bin/x -a b", "bob /* x */", "bob | kim", "bob & kim", "kim@[192.0.2.300]",
            "kim@[192.0.2]", "./x", "../x", "\"\"", "b, \"\"", ":include:lists/a", "\":include:./a\"", "-"),
        entries(.fqdnaliases, key: "@x.example", .valueIsNoList, "*@y.example", "$1@y.example"),
        entries(
            .fqdnroutes, value: "smtp-lmtp!store!a", .keyNeverAsked, "'a@x.example'", "a@x.example$", "^a@x.example$"),
        // Values that are no route.
        entries(
            .fqdnroutes, key: "a@x.example", .valueIsNoRoute, "/dev/null", "\"/dev/null\"", "dev/null", "/dev/null!-",
            "bitbucket", "DISCARD", "ERROR!nosuchuser", "SMTP-x!h!a", "smtp!h!%3", "smtp!h..example", "smtp!.h!a",
            "fg56778", "error:x", "error:nouser User unknown", "error:5.7.0:550 go away!", ":blackhole:",
            ":fail: no such user!", "smtp-lmtp:store:kim", "bob@y.example", "smtp-lmtp!!bob", "!x", "smtp-lmtp!store!",
            "smtp-lmtp!store!%2", "\"smtp\"!store!a", "smtp-lmtp!store!ann,bob", "smtp-lmtp!store!\"odd",
            "smtp-lmtp!store!<ann>"),
        entries(
            .routesdb, key: "x.example", .valueIsNoRoute, "ERROR!nosuchuser", "smtp:[gw.example.net]:25",
            "gw.example.net", "delay!soon"),
        entries(.fqdnroutes, key: "@x.example", .valueIsNoRoute, "smtp!h!%3", "smtp!h!%2%3"),
        entries(.fqdnroutes, key: "u@[ipv6:2001:db8::1]", .noValue, ""),
        // Blanks and comments.
        entries(
            .fqdnroutes, key: "a@x.example", .trailingBlank, "smtp-lmtp ! node", "smtp-lmtp!store!ann%2   ",
            "smtp-lmtp!store\t", "error!nosuchuser "),
        entries(.routesdb, key: "x.example", .trailingBlank, "error!nosuchuser\t", "error!nosuchhost  "),
        entries(.routesdb, key: "x.example", .remarkInValue, "error!nosuchuser # closed", "error!nosuchuser\t#closed"),
        entries(
            .fqdnroutes, key: "a@x.example", .remarkInValue, "smtp-lmtp!store!lee # our lee",
            "smtp-lmtp!store # our store", "error!nosuchuser # closed"),
        entries(.fqdnroutes, key: "a@x.example", .blankInRoute, "smtp-lmtp!store!ann lee", "smtp-lmtp! store"),
        entries(.fqdnroutes, key: "a@x.example", .invisibleCharacter, "smtp-lmtp!store!a\u{A0}b"),
        entries(.thishost, key: "x.example", .remarkInValue, "# closed"),
        entries(.thishost, key: "x.example", .valueIsNoDomain, "y.example z.example", "u@y.example"),
        entries(.thishost, key: "x.example", .trailingBlank, "y.example "),
        entries(.aliases, key: "a", .remarkInValue, "bob # on leave", "# on leave"),
        // Lists.
        entries(
            .aliases, key: "a", .valueIsNoList, "b@x.example, \\c", "b, c,", "b@x.example\"", ":blackhole:",
            ":fail: gone", "b; c", "b@x.example c@x.example", "fg.dot.", "\"b"),
        entries(.fqdnaliases, key: "a@x.example", .valueIsNoList, "b@x.example;"),
        entries(.fqdnaliases, key: "a@x.example", .invisibleCharacter, "b@x.example, \u{A0}c@x.example"),
        // No value, or something else than a blank before it.
        entries(.aliases, key: "a", .noValue, ""),
        entries(.fqdnaliases, key: "a@x.example", .noValue, ""),
        entries(.fqdnroutes, key: "a@x.example", .noValue, ""),
        entries(.routesdb, key: "x.example", .noValue, ""),
        entries(
            .fqdnroutes, value: "", .separator, "a@x.example:smtp-lmtp!store!a%2", "a@x.example=smtp-lmtp!store!a%2",
            "a@x.example,smtp-lmtp!store!a"),
        entries(.routesdb, key: "x.example:smtp!gw", .separator, ""),
        entries(.thishost, key: "x.example:y.example", .separator, ""),
        entries(
            .fqdnroutes, key: "a@x.example", .separator, "= smtp-lmtp!store", "=> smtp-lmtp!store",
            "-> smtp-lmtp!store", ": smtp-lmtp!store"),
        entries(.fqdnaliases, key: "a@x.example", .separator, "-> "),
        entries(.aliases, key: "a", .separator, "= b"),
        // %N.
        entries(.aliases, key: "a", .percentWithoutFlag, "%1@y.example", "b%2@y.example"),
        entries(.fqdnaliases, key: "a@x.example", .argumentNeverGiven, "b%2@y.example"),
        entries(.routesdb, key: ".x.example", .argumentNeverGiven, "smtp!gw!%1@y.example"),
        entries(.fqdnroutes, key: "a@x.example", .argumentNeverGiven, "smtp-lmtp!store!a%6"),
        entries(.fqdnroutes, key: "a@x.example", .tailTwice, "smtp-lmtp!store!a%2%2"),
        // Keys.
        entries(.fqdnaliases, key: "ann", .keyNeverAsked, "b@x.example"),
        entries(
            .fqdnroutes, value: "smtp!h", .keyNeverAsked, "x.example", "a@x.example.", ".@x.example", "@",
            "<a@x.example>"),
        entries(.fqdnroutes, key: "\"odd", .keyNeverAsked, "user\"@x.example smtp!h!odd"),
        entries(.aliases, value: "b@x.example", .keyNeverAsked, "ann@x.example", "real-ann", "", "/a/b"),
        entries(
            .routesdb, value: "smtp!gw", .keyNeverAsked, "@x.example", "x..example", "x.example.", "[192.0.2.1]",
            ".:other"),
        entries(.thishost, key: "u@x.example", .keyNeverAsked, ""),
        entries(.fqdnroutes, value: "smtp!h", .keyCase, "Ann@x.example", "a@BÜCHER.example", "a@bÜcher.example"),
        entries(.aliases, key: "ANN", .keyCase, "b@x.example"),
        entries(.routesdb, key: "X.example", .keyCase, "smtp!h"),
        entries(.thishost, key: "École.example", .keyCase, ""),
        entries(.fqdnroutes, value: "smtp!h", .patternKey, "*@x.example", "a@*.x.example"),
        entries(.fqdnaliases, key: "a+*@x.example", .patternKey, "b"),
        entries(.aliases, value: "b", .patternKey, "bounce+*", "*"),
        entries(.routesdb, key: "*.x.example", .patternKey, "smtp!h"),
        entries(.thishost, key: "*", .patternKey, ""),
    ].flatMap(\.self)

    @Test(arguments: counted("entries that nobody can have meant", wrong))
    func whatNobodyCanHaveMeantIsAnError(entry: Entry) throws {
        let found = try faults(entry)
        #expect(found.contains { $0.name == entry.name && $0.severity == .error }, "\(found)")
        #expect(found.allSatisfy { $0.text.count > 20 && Finding.Name.ofEntries.contains($0.name) }, "\(found)")
    }

    /// What resolves, but probably not to what was meant.
    static let doubtful = [
        entries(.fqdnroutes, key: "a@x.example", .ignoredValue, "ignore!", "ERROR gone"),
        entries(.routesdb, key: "x.example", .ignoredValue, "ignore!x!y", "ERROR"),
        entries(.routesdb, key: "x.example", .routedAnew, "smtp!!user"),
        entries(.routesdb, key: ".:error", .keyNeverAsked, "smtp!gw"),
        entries(.fqdnroutes, value: "smtp!gw", .keyNeverAsked, ".", ".:recipient"),
        entries(.fqdnroutes, key: "\"ann\"@x.example", .quotedKey, "smtp!h!ann"),
        entries(.aliases, key: "\"ann\"", .quotedKey, "bob"),
        entries(.aliases, key: "a", .routeInList, "smtp!host!user"),
        entries(.fqdnaliases, key: "a@x.example", .routeInList, "b, error!nosuchuser"),
        // Users that look like files.
        entries(
            .aliases, key: "a", .pathAsName, "\"/dev/null\"", "dev/null", "~/mail", "~bob/mail", "$HOME/mail",
            "b, mail/box", "\"./x\"", "\"/var/mail/a b\"", "/DEV/NULL", "/dev/nul", "//dev/null", "/dev/null/"),
        entries(.fqdnaliases, key: "a@x.example", .pathAsName, "b@x.example, \"/dev/null\""),
        entries(.aliases, key: "a", .quotedAddress, "\"bob@x.example\""),
        entries(.fqdnaliases, key: "a@x.example", .quotedAddress, "b, \"bob@x.example\""),
        // Addresses in brackets are a matter of localaddresses.
        entries(.thishost, key: "[192.0.2.1]", .keyNeverAsked, "", "x.example"),
        entries(.thishost, key: "[ipv6:2001:db8::1]", .keyNeverAsked, ""),
        // Names that are routed before aliases are asked.
        entries(.aliases, value: "b", .keyNeverAsked, "ann%x", "ann%x.example", "a!b", "a.example!b!c", "node::u"),
        // Letters outside of ASCII.
        entries(.aliases, value: "b", .decomposedKey, "e\u{301}ric", "mu\u{308}ller"),
        entries(.fqdnroutes, key: "e\u{301}@x.example", .decomposedKey, "smtp!h"),
        entries(.fqdnaliases, key: "a@bu\u{308}cher.example", .decomposedKey, "b"),
        entries(.routesdb, key: "bu\u{308}cher.example", .decomposedKey, "smtp!h"),
        entries(.thishost, key: "bu\u{308}cher.example", .decomposedKey, ""),
        entries(.aliases, key: "\u{C9}ric", .keyCase, "b"),
        entries(.fqdnroutes, key: "\u{C9}@x.example", .keyCase, "smtp!h"),
        entries(.fqdnaliases, key: "\u{416}@x.example", .keyCase, "b"),
        // No escape.
        entries(.fqdnroutes, key: "a@x.example", .doubledPercent, "smtp!h!ann%%2", "smtp!h!100%%"),
        entries(.fqdnaliases, key: "@x.example", .doubledPercent, "%%1@y.example"),
    ].flatMap(\.self)

    @Test(arguments: counted("entries that are doubtful", doubtful))
    func whatZMailerHasAUseForIsAWarning(entry: Entry) throws {
        let found = try faults(entry)
        #expect(found.map(\.name) == [entry.name])
        #expect(found.allSatisfy { $0.severity == .warning })
    }

    /// The forms of docs/semantics.md and of ZMailer's own examples.
    static let right = [
        entries(
            .fqdnroutes, key: "a@x.example", nil, "smtp!-!a", "smtp!gw!kim%far@y.example", "smtp![10.0.0.1]!a",
            "smtp-lmtp!node_1!a", "smtp!gw!\"a@b@c\"@y.example", "smtp!gw!@r.example:u@y.example", "smtp-lmtp!store1",
            "smtp-lmtp!store1!a%2", "smtp-lmtp!store1!a%2@virtual.example", "chan!host!h!a!b", "error!nosuchuser",
            "error!nosuchuser!the mailbox is closed # really ", "error!!text", "error!", "smtp!", "smtp-x!",
            "smtpgw-x!", "dns!", "local!", "lotusgw!a!gate", "bsmtp3!a!b", "defrt1!host", "delay!300",
            "smtp![192.0.2.1]", "smtp![IPv6:2001:db8::7]!a%2", "smtp-lmtp!store!\"odd user\"@x.example",
            "local!-!|/usr/bin/prog arg", "local!-!/var/mail/a", "smtp!gw!u%3com@y", "smtp!gw!%5",
            "smtp!gw!%1%2@y.example", "smtp!gw.example.!a", "bitbucket!-!-", "smtp!gw!%1%3"),
        entries(
            .aliases, key: "a", nil, "o'neill@x.example", "kim%far.example@x.example", "\"|/bin/x -a b\"", "|/bin/x",
            "/dev/null", "u@[192.0.2.1]", "x, y", "a@example.org, b@example.org", "kim lee",
            "Kim Lee <kim@example.org>", "kim@example.org (Kim)", "crew: a@example.org, b@example.org;",
            "\"|command arg\"", "/path", "/dev/null", "\\kim, lee", "pavo!u", "\"J. Random\" <j@x.example>",
            "J. Random <j@x.example>", "user%host@gate.example", "u%3com.example@gate.example", "bob#1@x.example",
            "|/usr/bin/prog", "\"a b@c\"@x.example", "kim@[IPv6:2001:db8::7]", "/g=a/s=b/@x.example",
            ":include:/etc/lists/a", "\":include:/etc/lists/a\""),
        entries(.fqdnroutes, key: "@x.example", nil, "local!-!%1%2", "smtp-lmtp!store!%1"),
        entries(
            .fqdnroutes, value: "smtp!h", nil, "@[192.0.2.7]", "u@[192.0.2.7]", "u%host@x.example", "pavo!u@x.example",
            "bounce=u=y@x.example", "/g=a/s=b/@x.example", "postmaster@xn--bcher.example"),
        entries(.fqdnroutes, key: "\"a b\"@x.example", nil, "smtp-lmtp!store!ab"),
        entries(.fqdnroutes, key: "a+news@x.example", nil, "smtp-lmtp!store!a+news%2"),
        entries(.fqdnroutes, key: "é@bücher.example", nil, "smtp-lmtp!store!é"),
        entries(.fqdnaliases, key: "a@x.example", nil, "b@y.example", "fg1,fg2", "@[smtp]:user@y.example", "bob   "),
        entries(.fqdnaliases, key: "@x.example", nil, "%1@y.example", "catchall", "%1@y.example, %1@z.example"),
        entries(
            .aliases, value: "bob", nil, "\"a b\"", "support+", "support+urgent", "owner-list", "first.last", "müller"),
        entries(.aliases, key: "mailer-daemon", nil, "postmaster"),
        entries(
            .routesdb, key: "x.example", nil, "smtp!gw.example.net", "error!nosuchuser!some explanation text",
            "delay!300", "bsmtp3!a!b", "defrt1!host"),
        entries(.routesdb, key: ".x.example", nil, "smtp!gate2.example!%0"),
        entries(.routesdb, value: "smtp!relay", nil, ".", ".:recipient", ".:sender", "x.example:sender"),
        entries(.routesdb, key: "pavo.uucp", nil, "uucp!pavo"),
        entries(.routesdb, value: "smtp!gw", nil, "192.0.2.1", "under_score.example"),
        entries(.routesdb, key: "localhost", nil, "local!"),
        entries(.thishost, value: "", nil, "mail.example.net", ".campus.example", ".", "bücher.example"),
        entries(.thishost, value: "mail.example.net", nil, "intern.example", ".named.example"),
        entries(.thishost, key: ".pct.example", nil, "x%0"),
        entries(.aliases, value: "b", nil, "\"a%b\"", "\"a!b\"", "100%"),
    ].flatMap(\.self)

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
