// A site as the how-to for Cyrus sets it up, with its own spool: maps of text that `newdb` compiles, a scheduler.conf, the
// programs run as an administrator runs them.

import Foundation
import Spool
import System
import Testing
import ZRouteTestKit

/// A site in front of a real store.
final class StoreSite {
    let site: TestSite
    var place: TemporaryDirectory { site.place }
    /// All that the programs have said.
    private(set) var said = ""

    /// The maps, with the colons that the how-to writes.
    static let maps = [
        "fqdnroutes-local": """
        user@example.org:       smtp-lmtp!cyrus-lmtp-node!cyrus-user%2
        user@virtual.example:   smtp-lmtp!cyrus-lmtp-node!virtual-user%2@virtual.example
        gone@virtual.example:   smtp-lmtp!cyrus-lmtp-node!gone%2@virtual.example
        full@example.org:       smtp-lmtp!cyrus-lmtp-node!full%2

        """,
        "fqdnaliases-local": "team@virtual.example: user@virtual.example, user+Lists@example.org\n",
        "routes": """
        virtual.example\terror!nosuchuser!Nobody of that name is here any more
        example.org\tsmtp-lmtp!cyrus-lmtp-node

        """,
        "localnames": "store.example.net\n",
        "aliases-local": "postmaster: user@example.org\n",
    ]

    /// - Parameter command: the options of the smtp command in scheduler.conf.
    init(command: String, maps: [String: String] = StoreSite.maps) throws {
        var files = [
            "db/dbases.conf": """
            aliases      $DBTYPE - -la $MAILVAR/db/aliases-local      -lm
            fqdnaliases  $DBTYPE - -la $MAILVAR/db/fqdnaliases-local  -lm%
            fqdnroutes   $DBTYPE - -l  $MAILVAR/db/fqdnroutes-local   -lm%:
            routesdb     $DBTYPE - -l  $MAILVAR/db/routes             -lm%:d pathalias
            thishost     $DBTYPE - -l  $MAILVAR/db/localnames         -lm%d  pathalias

            """,
            "zmailer.conf": """
            MAILVAR=@SITE@
            MAILSHARE=@SITE@
            POSTOFFICE=@SITE@/post
            hostname=store.example.net
            preservetailcase=1

            """,
            "scheduler.conf": """
            */*
                interval=1m expiry=3d retries="1 1 2"
            smtp-lmtp
                command="smtp -c $channel -M -x \(command) -s -l @SITE@/dialogue"

            """,
        ]
        for (name, text) in maps { files["db/\(name)"] = text }
        site = try TestSite(files, spool: "post")
        let compiled = try site.run(["newdb"])
        guard compiled.status == 0 else { throw CommandFailure("newdb: \(compiled.errorText)") }
    }

    var postOffice: PostOffice {
        get throws { try site.postOffice }
    }

    /// Puts a message into router/, complete under its name at once.
    func submit(
        from: String = "user@example.org", to: [String], subject: String, header: String = "",
        parameters: String? = nil, body: String = "line\n.\n..dots\n"
    ) throws {
        let recipients = to.map { address in
            (parameters.map { "todsn \($0)\n" } ?? "") + "to <\(address)>\n"
        }
        try site.submit(
            "external\nfrom <\(from)>\n\(recipients.joined())env-end\nFrom: <\(from)>\nTo: <\(to.joined(separator: ">, <"))>\n"
                + "Subject: \(subject)\n\(header)\n\(body)", as: subject)
    }

    /// Runs `zroute deliver`.
    @discardableResult
    func deliver(_ arguments: String..., input: String = "") throws -> CommandResult {
        try deliver(arguments, input: input)
    }

    /// Runs `zroute deliver`.
    @discardableResult
    func deliver(_ arguments: [String], input: String = "") throws -> CommandResult {
        let result = try site.run(["deliver"] + arguments, input: Array(input.utf8))
        said += result.text + result.errorText
        return result
    }

    /// Routes and delivers until nothing new is in router/, reports included.
    func run() throws {
        repeat { try deliver("--route", "--once", "--now") } while try !postOffice.submissions().names.isEmpty
    }

    /// The dialogues with the servers so far.
    var dialogue: String {
        (try? readFile(place.file("dialogue"), limit: 1 << 24).bytes).map { text($0) } ?? ""
    }

    /// What is left in the spool: each recipient's user, its tag and its last diagnostic.
    func waiting() throws -> [String: String] {
        var waiting: [String: String] = [:]
        for name in try postOffice.messages().names {
            guard let control = try postOffice.controlFile(of: name) else { continue }
            for recipient in control.recipients where recipient.tag == .pending {
                let last = control.diagnostics.last { $0.diagnostic.recipientOffset == recipient.offset }
                waiting[text(recipient.address.user)] = text(last?.diagnostic.notary.diagnostic ?? [])
            }
        }
        return waiting
    }
}
