// The recipes of the documentation, as they stand there, over databases with the tables of postfixadmin and Dovecot.

import Foundation
import Testing
import ZRouteTestKit

@Suite struct RecipeTests {
    /// A kind of database with its page of recipes.
    enum Kind: String, CaseIterable {
        case postgresql, sqlite

        /// What a truth value of postfixadmin is here.
        var isTrue: String { self == .postgresql ? "true" : "1" }
        var isFalse: String { self == .postgresql ? "false" : "0" }
    }

    /// A site over a database; it keeps what the database needs.
    private struct Place {
        let site: TestSite
        let database: PostgreSQLPlace?
    }

    /// Reads the recipes of a page: blocks whose first line is `# NAME.cf: ...`.
    private func recipes(_ kind: Kind) throws -> [String: String] {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let page = try String(contentsOf: root.appendingPathComponent("docs/\(kind.rawValue).md"), encoding: .utf8)
        var recipes: [String: String] = [:]
        for block in page.components(separatedBy: "\n```\n") where block.hasPrefix("# ") {
            guard let name = block.dropFirst(2).split(separator: ":").first, name.hasSuffix(".cf") else { continue }
            recipes[String(name)] = block + "\n"
        }
        return recipes
    }

    private func place(_ kind: Kind, tables: String, dbases: String) throws -> Place {
        let type = kind == .postgresql ? "pgsql" : "sqlite"
        let lines = dbases.replacing("TYPE", with: type)
        let site = try TestSite([
            "zmailer.conf": "MAILVAR=@SITE@\nhostname=here.example\nlookuptimeout=60\n",
            "dbases.conf": lines,
        ])
        let sql = tables.replacing("TRUE", with: kind.isTrue).replacing("FALSE", with: kind.isFalse)
            .replacing("BOOLEAN", with: kind == .postgresql ? "boolean" : "integer")
        let database: PostgreSQLPlace?
        let connection: String
        switch kind {
        case .postgresql:
            let place = try PostgreSQLPlace()
            try place.run(sql)
            connection = "conninfo = \(place.conninfo)"
            database = place
        case .sqlite:
            try runCommandSuccessfully("/usr/bin/sqlite3", [site.place.file("mail.db"), sql])
            connection = "dbname = \(site.place.file("mail.db"))"
            database = nil
        }
        for (name, text) in try recipes(kind) {
            let own = text.split(separator: "\n").map {
                $0.hasPrefix("conninfo =") || $0.hasPrefix("dbname =") ? connection : String($0)
            }
            try site.write(own.joined(separator: "\n") + "\n", to: "db/\(name)")
        }
        return Place(site: site, database: database)
    }

    /// Where each address goes.
    static let postfixadmin: [(address: String, routes: String)] = [
        // A mailbox, and the alias to itself that it has.
        ("a@example.org", "smtp-lmtp!store!a@example.org"),
        ("A@Example.org", "smtp-lmtp!store!a@example.org"),
        // An alias of two, and one that keeps a copy.
        ("info@example.org", "smtp-lmtp!store!a@example.org;smtp-lmtp!store!b@example.org"),
        ("copy@example.org", "smtp-lmtp!store!copy@example.org;smtp!out.example!c@out.example"),
        // An alias domain: its mailboxes, aliases and catch-all are those of the other.
        ("a@alias.example", "smtp-lmtp!store!a@example.org"),
        ("info@alias.example", "smtp-lmtp!store!a@example.org;smtp-lmtp!store!b@example.org"),
        ("only@alias.example", "smtp-lmtp!store!b@example.org"),
        ("any@catch.example", "smtp-lmtp!store!a@example.org"),
        ("any@caught.example", "smtp-lmtp!store!a@example.org"),
        // A mailbox without an alias.
        ("bare@example.org", "smtp-lmtp!store!bare@example.org"),
        ("bare@alias.example", "smtp-lmtp!store!bare@example.org"),
        // What is not active is not there.
        ("off@example.org", "error!nosuchuser!off@example.org"),
        ("a@offalias.example", "smtp!offalias.example!a@offalias.example"),
        ("x@off.example", "smtp!off.example!x@off.example"),
        ("nobody@example.org", "error!nosuchuser!nobody@example.org"),
        ("nobody@alias.example", "error!nosuchuser!nobody@alias.example"),
        ("o'clock@example.org", "error!nosuchuser!o'clock@example.org"),
        // A domain that is kept for others.
        ("x@backup.example", "smtp!backup.example!x@backup.example"),
        ("x@foreign.example", "smtp!foreign.example!x@foreign.example"),
    ]

