// Lists of addresses as alias values hold them.

import Bytes
import MailSyntax
import Testing

@Suite struct AddressListTests {
    static let lists: [(value: String, members: [String])] = [
        ("one@remote.example", ["one@remote.example"]),
        ("a@x.example, b@x.example", ["a@x.example", "b@x.example"]),
        ("a@x.example,b@x.example,a@x.example", ["a@x.example", "b@x.example", "a@x.example"]),
        ("fg1,fg2", ["fg1", "fg2"]),
        ("u1 u2", ["u1", "u2"]),
        ("fg1\tfg2", ["fg1", "fg2"]),
        ("fg1 # trailing comment", ["fg1", "#", "trailing", "comment"]),
        (#"u1, r@x.example, "quoted user"@x.example"#, ["u1", "r@x.example", #""quoted user"@x.example"#]),
        (#""Full Name" <fn@x.example>"#, ["fn@x.example"]),
        ("Full Name <fn@x.example>", ["fn@x.example"]),
        ("J. R. Name <fn@x.example>", ["fn@x.example"]),
        ("fn@x.example (Comment)", ["fn@x.example"]),
        ("(c) fn@x.example", ["fn@x.example"]),
        ("<ang@x.example>", ["ang@x.example"]),
        ("group: a@x.example, b@x.example;", ["a@x.example", "b@x.example"]),
        ("group:;, a", ["a"]),
        ("a, group:;", ["a"]),
        ("group: a@x.example,, b@x.example;", ["a@x.example", "b@x.example"]),
        ("a@x.example,, b@y.example", ["a@x.example", "b@y.example"]),
        (", a@x.example", ["a@x.example"]),
        ("a@x.example, , b@y.example", ["a@x.example", "b@y.example"]),
        ("(c), a@x.example", ["a@x.example"]),
        (",,,a", ["a"]),
        ("node::u", ["node::u"]),
        ("a, node::u, b", ["a", "node::u", "b"]),
        ("[192.0.2.1]", ["[192.0.2.1]"]),
        ("a,[IPv6:2001:db8::1] , b@[192.0.2.1]", ["a", "[IPv6:2001:db8::1]", "b@[192.0.2.1]"]),
        (#"\bob"#, ["bob"]),
        (#"alice,\bob"#, ["alice", "bob"]),
        (#""|/bin/prog a, b""#, [#""|/bin/prog a, b""#]),
        ("|/bin/prog", ["|/bin/prog"]),
        ("/var/file", ["/var/file"]),
        (#"":include:/etc/list""#, [#"":include:/etc/list""#]),
        ("smtp!host!user", ["smtp!host!user"]),
        ("user%host@x.example", ["user%host@x.example"]),
        ("@r1.example:u@r2.example", ["@r1.example:u@r2.example"]),
        ("@[smtp-lmtp]:u@node.example", ["@[smtp-lmtp]:u@node.example"]),
        ("u@[192.0.2.9]", ["u@[192.0.2.9]"]),
        ("fg.dot", ["fg.dot"]),
        ("bob+tail", ["bob+tail"]),
        ("pelé@x.example", ["pelé@x.example"]),
    ]

    @Test(arguments: lists)
    func haveTheirMembersInOrder(value: String, members: [String]) throws {
        let found = try AddressList.members(of: Array(value.utf8).span)
        #expect(found.map { String(decoding: $0, as: Unicode.UTF8.self) } == members)
    }

    static let faults = [
        "", "   ", ",", ",,", ", ,", ",,a@x.example,,", "a@x.example,", "a,,", "(c),", "# comment", "group:;",
        "a@x.example b@x.example", "a b@x.example", #"\\bob"#, #"alice, \alice"#, ":include:/etc/list",
        #"a"b@x.example"#, "fg1;fg2", "fg.dot.", ".fg", "fg..dot", "x:y@z", "fg@x.example.", "%1@x.example",
        "group: a@x.example", "a@b@c", "<>", "<a@b", "a@", "@", "a)b", "a\r", "a::", "::u", "a b::u",
        "node::u@x.example",
        "[192.0.2.1", "a [192.0.2.1] b", ":include:", ":includes:/f",
    ]

    @Test(arguments: faults)
    func areVoidAsAWholeForOneFault(value: String) {
        #expect(throws: AddressError.self) { try AddressList.members(of: Array(value.utf8).span) }
    }

    @Test(arguments: [
        (":include:/l/a", [":include:/l/a"]), ("a, :include:/l/b ,c", ["a", ":include:/l/b", "c"]),
        (#"":include:/l/a, b""#, [":include:/l/a, b"]), (#"a,":include:/l/q\"q""#, ["a", #":include:/l/q"q"#]),
        (#""include:/l/a""#, [#""include:/l/a""#]),
        (#"":include:/l/a"@x.example"#, [#"":include:/l/a"@x.example"#]),
        ("group: :include:/l/a;", [":include:/l/a"]),
    ])
    func ofAMapNameFilesToIncludeInQuotesOrNot(value: String, members: [String]) throws {
        let found = try AddressList.members(of: Array(value.utf8).span, includes: true)
        #expect(found.map { String(decoding: $0, as: Unicode.UTF8.self) } == members)
    }

    @Test(arguments: [("a, b", 2, true), ("a, b, c", 2, false), ("a b c # d", 3, false), ("a,b,c,\"", 2, false)])
    func areReadAsFarAsTheirLimit(value: String, limit: Int, isTaken: Bool) {
        do throws(AddressError) {
            let found = try AddressList.members(of: Array(value.utf8).span, atMost: limit)
            #expect(isTaken && found.count == limit)
        } catch {
            #expect(!isTaken && error.reason == .tooManyMembers(limit))
        }
    }

    @Test func withBytesThatAreNoUTF8AreVoid() {
        #expect(throws: AddressError.self) { try AddressList.members(of: ([0xE9] + Array("@x.example".utf8)).span) }
    }
}
