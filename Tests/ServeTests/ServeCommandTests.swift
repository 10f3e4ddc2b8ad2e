// `zroute serve` as a whole: its options, its life, and what it says of itself.

import Glibc
import Testing
import ZRouteTestKit

@Suite struct ServeCommandTests {
    private static let databases = """
        fqdnaliases text - -la @SITE@/fqdnaliases -lm%
        fqdnroutes text - -l @SITE@/fqdnroutes -lm%:
        aliases NONE - - - -
        routesdb NONE - - - -
        thishost NONE - - - -

        """

    /// A small site with a list and a store, and its servers.
    private static func makeSite() throws -> TestSite {
        try TestSite([
            "zmailer.conf": "MAILVAR=@SITE@\nhostname=mx.example.net\nDBTYPE=text\n",
            "dbases.conf": databases,
            "fqdnaliases": "team@d.example: a@d.example, b@d.example\n",
            "fqdnroutes":
                "a@d.example smtp-lmtp!node!a%2\nb@d.example smtp-lmtp!node!b%2\n@d.example error!nosuchuser!none\n",
            "scheduler.conf": "smtp-lmtp\n  command=\"smtp -M -F UNIX:@SITE@/store\"\n",
        ])
    }

    /// Starts it, and waits until its sockets are there.
    private static func start(
        _ site: TestSite, _ protocols: [String], _ arguments: [String] = []
    ) throws -> RunningProgram {
        let listeners = protocols.flatMap { ["--listen", "\($0)=unix:\(site.place.file($0))"] }
        let scheduler = ["--scheduler", site.place.file("scheduler.conf")]
        let program = try site.start(["serve"] + listeners + arguments + scheduler)
        // A socket has a file before it listens.
        let isThere = try holds { protocols.allSatisfy { (try? LocalStream(path: site.place.file($0))) != nil } }
        try #require(isThere, "serve does not listen")
        return program
    }

    private static func ask(_ site: TestSite, _ request: String) throws -> String {
        let client = try LocalStream(path: site.place.file("lines"))
        try client.write("\(request)\n\n")
        return try client.readToEnd()
    }

    @Test func answersByTheWholeChainInEveryProtocol() throws {
        let site = try Self.makeSite()
        let program = try Self.start(site, ["lines", "socketmap", "dict", "http"], ["--log-answers"])
        let expected = [
            "alias team@d.example": "OK a@d.example,b@d.example\n",
            "alias a@d.example": "NOTFOUND ", "mailbox a+x@d.example": "OK mailbox\n",
            "mailbox gone@d.example": "NOTFOUND ",
            "access gone@d.example": "OK REJECT 5.1.1 ",
            "transport a@d.example": "OK lmtp:unix:\(site.path)/store\n",
            "route a+x@d.example": "OK smtp-lmtp!node!a+x\n", "domain d.example": "OK domain\n",
            "userdb a@d.example": "OK {\"user\":\"a\",\"host\":\"node\"}\n", "userdb team@d.example": "TEMP ",
            "userdb gone@d.example": "NOTFOUND ", "nothing a": "PERM ",
        ]
        for (request, answer) in expected {
            let said = try Self.ask(site, request)
            #expect(said.hasPrefix(answer), "\(request): \(said)")
        }
        let socketmap = try LocalStream(path: site.place.file("socketmap"))
        try socketmap.write("20:alias team@d.example,22:mailbox gone@d.example,")
        #expect(try socketmap.read(30) == Array("26:OK a@d.example,b@d.example,".utf8))
        let dict = try LocalStream(path: site.place.file("dict"))
        try dict.write("H3\t2\t0\t\tzroute\nLshared/userdb/a@d.example\ta\nLshared/userdb/gone@d.example\tg\n")
        #expect(try dict.readLine() == "O{\"user\":\"a\",\"host\":\"node\"}")
        #expect(try dict.readLine() == "N")
        for (path, status, text) in [
            ("/route?address=a%2Bx@d.example", "200 OK", "\"user\":\"a+x\""), ("/health", "200 OK", "ok"),
            ("/trace?address=team@d.example", "200 OK", "\"event\":\"lookup\""),
            ("/trace?address=team@d.example", "200 OK", "\"version\":1,"),
            ("/metrics", "200 OK", "zroute_answers_total{protocol=\"lines\",map=\"alias\",status=\"ok\"} 1"),
        ] {
            let http = try LocalStream(path: site.place.file("http"))
            try http.write("GET \(path) HTTP/1.1\r\nConnection: close\r\n\r\n")
            let page = try http.readToEnd()
            #expect(page.hasPrefix("HTTP/1.1 \(status)\r\n") && page.contains(text), "\(page)")
        }
        program.send(SIGTERM)
        #expect(program.wait() == 0)
    }