    @Test(arguments: Kind.allCases) func postfixadmin(kind: Kind) throws {
        let place = try place(
            kind,
            tables: """
                CREATE TABLE domain (domain varchar(255) PRIMARY KEY, backupmx BOOLEAN, active BOOLEAN);
                CREATE TABLE alias (address varchar(255) PRIMARY KEY, goto text, domain varchar(255), active BOOLEAN);
                CREATE TABLE mailbox (username varchar(255) PRIMARY KEY, maildir varchar(255), domain varchar(255),
                    active BOOLEAN);
                CREATE TABLE alias_domain (alias_domain varchar(255) PRIMARY KEY, target_domain varchar(255),
                    active BOOLEAN);
                INSERT INTO domain VALUES ('example.org', FALSE, TRUE), ('catch.example', FALSE, TRUE),
                    ('off.example', FALSE, FALSE), ('backup.example', TRUE, TRUE);
                INSERT INTO alias VALUES
                    ('a@example.org', 'a@example.org', 'example.org', TRUE),
                    ('b@example.org', 'b@example.org', 'example.org', TRUE),
                    ('copy@example.org', 'copy@example.org,c@out.example', 'example.org', TRUE),
                    ('info@example.org', 'a@example.org,b@example.org', 'example.org', TRUE),
                    ('postmaster@example.org', 'postmaster@example.org', 'example.org', TRUE),
                    ('off@example.org', 'a@example.org', 'example.org', FALSE),
                    ('only@alias.example', 'b@example.org', 'alias.example', TRUE),
                    ('@catch.example', 'a@example.org', 'catch.example', TRUE);
                INSERT INTO mailbox VALUES
                    ('a@example.org', 'example.org/a/', 'example.org', TRUE),
                    ('b@example.org', 'example.org/b/', 'example.org', TRUE),
                    ('bare@example.org', 'example.org/bare/', 'example.org', TRUE),
                    ('copy@example.org', 'example.org/copy/', 'example.org', TRUE),
                    ('off@example.org', 'example.org/off/', 'example.org', FALSE),
                    ('postmaster@example.org', 'example.org/postmaster/', 'example.org', TRUE);
                INSERT INTO alias_domain VALUES ('alias.example', 'example.org', TRUE),
                    ('caught.example', 'catch.example', TRUE), ('offalias.example', 'example.org', FALSE);
                """,
            dbases: """
                fqdnaliases TYPE - - @SITE@/db/alias.cf -l
                fqdnroutes TYPE - - @SITE@/db/mailbox.cf -l
                routesdb TYPE - - @SITE@/db/domain.cf -l
                aliases NONE - - - -
                thishost NONE - - - -

                """)
        let addresses = Self.postfixadmin.map { $0.address + "\n" }.joined()
        let answer = try place.site.run(["route-test", "--format", "tsv", "-"], input: Array(addresses.utf8))
        let lines = answer.text.split(separator: "\n").map { $0.split(separator: "\t").map(String.init) }
        #expect(lines.count == Self.postfixadmin.count, "\(answer.text)\(answer.errorText)")
        for (line, expected) in zip(lines, Self.postfixadmin) {
            #expect(line.dropFirst().first == expected.routes, "\(line) \(answer.errorText)")
        }
        // What `check` finds about the maps themselves is nothing.
        let check = try place.site.run(["check"])
        for word in ["alias.cf", "mailbox.cf", "domain.cf", "does not answer", "unreadable-map"] {
            #expect(!check.text.contains(word), "\(check.text)\(check.errorText)")
        }
    }

    @Test(arguments: Kind.allCases) func dovecot(kind: Kind) throws {
        let place = try place(
            kind,
            tables: """
                CREATE TABLE users (username varchar(128) NOT NULL, domain varchar(128) NOT NULL, password varchar(64) NOT NULL,
                    home varchar(255) NOT NULL, uid integer NOT NULL, gid integer NOT NULL, active char(1) DEFAULT 'Y' NOT NULL);
                INSERT INTO users VALUES ('a', 'example.org', 'x', '/home/a', 1, 1, 'Y'),
                    ('off', 'example.org', 'x', '/home/off', 2, 2, 'N'),
                    ('postmaster', 'example.org', 'x', '/home/p', 3, 3, 'Y');
                """,
            dbases: """
                fqdnroutes TYPE - - @SITE@/db/users.cf -l
                fqdnaliases NONE - - - -
                routesdb NONE - - - -
                aliases NONE - - - -
                thishost NONE - - - -

                """)
        let answer = try place.site.run(
            ["route-test", "--format", "tsv", "a@example.org", "off@example.org", "a@other.example"])
        let routes = answer.text.split(separator: "\n").compactMap { $0.split(separator: "\t").last.map(String.init) }
        #expect(
            routes == [
                "smtp-lmtp!store!a@example.org", "smtp!example.org!off@example.org",
                "smtp!other.example!a@other.example",
            ], "\(answer.text)\(answer.errorText)")
    }
}
