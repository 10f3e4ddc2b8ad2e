// Servers that are gone, stand still, come back, or are not all alike; connections that many share, and that are encrypted.

import Configuration
import Foundation
import Glibc
import LDAP
import Maps
import Synchronization
import System
import Testing
import ZRouteTestKit

@Suite struct LDAPServersTests {
    /// Many threads ask over a few connections, and each gets its own answers.
    @Test func workersShareConnections() throws {
        let place = try LDAPPlace()
        var setup = LDAPServer.Setup()
        setup.global = "moduleload back_monitor"
        setup.database = "database monitor\naccess to * by * read"
        setup.isProvider = false
        let names = (0..<200).map { (mail: "u\($0)@x.example", routes: ["route-\($0)"]) }
        let server = try LDAPServer(setup, entries: people + LDAPServer.people(names, from: 100))
        let texts = TextTableLoader(allowing: .all)
        try place.describe(LDAPPlace.lines(server.uri, "marker uid=p0,\(LDAPServer.suffix)"))
        let wrong = Mutex<[String]>([])
        let started = Atomic<Int>(0)
        runThreads(20) {
            let own = started.add(1, ordering: .relaxed).newValue
            let table = place.tables(["map.ldap"], texts: texts)[0]
            for round in 0..<80 {
                let number = (round * 7 + own * 13) % 200
                let (present, other) = (
                    table.outcome(of: "u\(number)@x.example"), table.outcome(of: "v\(number)@x.example")
                )
                if present != .found("route-\(number)") || other != .absent {
                    wrong.withLock { $0.append("\(number): \(present), \(other)") }
                }
            }
        }
        #expect(wrong.withLock { $0 } == [])
        // The one that asks for it is counted, too.
        let counters = try server.search(["-b", "cn=Total,cn=Connections,cn=Monitor", "-s", "base", "monitorCounter"])
        let opened = try #require(counters.split(separator: "\n").last { $0.hasPrefix("monitorCounter") })
        // The kit itself has connected to see that the server is there.
        #expect(opened.hasSuffix(": 10") || opened.hasSuffix(": 1009"), "\(opened)")
    }

    @Test func aServerThatIsGoneIsAFailureUntilItIsBack() throws {
        let (place, server) = (try LDAPPlace(), try LDAPServer(entries: people))
        let table = try place.table(LDAPPlace.lines(server.uri))
        for _ in 0..<3 {
            #expect(try table.text(of: "one@x.example") == "smtp!host!one")
            #expect(try table.text(of: "nobody@x.example") == nil)
            server.kill()
            for key in ["one@x.example", "nobody@x.example"] {
                let error = try #require(table.failure(of: key))
                #expect(error.text.contains("cannot connect"), "\(error.text)")
            }
            #expect(place.conditions().count == 1)
            try server.start()
            #expect(try table.text(of: "nobody@x.example") == nil)
        }
        // A connection that was cut while nobody asked is made anew without a failure.
        server.stop()
        try server.start()
        #expect(try table.text(of: "one@x.example") == "smtp!host!one")
    }

    @Test func aServerThatStandsStillIsAFailureUntilItGoesOn() throws {
        let (place, server) = (try LDAPPlace(), try LDAPServer(entries: people))
        let table = try place.table(LDAPPlace.lines(server.uri), deadline: .seconds(2))
        #expect(try holds { table.outcome(of: "one@x.example") == .found("smtp!host!one") })
        server.freeze()
        let error = try #require(table.failure(of: "nobody@x.example"))
        #expect(error.code == ETIMEDOUT && error.text.contains("no answer within"), "\(error)")
        let next = try #require(table.failure(of: "one@x.example"))
        #expect(next.code == ETIMEDOUT, "\(next)")
        server.thaw()
        #expect(try holds { table.outcome(of: "one@x.example") == .found("smtp!host!one") })
        #expect(try holds { table.outcome(of: "nobody@x.example") == .absent })
    }

    /// A server that takes connections and never answers is waited for once, and not at each lookup.
    @Test func aServerThatStandsStillIsPassedOver() throws {
        let (place, server) = (try LDAPPlace(), try LDAPServer(entries: people))
        let silent = try SilentServer(at: place.directory.file("silent"))
        let table = try place.table(LDAPPlace.lines("\(silent.uri) \(server.uri)"), deadline: .seconds(12))
        for _ in 0..<50 {
            #expect(try table.text(of: "one@x.example") == "smtp!host!one")
            #expect(try table.text(of: "nobody@x.example") == nil)
        }
        #expect(silent.connections == 1)
    }

    @Test func aServerThatIsGoneIsPassedOver() throws {
        let (place, first, second) = (try LDAPPlace(), try LDAPServer(entries: people), try LDAPServer(entries: people))
        let table = try place.table(LDAPPlace.lines("\(first.uri) \(second.uri)"))
        for round in 0..<4 {
            let (gone, other) = round % 2 == 0 ? (first, second) : (second, first)
            gone.kill()
            #expect(try table.text(of: "one@x.example") == "smtp!host!one")
            #expect(try table.text(of: "nobody@x.example") == nil)
            try gone.start()
            other.stop()
            #expect(try table.text(of: "nobody@x.example") == nil)
            try other.start()
        }
    }

