// Descriptions: files of ZMailer and of Postfix, and what is wrong with them, by line.

import Configuration
import Foundation
import LDAP
import Maps
import Testing
import ZRouteTestKit

@Suite struct LDAPDescriptionTests {
    /// A fault, as `check` shows it.
    struct Fault: Sendable, CustomTestStringConvertible {
        let lines: String
        /// The line and the name of the finding, and what it says.
        let line: Int?
        let name: String
        let says: String

        init(_ lines: String, _ line: Int?, _ name: String, _ says: String) {
            (self.lines, self.line, self.name, self.says) = (lines, line, name, says)
        }

        var testDescription: String { "\(name): \(says)" }
    }

    private static let zmailer = "base o=X\nuri ldap://h\nfilter (mail=%s)\nattr uid\ncanary c"
    private static let postfix =
        "search_base = o=X\nserver_host = h\nquery_filter = (mail=%s)\nresult_attribute = uid\ncanary = c"

    private static func zmailer(_ old: String, _ new: String) -> String { zmailer.replacing(old, with: new) }

    static let faults = [
        Fault(zmailer + "\nfilte (x=%s)", 6, "unknown-setting", "did you mean 'filter'?"),
        Fault(zmailer + "\nbase o=Y", 6, "repeated-setting", "stands in line 1"),
        Fault("uri ldap://h\nfilter (mail=%s)\nattr uid\ncanary c", nil, "missing-field", "names no search base"),
        Fault("base o=X\nfilter (mail=%s)\nattr uid\ncanary c", nil, "missing-field", "names no server"),
        Fault("base o=X\nuri ldap://h\nattr uid\ncanary c", nil, "missing-field", "has no filter"),
        Fault("base o=X\nuri ldap://h\nfilter (mail=%s)\ncanary c", nil, "missing-field", "names no attribute"),
        Fault(zmailer("\ncanary c", ""), nil, "missing-canary", "names no canary"),
        Fault(zmailer("canary c", "canary"), 5, "invalid-value", "names no key"),
        Fault(zmailer("(mail=%s)", "(mail=x)"), 3, "invalid-value", "does not ask for the key"),
        Fault(zmailer("(mail=%s)", "(mail=%s"), 3, "invalid-value", "lacks a ')'"),
        Fault(zmailer("(mail=%s)", "(mail=%s)(uid=%s)"), 3, "invalid-value", "something follows"),
        Fault(zmailer("(mail=%s)", "(%s=x)"), 3, "invalid-value", "where an attribute does"),
        Fault(zmailer("(mail=%s)", "(&)"), 3, "invalid-value", "lacks a '('"),
        Fault(zmailer("(mail=%s)", "(mail=a\\zz%s)"), 3, "invalid-value", "two hexadecimal digits"),
        Fault(zmailer("(mail=%s)", "(mail=%x)"), 3, "invalid-value", "%x is not carried over"),
        Fault(zmailer("(mail=%s)", "(=%s)"), 3, "invalid-value", "is no attribute"),
        Fault(zmailer("ldap://h", "http://h"), 2, "invalid-value", "is no URI of a directory server"),
        Fault(zmailer + "\nldaphost h", 6, "repeated-setting", "both name servers"),
        Fault(zmailer + "\nldapport 0", 6, "invalid-value", "no number from 1 to 65535"),
        Fault(zmailer + "\nmax_lag 0", 6, "invalid-value", "no number from 1 to 86400"),
        Fault(zmailer + "\nscope all", 6, "invalid-value", "none of base, one and sub"),
        Fault(zmailer + "\nrows many", 6, "invalid-value", "neither 'one'"),
        Fault(zmailer + "\nstart_tls perhaps", 6, "invalid-value", "neither yes nor no"),
        Fault(zmailer("ldap://h", "ldaps://h") + "\nstart_tls yes", 6, "invalid-value", "is for ldap:// alone"),
        Fault(zmailer + "\nbinddn cn=x", 6, "missing-field", "no password"),
        Fault(zmailer + "\npasswd hidden", 6, "missing-field", "no DN to bind as"),
        Fault(zmailer + "\nauthmethod sasl\nsasl_mech GSSAPI", 6, "invalid-value", "only the mechanism EXTERNAL"),
        Fault(zmailer + "\nauthmethod kerberos", 6, "invalid-value", "none of the ways to bind"),
        Fault(zmailer + "\nmarker", 6, "invalid-value", "names no entry"),
        Fault(postfix + "\nserver_hots = x", 6, "unknown-setting", "did you mean 'server_host'?"),
        Fault(postfix + "\nspecial_result_attribute = member", 6, "unknown-setting", "not carried over"),
        Fault(postfix + "\ndomain = x.example", 6, "unknown-setting", "not carried over"),
        Fault(postfix + "\nchase_referrals = 1", 6, "invalid-value", "point to other servers"),
        Fault(postfix.replacing("o=X", with: "ou=%d,o=X"), 1, "invalid-value", "a base made of the key"),
        Fault(postfix + "\nresult_format = %x", 6, "invalid-value", "result_format"),
        Fault(postfix + "\nbind = perhaps", 6, "invalid-value", "none of the ways to bind"),
        Fault(postfix + "\nbase X", 6, "no-assignment", "is no 'name = value'"),
    ]

