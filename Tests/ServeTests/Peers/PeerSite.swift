// A site in front of which another mailer stands: maps of text, a store, and `zroute serve`, which can be killed and started
// again with other maps failing.

import Foundation
import Glibc
import ZRouteTestKit

/// A site that `zroute serve` serves.
final class PeerSite {
    private let site: TestSite
    var place: TemporaryDirectory { site.place }
    /// Where the store listens.
    let storeSocket: String
    private let replacements: [(old: String, new: String)]
    private var sink: RunningProgram?
    private(set) var server: RunningProgram?
    /// What servers that have ended said.
    private var said = ""

    static let maps = [
        "aliases": "postmaster: user@example.org\n",
        "fqdnaliases": """
        team@virtual.example: user@virtual.example, other+Lists@example.org
        everyone@example.org: team@virtual.example, user@example.org, "quoted user"@virtual.example
        postmaster@virtual.example: postmaster
        self@example.org: self@example.org, user@example.org
        "quoted user"@virtual.example: user+Quoted@example.org

        """,
        "fqdnroutes": """
        sender@example.org            smtp-lmtp!node!sender%2
        user@example.org              smtp-lmtp!node!user%2
        other@example.org             smtp-lmtp!node!other%2
        self@example.org              smtp-lmtp!node!self%2
        user@virtual.example          smtp-lmtp!node!virtual-user%2
        "a@b"@virtual.example         smtp-lmtp!node!at-sign
        gone@virtual.example          error!nosuchuser!this user has left
        @catch.example                smtp-lmtp!node!catch

        """,
        "routes": """
        virtual.example  error!nosuchuser!nobody of that name is here
        example.org      error!nosuchuser!nobody of that name is here

        """,
        "localnames": "mail.example.org\n",
    ]
    /// The relations of the site, by the names that --fail-map takes.
    static let relations = ["aliases", "fqdnaliases", "fqdnroutes", "routesdb", "thishost"]

    /// Sets a site up by a page of docs/.
    ///
    /// - Parameters:
    ///   - document: the section whose zmailer.conf is used.
    ///   - scheduler: the section whose scheduler.conf is used; nil for the same.
    ///   - store: the socket of a store; nil for one of our own, whose Maildirs ``delivered()`` reads.
    ///   - paths: further paths of the page, and what is in their place.
    init(
        _ document: DocumentedConfiguration, scheduler: DocumentedConfiguration? = nil, store: String? = nil,
        maps: [String: String] = PeerSite.maps,
        replacing paths: [(old: String, new: String)] = []
    ) throws {
        var files = [
            "db/dbases.conf": """
            aliases      text - -la $MAILVAR/db/aliases      -lm
            fqdnaliases  text - -la $MAILVAR/db/fqdnaliases  -lm%
            fqdnroutes   text - -l  $MAILVAR/db/fqdnroutes   -lm%:
            routesdb     text - -l  $MAILVAR/db/routes       -lm%:d pathalias
            thishost     text - -l  $MAILVAR/db/localnames   -lm%d  pathalias

            """,
            "zmailer.conf": """
            MAILVAR=@SITE@
            MAILSHARE=@SITE@
            hostname=mail.example.org
            mydomain=mail.example.org
            preservetailcase=1

            """
                + (try document.file("/etc/zmailer/zmailer.conf")).replacing(
                    "/var/spool/postoffice", with: "@SITE@/post"),
        ]
        for (name, text) in maps { files["db/\(name)"] = text }
        site = try TestSite(files, spool: "post", isInMemory: true)
        for directory in ["run", "store"] { try site.place.makeDirectory(directory) }
        let socket = store ?? site.place.file("run/store")
        storeSocket = socket
        replacements = paths + [("/run/store/lmtp", socket), ("/run/zroute", site.place.file("run"))]
        try site.write(filled(try (scheduler ?? document).file("/etc/zmailer/scheduler.conf")), to: "scheduler.conf")
        if store == nil { try startStore() }
    }

    /// A text of a page with the paths of this site.
    func filled(_ text: String) -> String {
        replacements.reduce(text) { $0.replacing($1.old, with: $1.new) }
    }

    // MARK: The store

    /// Starts the store of our own, which takes every recipient.
    func startStore() throws {
        let sink = try RunningProgram(
            Programs.zroute.get(),
            ["lmtp-sink", "--socket", storeSocket, "--socket-mode", "0666", "--maildir", place.file("store")])
        self.sink = sink
        try waitUntilListening(sink, listeners: 1)
    }

    /// Ends it.
    func stopStore() {
        sink?.send(SIGKILL)
        _ = sink?.wait()
        sink = nil
    }

    /// The subjects that each mailbox has, by its user and, behind a `+`, its folder.
    func delivered() throws -> [String: [String]] {
        var found: [String: [String]] = [:]
        let names = FileManager.default.enumerator(atPath: place.file("store"))
        while let name = names?.nextObject() as? String {
            let parts = name.split(separator: "/")
            guard parts.count >= 3, parts[parts.count - 2] == "new",
                let user = parts[0].split(separator: "@").first
            else { continue }
            let folder = parts.count == 4 ? "+" + parts[1].dropFirst() : ""
            let message = String(decoding: try place.read("store/\(name)"), as: UTF8.self)
            let subject =
                message.split(whereSeparator: \.isNewline).first { $0.hasPrefix("Subject: ") }?.dropFirst(9) ?? ""
            found[user + folder, default: []].append(String(subject))
        }
        return found
    }

    // MARK: zroute serve

    /// Starts `zroute serve` by a command line of a page, and waits until it listens.
    ///
    /// - Parameter failing: the relations that fail.
    func serve(_ commandLine: String, failing: [String] = []) throws {
        let words = filled(commandLine).split(separator: " ").map(String.init)
        guard words.first == "zroute" else { throw CommandFailure("'\(commandLine)' is no command of zroute") }
        let server = try site.start(words.dropFirst() + failing.flatMap { ["--fail-map", $0] })
        self.server = server
        try waitUntilListening(server, listeners: words.count { $0 == "--listen" })
    }

    private func waitUntilListening(_ program: RunningProgram, listeners: Int) throws {
        let listens = try holds(within: 60) {
            !program.isRunning || program.output.split(separator: "\n").count >= listeners
        }
        guard listens, program.isRunning else { throw CommandFailure("it does not listen: \(program.errors)") }
    }

    /// Ends `zroute serve`.
    func stopServing(_ signal: Int32 = SIGKILL) {
        guard let server else { return }
        server.send(signal)
        _ = server.wait()
        said += server.errors
        self.server = nil
    }

    /// All that `zroute serve` has logged.
    var log: String { said + (server?.errors ?? "") }

    deinit {
        stopServing()
        stopStore()
    }
}
