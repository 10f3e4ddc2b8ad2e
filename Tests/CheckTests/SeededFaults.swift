// One mistake of each kind, with the finding that it is to be: its file, its line, how much it matters, its name.

import Configuration
import Foundation
import Glibc
import Testing
import ZRouteTestKit

/// A kind of mistake.
struct SeededFault: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let change: @Sendable (inout SeededSite) -> ExpectedFinding

    init(_ description: String, _ change: @escaping @Sendable (inout SeededSite) -> ExpectedFinding) {
        testDescription = description
        self.change = change
    }

    /// A line that is put into a file.
    static func line(
        _ name: String, _ severity: Finding.Severity, _ line: String, into file: String, notBefore first: Int = 0,
        _ remark: String = ""
    ) -> SeededFault {
        SeededFault("\(name)\(remark.isEmpty ? "" : ", \(remark)") in \(file)") { site in
            ExpectedFinding(
                file: file, line: site.insert(line, into: file, notBefore: first), severity: severity, name: name)
        }
    }

    /// A line that is changed.
    static func change(
        _ name: String, _ severity: Finding.Severity, of file: String, where fits: @escaping @Sendable (String) -> Bool,
        to change: @escaping @Sendable (String) -> String, _ remark: String = ""
    ) -> SeededFault {
        SeededFault("\(name)\(remark.isEmpty ? "" : ", \(remark)") in \(file)") { site in
            ExpectedFinding(
                file: file, line: site.change(file, where: fits, change), severity: severity, name: name)
        }
    }

    /// The name of the finding.
    var name: String { testDescription.split(whereSeparator: { ", ".contains($0) }).first.map(String.init) ?? "" }

    private static func isEntry(_ line: String) -> Bool { !line.hasPrefix("#") }

    static let ofLines: [SeededFault] = [
        .line("unreadable-line", .error, "ann user1@d2.example", into: "aliases-local"),
        .line("nul-byte", .error, "n\0ul: user1@d2.example", into: "aliases-local"),
        .change("carriage-return", .error, of: "fqdnroutes", where: isEntry, to: { $0 + "\r" }),
        .line("line-separator", .error, "ann@d1.example smtp-lmtp!node1!a\u{2028}nn", into: "fqdnroutes"),
        .line("control-character", .error, "ann@d1.example smtp-lmtp!node1!a\u{0C}nn", into: "fqdnroutes"),
        .line("invisible-character", .error, "ann@d1.example\u{A0} smtp-lmtp!node1!ann", into: "fqdnroutes"),
        .line("indented-line", .error, "   ann@d1.example smtp-lmtp!node1!ann%2", into: "fqdnroutes"),
        .line("unclosed-quote", .error, "\"odd user\"@d1.example smtp-lmtp!node1!odd", into: "fqdnroutes"),
        .line("colon-after-key", .warning, "ann@d1.example: smtp-lmtp!node1!ann%2", into: "fqdnroutes"),
        .line("unknown-allowance", .warning, "# zroute: allow no-such-name", into: "fqdnaliases"),
        SeededFault("byte-order-mark in fqdnroutes") { site in
            let first = site.lines["fqdnroutes"]?.first ?? ""
            site.lines["fqdnroutes"]?[0] = "\u{FEFF}" + first
            return ExpectedFinding(file: "fqdnroutes", line: 1, severity: .error, name: "byte-order-mark")
        },
        SeededFault("duplicate-key in fqdnaliases") { site in
            let index = site.choose(from: "fqdnaliases")
            let line = site.insert(site.lines["fqdnaliases"]?[index] ?? "", into: "fqdnaliases", notBefore: index + 1)
            return ExpectedFinding(file: "fqdnaliases", line: line, severity: .warning, name: "duplicate-key")
        },
    ]

    static let ofEntries: [SeededFault] = [
        .line("key-never-asked", .error, "ann smtp-lmtp!node1!ann%2", into: "fqdnroutes"),
        .line("key-never-asked", .error, "ann@d1.example: user1@d2.example", into: "aliases-local", "an address"),
        .line("key-never-asked", .error, "d9.example. error!nosuchuser", into: "routes", "a final dot"),
        .line("key-case", .warning, "ÉLAN: user1@d2.example", into: "aliases-local"),
        .line("decomposed-key", .warning, "e\u{301}lan@d1.example smtp-lmtp!node1!elan%2", into: "fqdnroutes"),
        .line("pattern-key", .error, "*@d1.example smtp-lmtp!node1!all", into: "fqdnroutes"),
        .line("quoted-key", .warning, "\"ann\"@d1.example smtp-lmtp!node1!ann", into: "fqdnroutes"),
        .line("no-value", .error, "ann@d1.example", into: "fqdnroutes"),
        .line("separator", .error, "ann@d1.example = smtp-lmtp!node1!ann", into: "fqdnroutes"),
        .line("value-is-no-route", .error, "ann@d1.example fg56778", into: "fqdnroutes"),
        .line("value-is-no-route", .error, "ann@d1.example Error!nosuchuser", into: "fqdnroutes", "in capitals"),
        .line("value-is-no-list", .error, "ann@d1.example: user1@d2.example, user2@d3.example,", into: "fqdnaliases"),
        .line("value-is-no-domain", .error, "ours.example a.example b.example", into: "localnames"),
        .line("remark-in-value", .error, "ann@d1.example smtp-lmtp!node1!ann # ours", into: "fqdnroutes"),
        .line("trailing-blank", .error, "ann@d1.example smtp-lmtp!node1!ann ", into: "fqdnroutes"),
        .line("blank-in-route", .error, "ann@d1.example smtp-lmtp! node1", into: "fqdnroutes"),
        .line("percent-without-flag", .error, "ann: user1%2@d2.example", into: "aliases-local"),
        .line("argument-never-given", .error, "ann@d1.example: user1%2@d2.example", into: "fqdnaliases"),
        .line("tail-twice", .error, "ann@d1.example smtp-lmtp!node1!ann%2%2", into: "fqdnroutes"),
        .line("doubled-percent", .warning, "ann@d1.example smtp-lmtp!node1!ann%%2", into: "fqdnroutes"),
        .line("path-as-name", .warning, "ann: \"/dev/null\"", into: "aliases-local"),
        .line("quoted-address", .warning, "ann: \"user1@d2.example\"", into: "aliases-local"),
        .line("ignored-value", .warning, "far.example ignore!", into: "routes"),
        .line("routed-anew", .warning, "far.example smtp!!user", into: "routes"),
        .line("route-in-list", .warning, "ann: error!nosuchuser", into: "aliases-local"),
    ]

    static let ofDatabases: [SeededFault] = [
        .line("missing-field", .error, "routesdb text -", into: "dbases.conf"),
        .line("invalid-relation", .error, "fqdn!routes text - -l @SITE@/x -lm", into: "dbases.conf"),
        .line("unknown-relation", .error, "fqdnroute text - -l @SITE@/routes -lm", into: "dbases.conf"),
        .line("unknown-type", .error, "fqdnroutes btre - -l @SITE@/x -lm", into: "dbases.conf"),
        .line("invalid-privilege", .error, "fqdnroutes text root -l @SITE@/x -lm", into: "dbases.conf"),
        .line("invalid-option", .error, "fqdnroutes text - -lu @SITE@/x -lm", into: "dbases.conf"),
        .line("invalid-flag", .error, "fqdnroutes text - -l @SITE@/x -d pathalais", into: "dbases.conf"),
        .line("unset-variable", .error, "fqdnroutes text - -l $NOWHERE/x -lm", into: "dbases.conf"),
        .line("file-without-effect", .warning, "fqdnroutes NONE - - @SITE@/fqdnroutes -", into: "dbases.conf"),
        .line("invisible-character", .error, "fqdnroutes text - -l @SITE@/x\u{A0} -lm", into: "dbases.conf"),
        .line(
            "repeated-map", .warning, "routesdb text - -l @SITE@/routes -lm%d pathalias", into: "dbases.conf",
            notBefore: 9),
        .change(
            "folding-mismatch", .error, of: "dbases.conf", where: { $0.contains("fqdnroutes-local") },
            to: { $0.replacing("-lm%", with: "-um%") }),
        .change(
            "environment-without-effect", .warning, of: "dbases.conf", where: { $0.contains("@SITE@/routes ") },
            to: { $0 + " -C @SITE@/sleepyenv.conf" }),
        .change(
            "live-without-environment", .warning, of: "dbases.conf", where: { $0.contains("@SITE@/live") },
            to: { $0.replacing(" -C @SITE@/sleepyenv.conf", with: "") }),
        .change(
            "unknown-setting", .error, of: "sleepyenv.conf", where: { $0.contains("envmode") },
            to: { $0.replacing("envmode", with: "envmod") }),
        .change(
            "invalid-value", .error, of: "sleepyenv.conf", where: { $0.contains("envmode") },
            to: { _ in "envmode = rw" }),
        .change(
            "missing-temporary-directory", .warning, of: "sleepyenv.conf", where: { $0.contains("tmpdir") },
            to: { _ in "tmpdir = /none" }),
        .line("repeated-setting", .error, "envmode = 0600", into: "sleepyenv.conf", notBefore: 2),
        SeededFault("relation-without-line in dbases.conf") { site in
            site.remove(from: "dbases.conf") { $0.hasPrefix("aliases") }
            return ExpectedFinding(file: "dbases.conf", line: nil, severity: .warning, name: "relation-without-line")
        },
        SeededFault("missing-environment-home in sleepyenv.conf") { site in
            site.remove(from: "sleepyenv.conf") { $0.hasPrefix("envhome") }
            return ExpectedFinding(
                file: "sleepyenv.conf", line: nil, severity: .error, name: "missing-environment-home")
        },
        SeededFault("missing-file: sleepyenv.conf") { site in
            site.lines["sleepyenv.conf"] = nil
            return ExpectedFinding(file: "sleepyenv.conf", line: nil, severity: .error, name: "missing-file")
        },
    ]

    static let ofSettings: [SeededFault] = [
        .line("unknown-setting", .error, "POSTOFICE=/var/spool/post", into: "zmailer.conf"),
        .line("no-assignment", .error, "mydomain = example.net", into: "zmailer.conf"),
        .line("unreadable-value", .error, "mydomain=`hostname`", into: "zmailer.conf"),
        .line("setting-without-effect", .warning, "nofqlists=", into: "zmailer.conf"),
        .line("invalid-value", .error, "lookuptimeout=soon", into: "zmailer.conf"),
        .line("unset-variable", .error, "LOGDIR=$LOGS/mail", into: "zmailer.conf"),
        .line("unset-variable", .error, "mydomain=$MAILDOMAIN", into: "zmailer.conf", "in a setting"),
    ]

    static let ofDelivery: [SeededFault] = [
        .line("unknown-parameter", .error, "    maxtrh=4", into: "scheduler.conf", notBefore: 5),
        .line("invalid-parameter", .error, "    interval=often", into: "scheduler.conf", notBefore: 5),
        .line("time-without-unit", .warning, "    interval=5", into: "scheduler.conf", notBefore: 5),
        .change(
            "unclosed-quote", .error, of: "scheduler.conf", where: { $0.contains("node2") && $0.contains("command") },
            to: { String($0.dropLast()) }),
        .change(
            "invalid-selector", .error, of: "scheduler.conf", where: { $0 == "smtp-lmtp/node2" },
            to: { _ in "smtp-lmtp/{node2" }),
        .change(
            "unusable-command", .error, of: "scheduler.conf", where: { $0.contains("command") },
            to: { $0.replacing("smtp -c", with: "smtp -Z -c") }),
        .change(
            "command-not-carried-out", .warning, of: "scheduler.conf", where: { $0.contains("[192.0.2.25]") },
            to: { _ in "    command=\"mailbox -8\"" }),
        .change(
            "missing-log-directory", .warning, of: "scheduler.conf", where: { $0.contains("dialogue") },
            to: { $0.replacing("@SITE@/dialogue", with: "/none/dialogue") }),
        .change(
            "unset-variable", .error, of: "scheduler.conf", where: { $0.contains("dialogue") },
            to: { $0.replacing("@SITE@/dialogue", with: "$LOGS/dialogue") }),
        .line("invalid-secret", .error, "smtp-lmtp node2 user secret", into: "secrets"),
        .line("unknown-setting", .error, "tls-certfile /x", into: "tls"),
        .line("unusable-tls-file", .error, "tls-CAfile /none.pem", into: "tls"),
        SeededFault("readable-secrets") { site in
            site.afterwards.append { try runCommandSuccessfully("/bin/chmod", ["644", $0.file("secrets")]) }
            return ExpectedFinding(file: "secrets", line: nil, severity: .error, name: "readable-secrets")
        },
        SeededFault("missing-secret") { site in
            site.lines["secrets"] = ["# CHANNEL HOST USER SECRET", "smtp-lmtp node9 dQ== cA=="]
            return ExpectedFinding(file: "secrets", line: nil, severity: .warning, name: "missing-secret")
        },
        SeededFault("unreached-clause, a host that no route names") { site in
            let line = (site.lines["scheduler.conf"]?.count ?? 0) + 1
            site.lines["scheduler.conf"]? += [
                "smtp-lmtp/node9", "    command=\"smtp -c $channel -M -x -F UNIX:/node9\"",
            ]
            return ExpectedFinding(file: "scheduler.conf", line: line, severity: .warning, name: "unreached-clause")
        },
        SeededFault("unreached-clause, behind another") { site in
            let line = (site.lines["scheduler.conf"]?.count ?? 0) + 1
            site.lines["scheduler.conf"]? += [
                "smtp/*.partner.example", "    command=\"smtp -c $channel -x -F [192.0.2.26]\"",
            ]
            return ExpectedFinding(file: "scheduler.conf", line: line, severity: .warning, name: "unreached-clause")
        },
    ]
}