    /// A server that lacks entries says what it has, and others say what is absent.
    @Test func aServerThatLacksEntriesIsPassedOverForAbsences() throws {
        let place = try LDAPPlace()
        let first = try LDAPServer(entries: LDAPServer.people([(mail: "only@x.example", routes: ["first"])]))
        let second = try LDAPServer(entries: people)
        let table = try place.table(LDAPPlace.lines("\(first.uri) \(second.uri)"))
        #expect(try table.text(of: "only@x.example") == "first")
        #expect(try table.text(of: "one@x.example") == "smtp!host!one")
        #expect(try table.text(of: "nobody@x.example") == nil)
        second.kill()
        let error = try #require(table.failure(of: "nobody@x.example"))
        #expect(error.text.contains("canary"), "\(error.text)")
    }

    @Test func peersOfASocketBindByIt() throws {
        let (place, server) = (try LDAPPlace(), try LDAPServer(entries: people))
        let lines = LDAPPlace.lines(server.uri).split(separator: "\n").filter {
            !$0.hasPrefix("binddn") && !$0.hasPrefix("passwd") && !$0.hasPrefix("authmethod")
        }
        let table = try place.table(lines.joined(separator: "\n") + "\nauthmethod sasl\nsasl_mech EXTERNAL\n")
        #expect(try table.text(of: "one@x.example") == "smtp!host!one")
        #expect(try table.text(of: "nobody@x.example") == nil)
    }

    /// Encrypted in both ways, and refused in each way in which a certificate can be wrong.
    @Test func connectionsAreEncryptedOrNotUsed() throws {
        let place = try LDAPPlace()
        let (server, plain, secure) = try Self.encrypted(place)
        let authority = "tls_ca_cert_file \(place.directory.file("cert.pem"))"
        let other = "tls_ca_cert_file \(place.directory.file("other.pem"))"
        func table(_ uri: String, _ more: String) throws -> any Table { try place.table(LDAPPlace.lines(uri, more)) }
        for (uri, more) in [
            ("ldaps://127.0.0.1:\(secure)", authority), ("ldap://127.0.0.1:\(plain)", "start_tls yes\n\(authority)"),
            ("ldaps://127.0.0.1:\(secure)", "tls_require_cert no"),
        ] {
            let table = try table(uri, more)
            #expect(try table.text(of: "one@x.example") == "smtp!host!one")
            #expect(try table.text(of: "nobody@x.example") == nil)
        }
        for (uri, more, says) in [
            ("ldaps://127.0.0.1:\(secure)", other, "cannot connect"),
            ("ldaps://localhost:\(secure)", authority, "cannot connect"),
            ("ldap://127.0.0.1:\(plain)", "start_tls yes\n\(other)", "nothing is asked in clear"),
            ("ldap://localhost:\(plain)", "start_tls yes\n\(authority)", "nothing is asked in clear"),
        ] {
            let table = try table(uri, more)
            for _ in 0..<2 {
                let error = try #require(table.failure(of: "one@x.example"))
                #expect(error.text.contains(says), "\(uri) \(more): \(error.text)")
            }
        }
        server.stop()
        server.setup.global = ""
        server.setup.securePort = nil
        try server.start()
        let table = try table("ldap://127.0.0.1:\(plain)", "start_tls yes\n\(authority)")
        for key in ["one@x.example", "nobody@x.example"] {
            let error = try #require(table.failure(of: key))
            #expect(error.text.contains("nothing is asked in clear"), "\(error.text)")
        }
        // Over TCP without a certificate nobody is known.
        let unknown = Doubt.anonymous(LDAPPlace.lines("ldap://127.0.0.1:\(plain)"))
            .replacing("authmethod simple", with: "authmethod sasl\nsasl_mech EXTERNAL")
        for key in ["one@x.example", "nobody@x.example"] {
            let error = try #require(try place.table(unknown).failure(of: key))
            #expect(error.text.contains("does not let this user bind"), "\(error.text)")
        }
    }

    /// A server with a certificate for 127.0.0.1, and its ports.
    private static func encrypted(_ place: LDAPPlace) throws -> (LDAPServer, plain: UInt16, secure: UInt16) {
        for name in ["cert", "other"] {
            try runCommandSuccessfully(
                "/usr/bin/openssl",
                [
                    "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
                    "-keyout", place.directory.file("\(name).key"), "-out", place.directory.file("\(name).pem"),
                ])
        }
        var setup = LDAPServer.Setup()
        setup.global = """
            TLSCertificateFile \(place.directory.file("cert.pem"))
            TLSCertificateKeyFile \(place.directory.file("cert.key"))
            """
        // Somebody else may take a port between its choice and the start.
        for _ in 0..<5 {
            let (plain, secure) = (try LDAPServer.freePort(), try LDAPServer.freePort())
            (setup.port, setup.securePort) = (plain, secure)
            if let server = try? LDAPServer(setup, entries: people) { return (server, plain, secure) }
        }
        throw CommandFailure("slapd takes no port")
    }
}

/// Takes connections, as long as there is room for them to wait, and never answers.
final class SilentServer {
    private let descriptor: Int32
    private let path: String
    private var accepted: [Int32] = []

    init(at path: String) throws {
        self.path = path
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) {
            unsafe $0.copyBytes(from: path.utf8.prefix($0.count - 1))
        }
        let code = unsafe withUnsafePointer(to: &address) { pointer in
            // The pointer is to a whole address of the family, of the length given.
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                unsafe bind(descriptor, address, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard code == 0, listen(descriptor, 100) == 0 else { throw CommandFailure("\(path): errno \(errno)") }
    }

    deinit { for descriptor in accepted + [descriptor] { close(descriptor) } }

    var uri: String { "ldapi://" + path.replacingOccurrences(of: "/", with: "%2F") }

    /// How many connections have been made to it.
    var connections: Int {
        while case let next = accept(descriptor, nil, nil), next >= 0 { accepted.append(next) }
        return accepted.count
    }
}
