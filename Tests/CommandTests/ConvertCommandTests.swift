// `zroute convert`: what is carried over, what is named, and what becomes of the directory.

import Foundation
import Testing
import ZRouteTestKit

@Suite struct ConvertCommandTests {
    /// Lines of main.cf, and what the report has to name.
    struct Named: CustomTestStringConvertible {
        let lines: [String]
        let report: String
        var testDescription: String { lines.joined(separator: "; ") }

        init(_ lines: String..., says report: String) { (self.lines, self.report) = (lines, report) }
    }

    static let named = [
        Named(
            "virtual_alias_maps = regexp:/etc/postfix/re",
            says: "main.cf:9: not carried over: virtual_alias_maps: regexp:/etc/postfix/re: patterns"),
        Named("virtual_alias_maps = pcre:{{/^a/ b}}", says: "not carried over: virtual_alias_maps: pcre:"),
        Named(
            "transport_maps = tcp:[127.0.0.1]:10027",
            says: "main.cf:9: not carried over: transport_maps: tcp:[127.0.0.1]:10027: "),
        Named(
            "virtual_mailbox_maps = pgsql:/etc/postfix/mailboxes.cf",
            says: "virtual_mailbox_maps: pgsql:/etc/postfix/mailboxes.cf: "),
        Named(
            "virtual_mailbox_maps = proxy:ldap:/etc/postfix/l.cf",
            says: "virtual_mailbox_maps: ldap:/etc/postfix/l.cf: "),
        Named("relay_domains = socketmap:unix:/run/x:domains", says: "relay_domains: socketmap:unix:/run/x:domains: "),
        Named(
            "canonical_maps = hash:/etc/postfix/canonical",
            says: "not carried over: canonical_maps: addresses are not rewritten"),
        Named("recipient_bcc_maps = hash:/etc/postfix/bcc", says: "not carried over: recipient_bcc_maps: "),
        Named("luser_relay = other@example.org", says: "not carried over: luser_relay: "),
        Named("recipient_delimiter = +-", says: "not carried over: recipient_delimiter: '-'"),
        Named("recipient_delimiter =", says: "differs: recipient_delimiter: user+extension@domain"),
        Named("virtual_alias_maps = inline:{{a%b@m.example=x@m.example}}", says: "key 'a%b@m.example': "),
        Named(
            "virtual_alias_maps = inline:{{a@m.example=b@m.example}, {b@m.example=a@m.example}}",
            says: "key 'a@m.example': it leads back"),
        Named("virtual_alias_maps = inline:{{a@m.example=|command}}", says: "key 'a@m.example': '|command' is no list"),
        Named("transport_maps = inline:{{m.example=maildrop:}}", says: "transport 'maildrop' is not in master.cf"),
        Named("virtual_transport = virtual", says: "Postfix's virtual(8), which has no counterpart"),
        Named("transport_maps = inline:{{m.example=smtp:gw.example}}", says: "MX records of gw.example"),
        Named("alias_maps = inline:{{prog=|/bin/x}}", says: "key 'prog': '|/bin/x' is a command"),
        Named("alias_maps = inline:{{file=/var/x}}", says: "key 'file': '/var/x' is a file"),
        Named(
            "alias_maps = inline:{{inc=:include:/no/such/list}}",
            says: "key 'inc': /no/such/list, which it includes, does not exist"),
        Named(
            "smtpd_recipient_restrictions = check_recipient_access hash:/etc/postfix/access",
            says: "smtpd_recipient_restrictions: hash:/etc/postfix/access: access tables"),
        Named("virtual_mailbox_domains = static:all", says: "every domain would be in this list"),
        Named("virtual_alias_maps = fail:x", says: "virtual_alias_maps: fail:x: "),
    ]