    @Test func aMapThatFailsIsNoAbsenceAtAnyDoor() throws {
        let site = try Self.makeSite()
        let program = try Self.start(site, ["lines", "dict", "http", "lmtp"], ["--fail-map", "fqdnroutes"])
        for map in ["alias", "mailbox", "access", "transport", "route", "domain", "userdb"] {
            let key = map == "domain" ? "d.example" : "gone@d.example"
            #expect(try Self.ask(site, "\(map) \(key)").hasPrefix("TEMP "), "\(map)")
        }
        let dict = try LocalStream(path: site.place.file("dict"))
        try dict.write("H3\t2\t0\t\tzroute\nLshared/userdb/gone@d.example\tg\n")
        #expect(try dict.readLine().hasPrefix("F"))
        for path in ["/health", "/route?address=gone@d.example"] {
            let http = try LocalStream(path: site.place.file("http"))
            try http.write("GET \(path) HTTP/1.1\r\nConnection: close\r\n\r\n")
            #expect(try http.readToEnd().hasPrefix("HTTP/1.1 503 "), "\(path)")
        }
        let lmtp = try LocalStream(path: site.place.file("lmtp"))
        try lmtp.write("LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<gone@d.example>\r\nQUIT\r\n")
        let said = try lmtp.readToEnd()
        #expect(said.contains("\r\n451 "), "\(said)")
        program.send(SIGTERM)
        #expect(program.wait() == 0)
    }

    @Test func readsItsConfigurationAnewAndKeepsTheOldWhereItCannot() throws {
        let site = try Self.makeSite()
        let program = try Self.start(site, ["lines"])
        #expect(try Self.ask(site, "mailbox new@n.example") == "OK mailbox\n")
        try site.write(
            Self.databases.replacing(
                "routesdb NONE - - - -", with: "routesdb text - -l @SITE@/routes -lm%:d pathalias"),
            to: "dbases.conf")
        try site.write("n.example error!gone!none\n", to: "routes")
        program.send(SIGHUP)
        #expect(try holds { try Self.ask(site, "mailbox new@n.example").hasPrefix("NOTFOUND ") })
        try site.write("nonsense\n", to: "dbases.conf")
        program.send(SIGHUP)
        #expect(try holds { program.errors.contains("the old configuration stands") })
        #expect(try Self.ask(site, "mailbox new@n.example").hasPrefix("NOTFOUND "))
        program.send(SIGTERM)
        #expect(program.wait() == 0)
    }

    @Test(arguments: [
        [], ["--listen", "socketmap"], ["--listen", "=unix:/x"], ["--listen", "nothing=unix:/x"],
        ["--listen", "tcp-table=:1"], ["--listen", "tcp-table/=:1"], ["--listen", "lines=nowhere"],
        ["--listen", "lines=:1", "--workers", "0"], ["--listen", "lines=:1", "--transport-to", "x"],
        ["--listen", "lines=:1", "--socket-mode", "9"], ["--listen", "tcp-table/nosuch=:1"],
        ["--listen", "tcp-table/relation/nosuch=:1"], ["--listen", "lmtp=unix:/x", "--lmtp", "UNIX:/x"],
        ["--listen", "lines=:1", "--socket-mode", "0"], ["--listen", "lines=:1", "--socket-mode", "0555"],
        ["--listen", "lines=unix:run/lines"], ["--listen", "lmtp=unix:lmtp"],
    ])
    func wrongUseIsRefused(arguments: [String]) throws {
        let result = try Self.makeSite().run(["serve"] + arguments)
        #expect(result.status == 64 && !result.errorText.isEmpty, "\(result.errorText)")
    }

    /// Where nothing says how mail is delivered, or what says it cannot be used; the spool has its own status.
    @Test(arguments: [
        (["--scheduler", "@SITE@/none"], "@SITE@/none", 78),
        (["--scheduler", "@SITE@/none", "--lmtp", "UNIX:/x"], "@SITE@/none", 78),
        ([], "MAILSHARE", 78),
        (["--set", "POSTOFFICE=@SITE@/none", "--lmtp", "UNIX:/x"], "POSTOFFICE", 66),
        (["--set", "POSTOFFICE=@SITE@/none", "--lmtp", "UNIX:/x", "--socket-mode", "0"], "--socket-mode", 64),
    ])
    func aFrontThatCannotDeliverIsRefused(arguments: [String], said: String, status: Int) throws {
        let site = try Self.makeSite()
        let words = arguments.map { $0.replacing("@SITE@", with: site.path) }
        let result = try site.run(["serve", "--listen", "lmtp=unix:\(site.place.file("lmtp"))"] + words)
        #expect(Int(result.status) == status, "\(result.errorText)")
        #expect(result.errorText.contains(said.replacing("@SITE@", with: site.path)), "\(result.errorText)")
        #expect(access(site.place.file("lmtp"), F_OK) != 0)
    }

    @Test func wrongConfigurationIsRefusedBeforeItListens() throws {
        let site = try Self.makeSite()
        try site.write("fqdnaliass text - -la @SITE@/x -lm\n", to: "dbases.conf")
        let result = try site.run(["serve", "--listen", "lines=unix:\(site.place.file("lines"))"])
        #expect(result.status == 78 && result.errorText.contains("unknown-relation"), "\(result.errorText)")
        #expect(access(site.place.file("lines"), F_OK) != 0)
    }

    @Test func aSocketThatCannotBeMadeLeavesNone() throws {
        let site = try Self.makeSite()
        let result = try site.run([
            "serve", "--listen", "lines=unix:\(site.place.file("lines"))", "--listen", "dict=unix:/nowhere/dict",
        ])
        #expect(result.status == 73 && result.errorText.contains("/nowhere/dict"), "\(result.errorText)")
        #expect(access(site.place.file("lines"), F_OK) != 0)
    }
}
