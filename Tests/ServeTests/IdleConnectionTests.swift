// Thousands of connections that ask nothing, to the running program: who asks something is answered all the same.

import Foundation
import Glibc
import Testing
import ZRouteTestKit

@Suite(.serialized) struct IdleConnectionTests {
    /// How many connections ask nothing, at each door.
    private static let idle = 5_000
    /// What the test and the program need for them; a server of lookups takes half of its descriptors for connections.
    private static let descriptors = 4 * idle

    /// Raises the limit of descriptors, which the program inherits; says why where that cannot be.
    private static func raiseLimit() -> Bool {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return false }
        guard limit.rlim_cur < rlim_t(descriptors) else { return true }
        limit.rlim_cur = rlim_t(descriptors)
        limit.rlim_max = max(limit.rlim_max, limit.rlim_cur)
        guard unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
            print("IdleConnectionTests: not run: the limit of descriptors cannot be \(descriptors) (ulimit -n)")
            return false
        }
        return true
    }

    @Test func thousandsOfIdleConnectionsHoldUpNobody() throws {
        guard Self.raiseLimit() else { return }
        let site = try TestSite([
            "zmailer.conf": "MAILVAR=@SITE@\nhostname=mx.example.net\nDBTYPE=text\n",
            "dbases.conf": """
            fqdnroutes text - -l @SITE@/fqdnroutes -lm%:
            fqdnaliases NONE - - - -
            aliases NONE - - - -
            routesdb NONE - - - -
            thishost NONE - - - -

            """,
            "fqdnroutes": "a@d.example smtp-lmtp!node!a%2\n",
            "scheduler.conf": TestSite.scheduler("-F UNIX:@SITE@/store"),
        ])
        let store = try ScriptedServer(in: site.place, name: "store")
        defer { store.stop() }
        let (lines, lmtp) = (site.place.file("lines"), site.place.file("lmtp"))
        let program = try site.start([
            "serve", "--listen", "lines=unix:\(lines)", "--listen", "lmtp=unix:\(lmtp)", "--scheduler",
            site.place.file("scheduler.conf"),
        ])
        let listens = try holds { program.output.split(separator: "\n").count == 2 || !program.isRunning }
        try #require(listens && program.isRunning, "\(program.errors)")
        // Some have never asked, others once.
        let asking = try (0..<Self.idle).map { number in
            let client = try LocalStream(path: lines)
            if number % 2 == 0 {
                try client.write("mailbox a@d.example\n")
                #expect(try client.readLine() == "OK mailbox")
            }
            return client
        }
        let sending = try (0..<Self.idle).map { number in
            let client = try LocalStream(path: lmtp)
            #expect(try client.readLine().hasPrefix("220 "))
            if number % 2 == 0 { try client.write("LHLO idle\r\n") }
            return client
        }
        let open = try program.footprint()
        #expect(open.descriptors > 2 * Self.idle)
        for number in 0..<100 {
            let client = try LocalStream(path: lines)
            try client.write("mailbox a+\(number)@d.example\n\n")
            #expect(try client.readToEnd() == "OK mailbox\n")
            let front = try LMTPTestClient(path: lmtp)
            try front.say("MAIL FROM:<s@y.example>")
            try front.say("RCPT TO:<a@d.example>")
            #expect(try front.say("DATA").hasPrefix("354"))
            try front.stream.write("x\r\n.\r\n")
            #expect(try front.reply().hasPrefix("250 "))
        }
        // Nor are those forgotten.
        for client in [asking[0], asking[1], asking[Self.idle - 1]] {
            try client.write("domain d.example\n")
            #expect(try client.readLine().prefix(9) == "NOTFOUND ")
        }
        try sending[1].write("NOOP\r\n")
        #expect(try sending[1].readLine().hasPrefix("250 "))
        print(
            "IdleConnectionTests: \(asking.count) idle connections for lookups, \(sending.count) to the front,"
                + " \(open.descriptors) descriptors, \(open.memory) kB")
        program.send(SIGTERM)
        #expect(program.wait() == 0)
        #expect(store.record.messages.count == 100)
    }
}