    private static let basis = """
        compatibility_level = 3.6
        myhostname = mail.example.org
        mydestination = localhost
        recipient_delimiter = +
        virtual_mailbox_domains = m.example
        virtual_transport = lmtp:unix:/run/store
        mailbox_transport = lmtp:unix:/run/store
        relayhost = [relay.example.net]

        """

    private func convert(_ arguments: [String]) throws -> CommandResult {
        try runCommand(Programs.zroute.get(), ["convert"] + arguments)
    }

    @Test(arguments: counted("what a conversion names", named))
    func namesWhatIsNotCarriedOver(_ case: Named) throws {
        let place = try TemporaryDirectory()
        let setsAliases = `case`.lines.contains { $0.hasPrefix("alias_maps") }
        let lines = `case`.lines + (setsAliases ? [] : ["alias_maps ="])
        let main = try place.write(Self.basis + lines.joined(separator: "\n") + "\n", to: "main.cf")
        let result = try convert(["postfix", main, place.file("site")])
        #expect(result.text.contains(`case`.report), "\(result.text)\(result.errorText)")
        #expect(result.status == (result.text.contains(": not carried over: ") ? 1 : 0))
        // The same stands beside the site, which is one.
        #expect(try place.bytes(of: "site/conversion.txt") == result.output)
        let check = try runCommand(Programs.zroute.get(), ["check", "--config", place.file("site/zmailer.conf")])
        #expect(check.status <= 1, "\(check.text)\(check.errorText)")
    }

    @Test func writesWholeSitesOrNone() throws {
        let place = try TemporaryDirectory()
        let main = try place.write(Self.basis + "alias_maps =\n", to: "main.cf")
        // There already, and not empty; a file; a directory in one that does not exist.
        _ = try place.makeDirectory("full")
        try place.write("x", to: "full/x")
        try place.write("x", to: "file")
        for name in counted("places for no site", ["full", "file", "no/such/place"]) {
            let before = try place.names().sorted()
            let result = try convert(["postfix", main, place.file(name)])
            #expect(result.status == 74 || result.status == 66, "\(name): \(result.status) \(result.errorText)")
            #expect(result.errorText.contains(place.file(name)))
            #expect(try place.names().sorted() == before)
        }
        // What cannot be read leaves nothing behind either.
        let broken = try place.write(Self.basis + "virtual_alias_maps = hash:\(place.file("gone"))\n", to: "broken.cf")
        let result = try convert(["postfix", broken, place.file("site")])
        #expect(result.status == 66 && result.errorText.contains(place.file("gone.db")), "\(result.errorText)")
        #expect(!FileManager.default.fileExists(atPath: place.file("site")))
        _ = try place.makeDirectory("empty")
        #expect(try convert(["postfix", main, place.file("empty")]).status == 0)
        #expect(try place.names("empty").contains("zmailer.conf"))
    }

    // MARK: Alias files

    /// An alias file, and where an address goes.
    struct Alias: CustomTestStringConvertible {
        let file: String, address: String, route: String
        var testDescription: String { file }
    }