    @Test(arguments: faults)
    func aFaultIsFoundInItsLine(fault: Fault) throws {
        let place = try LDAPPlace()
        try place.describe(fault.lines)
        let findings = LDAPBackEnd().findings(about: place.definition())
        let match = findings.first { $0.name.description == fault.name && $0.text.contains(fault.says) }
        let finding = try #require(match, "\(findings)")
        #expect(finding.line == fault.line)
        #expect(finding.file == place.directory.file("map.ldap"))
        guard finding.severity == .error else { return }
        // A lookup says it, too.
        let error = try #require(place.tables(["map.ldap"])[0].failure(of: "key"))
        #expect(error.text.contains(fault.says) && !error.text.contains("hidden"), "\(error.text)")
    }

    /// The samples of ZMailer's guide and of Postfix's manual, with what they lack here.
    @Test(arguments: [
        """
        # ZMailer's guide
        base    o=HKUST,c=HK
        ldaphost ldap.example.org
        ldapport 389
        binddn  cn=zmailer,o=HKUST,c=HK
        protocol 2
        passwd  secret
        filter  (&(objectclass=person)(mailAlternateAddress=%s))
        attr    uid
        scope   sub
        canary  postmaster@example.org
        """,
        """
        server_host = ldap.example.com ldaps://other.example.com
        search_base = dc=example, dc=com
        query_filter = (|(mail=%s)(mailAlternateAddress=%u@example.com))
        result_attribute = uid, mail
        result_format = %s@mail.example.com
        bind = yes
        bind_dn = cn=postfix,dc=example,dc=com
        bind_pw = secret
        version = 3
        timeout = 10
        canary = postmaster@example.org
        """,
        "search_base = o=X\nquery_filter = mail=%s\ncanary = c",
        "BASE o=X\nURI ldapi:///\nFilter mail=%s\nAttr uid\nCanary c\n",
    ])
    func aSampleIsTaken(lines: String) throws {
        let place = try LDAPPlace()
        try place.describe(lines)
        #expect(LDAPBackEnd().findings(about: place.definition()) == [])
    }

    @Test(arguments: [0o644, 0o640, 0o604, 0o620])
    func aPasswordIsForItsOwnerAlone(mode: Int) throws {
        let place = try LDAPPlace()
        try place.describe(Self.zmailer + "\nbinddn cn=x\npasswd hidden")
        try FileManager.default.setAttributes(
            [.posixPermissions: mode], ofItemAtPath: place.directory.file("map.ldap"))
        let findings = LDAPBackEnd().findings(about: place.definition())
        #expect(findings.map(\.name.description) == ["readable-secrets"])
        #expect(place.tables(["map.ldap"])[0].failure(of: "k")?.text.contains("chmod 600") == true)
        try place.describe(Self.zmailer)
        #expect(LDAPBackEnd().findings(about: place.definition()) == [])
    }

    @Test func aMissingDescriptionIsAFailure() throws {
        let place = try LDAPPlace()
        let table = place.tables(["map.ldap"])[0]
        #expect(table.failure(of: "k")?.text.contains("correct its path") == true)
        #expect(LDAPBackEnd().findings(about: place.definition()).map(\.name.description) == ["missing-file"])
        #expect(!LDAPBackEnd().listsEntries(of: place.definition()))
    }

    /// A file of Postfix asks as Postfix does.
    @Test func aFileOfPostfixIsAsked() throws {
        let (place, server) = (try LDAPPlace(), try LDAPServer(entries: people))
        let table = try place.table(
            """
            server_host = \(server.uri)
            search_base = \(LDAPServer.suffix)
            query_filter = (mail=%u@x.example)
            result_attribute = mailLocalAddress, uid
            result_format = <%s> for %U
            scope = one
            bind = no
            canary = canary
            """)
        #expect(try table.text(of: "one@y.example") == "<p1> for one,<smtp!host!one> for one")
        #expect(try table.text(of: "nobody@y.example") == nil)
        // The key has nothing before its @, which the filter asks for.
        #expect(try table.text(of: "@x.example") == nil)
    }
}
