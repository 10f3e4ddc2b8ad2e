// A site on several hosts: each with its own zroute and spool, all with copies of one directory that two providers have.

import Foundation
import Glibc
import Synchronization
import Testing
import ZRouteTestKit

/// One host with `zroute serve`, its front and its spool.
final class ReplicatedHost: @unchecked Sendable {
    // Whoever starts and kills it does so from one thread; what others ask it goes over its sockets.

    let network: NetworkHost
    let site: TestSite
    private var program: RunningProgram?

    /// Makes the site; nothing runs yet.
    init(_ network: NetworkHost, providers: [NetworkHost], stores: [NetworkHost]) throws {
        self.network = network
        site = try TestSite(
            [
                "zmailer.conf": "MAILVAR=@SITE@\nPOSTOFFICE=@SITE@/spool\nhostname=mx.example.org\nDBTYPE=text\n",
                "dbases.conf": """
                fqdnroutes ldapsync - - @SITE@/routes.ldap -lm%:
                fqdnaliases NONE - - - -
                aliases NONE - - - -
                routesdb NONE - - - -
                thishost NONE - - - -

                """,
                "routes.ldap": """
                uri \(providers.map { "ldap://\($0.address)" }.joined(separator: " "))
                base \(LDAPServer.suffix)
                binddn \(LDAPServer.administrator)
                passwd secret
                filter (mail=%s)
                attr mailLocalAddress
                canary user1@example.org

                """,
                "scheduler.conf": stores.enumerated().map { number, store in
                    "smtp-lmtp/store\(number)\n  interval=1s retries=\"1\"\n  command=\"smtp -M -x -F [\(store.address)] -p 24\"\n"
                }.joined(),
            ], spool: "spool")
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o600], ofItemAtPath: site.place.file("routes.ldap"))
    }

    func start() throws {
        let doors = ["lines", "lmtp", "http"].flatMap { ["--listen", "\($0)=unix:\(site.place.file($0))"] }
        let started = try site.start(
            ["serve", "--deliver", "--scheduler", site.place.file("scheduler.conf")] + doors, on: network)
        program = started
        let isThere = try holds { (try? LocalStream(path: site.place.file("lmtp"))) != nil || !started.isRunning }
        guard isThere, started.isRunning else { throw CommandFailure("serve does not start: \(started.errors)") }
    }

    /// Ends it without a word.
    func kill() {
        program?.send(SIGKILL)
        _ = program?.wait()
        program = nil
    }

    /// What it says of a key; nil where it does not run.
    func ask(_ request: String) -> String? {
        guard let client = try? LocalStream(path: site.place.file("lines")) else { return nil }
        guard (try? client.write("\(request)\n\n")) != nil, let said = try? client.readToEnd() else { return nil }
        return said.isEmpty ? nil : said
    }

    /// One of its metrics.
    func metric(_ name: String) throws -> String {
        let http = try LocalStream(path: site.place.file("http"))
        try http.write("GET /metrics HTTP/1.1\r\nConnection: close\r\n\r\n")
        let lines = try http.readToEnd().split(separator: "\n").filter { $0.hasPrefix("\(name){") }
        return lines.first.flatMap { $0.split(separator: " ").last }.map(String.init) ?? ""
    }

    /// Hands a message in.
    ///
    /// - Returns: the reply to the recipient or to the message; nil where the connection did not hold.
    func submit(_ number: Int, to recipient: String) -> String? {
        guard let client = try? LocalStream(path: site.place.file("lmtp")) else { return nil }
        do {
            _ = try client.readReply()
            for command in ["LHLO client.example.net", "MAIL FROM:<sender@example.net>"] {
                try client.write("\(command)\r\n")
                _ = try client.readReply()
            }
            try client.write("RCPT TO:<\(recipient)>\r\n")
            let verdict = try client.readReply()
            guard verdict.hasPrefix("2") else { return verdict }
            try client.write("DATA\r\n")
            guard try client.readReply().hasPrefix("354") else { return nil }
            try client.write("Subject: number \(number).\r\n\r\nbody\r\n.\r\n")
            return try client.readReply()
        } catch {
            return nil
        }
    }
}

extension LocalStream {
    /// The last line of the next reply.
    fileprivate func readReply() throws -> String {
        while true {
            let line = try readLine()
            if line.utf8.dropFirst(3).first != UInt8(ascii: "-") { return line }
        }
    }
}

/// What happens to mail and to questions while hosts come and go.
final class ReplicatedTraffic: Sendable {
    struct Tally {
        var found = 0, absent = 0, deferred = 0, unanswered = 0
        /// What must never be said.
        var wrong: [String] = []
        var accepted: Set<Int> = []
        var submissions = 0, refusals = 0
    }

    private let tally = Mutex(Tally())
    private let isOver = Atomic(false)
    private let running = DispatchGroup()
    static let users = 200

    var counts: Tally { tally.withLock { $0 } }

    /// Asks a host without a pause, for users that there are and for some that there are not.
    func ask(_ host: ReplicatedHost, seed: UInt64) {
        run { [self] in
            var random = SeededNumbers(seed: seed)
            while !isOver.load(ordering: .relaxed) {
                let user = Int.random(in: 0..<Self.users, using: &random)
                let isThere = Bool.random(using: &random)
                let key = "\(isThere ? "user" : "ghost")\(user)@example.org"
                let said = host.ask("mailbox \(key)")
                // The processors are for the tests beside this one, too.
                usleep(1000)
                tally.withLock { tally in
                    switch said?.prefix(3) {
                    case nil: tally.unanswered += 1
                    case "OK ": if isThere { tally.found += 1 } else { tally.wrong.append("\(key): \(said ?? "")") }
                    case "NOT": if isThere { tally.wrong.append("\(key): \(said ?? "")") } else { tally.absent += 1 }
                    default: tally.deferred += 1
                    }
                }
            }
        }
    }

    /// Hands messages in, each at one host after another until it is taken.
    func submit(_ hosts: [ReplicatedHost], seed: UInt64) {
        run { [self] in
            var random = SeededNumbers(seed: seed)
            while !isOver.load(ordering: .relaxed) {
                let number = tally.withLock { tally in
                    tally.submissions += 1
                    return tally.submissions
                }
                let recipient = "user\(Int.random(in: 0..<Self.users, using: &random))@example.org"
                var host = Int.random(in: 0..<hosts.count, using: &random)
                while !isOver.load(ordering: .relaxed) {
                    let said = hosts[host].submit(number, to: recipient)
                    usleep(5000)
                    if said?.hasPrefix("2") ?? false {
                        tally.withLock { _ = $0.accepted.insert(number) }
                        break
                    }
                    tally.withLock { tally in
                        tally.refusals += 1
                        if let said, said.hasPrefix("5") { tally.wrong.append("\(recipient): \(said)") }
                    }
                    host = (host + 1) % hosts.count
                }
            }
        }
    }

    /// Ends all of it, and waits until it has ended.
    func end() {
        isOver.store(true, ordering: .relaxed)
        running.wait()
    }

    private func run(_ body: @escaping @Sendable () -> Void) {
        running.enter()
        Thread.detachNewThread { [self] in
            body()
            running.leave()
        }
    }
}