    static let aliases = [
        Alias(file: "postmaster: root\nroot: ann\n", address: "postmaster", route: "local!postmaster!ann@h.example"),
        Alias(
            file: "Team: ann, bo@b.example\n", address: "team@h.example",
            route: "local!team@h.example!ann@h.example;smtp!b.example!bo@b.example"),
        Alias(file: "team: ann,\n  bo\n", address: "team", route: "local!team!ann@h.example;local!team!bo@h.example"),
        Alias(file: "team: ann\n  bo\n", address: "team", route: "local!team!ann@h.example;local!team!bo@h.example"),
        Alias(
            file: "# c\nteam:\n\n# c\n   ann,\n# c\n\tbo\n", address: "team",
            route: "local!team!ann@h.example;local!team!bo@h.example"),
        Alias(file: "\"team\": \"ann\"\n", address: "team", route: "local!team!ann@h.example"),
        Alias(file: "team : ann\n", address: "team", route: "local!team!ann@h.example"),
        Alias(
            file: "team: Ann Lee <ann@a.example>, (no) bo@b.example (Bo)\n", address: "team",
            route: "smtp!a.example!ann@a.example;smtp!b.example!bo@b.example"),
        Alias(file: "team: ann@H.Example\n", address: "team", route: "local!team!ann@h.example"),
        Alias(file: "ann: \\ann, bo\n", address: "ann", route: "local!ann!ann@h.example;local!ann!bo@h.example"),
        Alias(file: "team: \\ann\nann: bo\n", address: "team", route: "local!team!ann@h.example"),
        Alias(
            file: "gone: :fail: no such user, sorry\n", address: "gone@h.example",
            route: "error!nosuchuser!no such user, sorry!gone@h.example"),
        Alias(file: "gone: :fail:\n", address: "gone@h.example", route: "error!nosuchuser!gone@h.example"),
        Alias(file: "hole: :blackhole:\n", address: "hole", route: "local!file.hole!/dev/null"),
        Alias(file: "later: :defer: tomorrow\n", address: "later@h.example", route: "hold!retry!later@h.example"),
        Alias(file: "ann@b.example: bo@c.example\n", address: "ann@b.example", route: "smtp!c.example!bo@c.example"),
        Alias(file: "@b.example: bo@c.example\n", address: "who@b.example", route: "smtp!c.example!bo@c.example"),
        Alias(file: "team: ann\nteam: bo\n", address: "team", route: "local!team!ann@h.example"),
        Alias(file: "prog: \"|/bin/x a, b\", ann\n", address: "prog", route: "local!prog!ann@h.example"),
        Alias(file: "box: /var/mail/x, ann\n", address: "box", route: "local!box!ann@h.example"),
    ]

    @Test(arguments: counted("alias files that are carried over", aliases))
    func carriesAliasFilesOver(_ case: Alias) throws {
        let place = try TemporaryDirectory()
        let file = try place.write(`case`.file, to: "aliases")
        let result = try convert(["aliases", "--domain", "h.example", file, place.file("site")])
        #expect(result.status == (result.text.contains("not carried over") ? 1 : 0), "\(result.errorText)")
        let config = place.file("site/zmailer.conf")
        let check = try runCommand(Programs.zroute.get(), ["check", "--config", config])
        #expect(check.status <= 1, "\(check.text)")
        let route = try runCommand(
            Programs.zroute.get(), ["route-test", "--format", "tsv", "--config", config, `case`.address])
        #expect(route.text == "\(`case`.address)\t\(`case`.route)\n")
    }

    @Test(
        arguments: [
            ("prog: |/bin/x\n", "aliases:1: not carried over: key 'prog': '|/bin/x' is a command"),
            ("a: ann\n\nbox: /var/mail/x\n", "aliases:3: not carried over: key 'box': '/var/mail/x' is a file"),
            ("*: ann\n", "key '*': names for everybody"),
            ("team: :include:/no/such\n", "key 'team': /no/such, which it includes"),
            ("team: :include:lists/x\n", "names no file by its whole path"),
            ("odd: :what: x\n", "':what:' is not known"),
            ("\"a b\": ann\n", "key 'a b': it is no name or address"),
            ("nothing\n", "aliases:1: not carried over: no 'name: value'"),
            ("team: ann\nteam: bo\n", "aliases:2: remark: key 'team': the entry of"),
            ("none: ,\n", "key 'none': it names nobody"),
            ("team: \"a b\"@c.example, ann\n", "'a b@c.example' would need quotes"),
        ])
    func namesWhatAliasFilesHaveMore(text: String, report: String) throws {
        let place = try TemporaryDirectory()
        let file = try place.write(text, to: "aliases")
        let result = try convert(["aliases", "--domain", "h.example", file, place.file("site")])
        #expect(result.text.contains(report), "\(result.text)\(result.errorText)")
    }
}
