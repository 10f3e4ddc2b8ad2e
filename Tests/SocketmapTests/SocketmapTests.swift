// A map behind a socket: every fault of the server at every place of the dialogue, and what it comes to.

import Configuration
import Foundation
import Glibc
import Maps
import Socketmap
import Testing
import ZRouteTestKit

/// A place for a socket, and tables that ask over it.
struct SocketmapPlace {
    let directory: TemporaryDirectory
    var socket: String { directory.file("s") }

    init() throws { directory = try TemporaryDirectory() }

    func definition(_ field: String) -> MapDefinition {
        MapDefinition(relation: "r", type: .socketmap, path: field, file: "/dbases.conf", line: 7)
    }

    /// The tables of one worker.
    func tables(_ fields: [String], deadline: Duration = .seconds(5)) -> [any Table] {
        let watch = CallWatch(health: ResourceHealth(deadline: deadline))
        let factory = SocketmapBackEnd().makeTables(
            for: MapWorker(texts: TextTableLoader(allowing: .all), watch: watch))
        return fields.map { factory.makeTable(for: definition($0)) }
    }

    func table(_ options: String = "", map: String = "m", deadline: Duration = .seconds(5)) -> any Table {
        tables(["unix:\(socket):\(map)\(options)"], deadline: deadline)[0]
    }
}

/// What a server in good health answers: keys that begin with a `u` are there.
@Sendable func usual(_ connection: Int, _ request: Int, _ payload: String) -> ServerAction {
    let words = payload.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
    let key = words.count > 1 ? words[1] : ""
    return key.hasPrefix("u") ? .answer("OK value of \(key) in \(words[0])") : .answer("NOTFOUND ")
}

@Suite struct SocketmapTests {
    @Test func keysAreAskedForOverOneConnection() throws {
        let place = try SocketmapPlace()
        let server = try ScriptedLookupServer(at: place.socket, usual)
        let tables = place.tables(["unix:\(place.socket):m", "unix:\(place.socket):relation/routes"])
        for round in 0..<50 {
            #expect(try tables[0].text(of: "u\(round)") == "value of u\(round) in m")
            #expect(try tables[1].text(of: "u\(round)") == "value of u\(round) in relation/routes")
            #expect(try tables[0].text(of: "x\(round)") == nil)
            #expect(try tables[1].text(of: "") == nil)
        }
        #expect(server.connections == 1 && server.requests == 200)
        #expect(tables[0].refresh())
        #expect(tables[0].privilege == 65_534)
        #expect(tables[0].failure(of: "u\0zz")?.text.contains("NUL") == true)
    }

    /// Each answer of the table of meanings, in one piece, byte by byte, and from a server that closes after it.
    @Test(arguments: meanings)
    func anAnswerIsTakenInAnyPieces(row: (answer: [UInt8], meaning: Meaning)) throws {
        let place = try SocketmapPlace()
        for action in [ServerAction.say(row.answer), .sayBytewise(row.answer), .sayAndClose(row.answer)] {
            let server = try ScriptedLookupServer(at: place.socket) { connection, request, payload in
                payload == "m key" ? action : usual(connection, request, payload)
            }
            let table = place.table()
            #expect(try table.text(of: "u1") == "value of u1 in m")
            var result: String?
            let failure = place.outcome(table, &result)
            switch row.meaning {
            case .found(let value): #expect(failure == nil && result == value)
            case .absent: #expect(failure == nil && result == nil)
            case .failed, .broken:
                // A second answer that comes later than the first is seen before the next question.
                if failure == nil { #expect(result == nil && row.answer.starts(with: Array("9:NOTFOUND ,".utf8))) }
            }
            // Whatever came, the next question gets its own answer.
            #expect(try table.text(of: "u2") == "value of u2 in m")
            #expect(try table.text(of: "x2") == nil)
            server.stop()
        }
    }

    @Test func anAnswerThatIsCutAtAnyByteIsAFailure() throws {
        let place = try SocketmapPlace()
        var cuts = 0
        for answer in ["OK value", "NOTFOUND ", "TEMP x"].map(netstring) {
            for length in 0..<answer.count {
                let server = try ScriptedLookupServer(at: place.socket) { connection, request, payload in
                    payload == "m key" ? .sayAndClose(Array(answer[..<length])) : usual(connection, request, payload)
                }
                let table = place.table()
                #expect(try table.text(of: "u1") == "value of u1 in m")
                let error = try #require(table.failure(of: "key"))
                #expect(error.text.contains("closed"), "\(error.text)")
                // Without a byte of an answer the question was asked once more, over a new connection.
                #expect(server.connections == (length == 0 ? 2 : 1))
                #expect(try table.text(of: "u2") == "value of u2 in m")
                server.stop()
                cuts += 1
            }
        }
        print("socketmap: an answer cut at \(cuts) places")
    }

    @Test(arguments: ["", "9", "9:", "9:NOTFOUND", "9:NOTFOUND ", "4:OK v"])
    func aServerThatStopsInTheMiddleIsGivenUpInTime(beginning: String) throws {
        let place = try SocketmapPlace()
        let server = try ScriptedLookupServer(at: place.socket) { connection, request, payload in
            payload == "m slow" ? .sayAndStall(Array(beginning.utf8)) : usual(connection, request, payload)
        }
        let table = place.table(deadline: .milliseconds(400))
        let start = ContinuousClock.now
        #expect(table.failure(of: "slow")?.text.contains("no answer within") == true)
        let end = ContinuousClock.now
        // The next ones are not asked for a moment, and then they are.
        #expect(table.failure(of: "u1")?.text.contains("not asked") == true)
        print("socketmap: given up after \(end - start)")
        #expect(end - start >= .milliseconds(300))
        #expect(try holds { table.failure(of: "u1") == nil })
        #expect(try table.text(of: "u1") == "value of u1 in m")
        withExtendedLifetime(server) {}
    }

    @Test func aConnectionThatWasClosedIsMadeAnewOnce() throws {
        let place = try SocketmapPlace()
        let server = try ScriptedLookupServer(at: place.socket, usual)
        let table = place.table()
        for round in 1...20 {
            #expect(try table.text(of: "u\(round)") == "value of u\(round) in m")
            server.closeConnections()
        }
        #expect(try table.text(of: "u0") == "value of u0 in m")
        server.stop()
        // A server that closes after each answer.
        let closing = try ScriptedLookupServer(at: place.socket) { connection, request, payload in
            guard case .say(let bytes) = usual(connection, request, payload) else { return .reset }
            return .sayAndClose(bytes)
        }
        for round in 1...20 {
            #expect(try table.text(of: "u\(round)") == "value of u\(round) in m")
            #expect(try table.text(of: "x\(round)") == nil)
        }
        #expect(closing.requests >= 40)
        closing.stop()
        // One that never answers is asked twice, and no more.
        let silent = try ScriptedLookupServer(at: place.socket) { _, _, _ in .reset }
        #expect(table.failure(of: "u1")?.text.contains("without an answer") == true)
        #expect(silent.requests == 2)
    }

    @Test func whatNobodyAskedForIsNoAnswer() throws {
        let place = try SocketmapPlace()
        let surplus = netstring("NOTFOUND ")
        let server = try ScriptedLookupServer(at: place.socket) { connection, request, payload in
            guard case .say(let bytes) = usual(connection, request, payload), connection == 1 else {
                return usual(connection, request, payload)
            }
            return .say(bytes + surplus)
        }
        let table = place.table()
        // Seen at once, and taken for an answer never.
        for round in 0..<20 {
            do throws(MapError) { #expect(try table.text(of: "u\(round)") == "value of u\(round) in m") } catch {}
        }
        withExtendedLifetime(server) {}
    }

    @Test func withoutAServerNothingIsAbsent() throws {
        let place = try SocketmapPlace()
        let table = place.table()
        #expect(table.failure(of: "u1")?.text.contains("cannot connect") == true)
        let server = try ScriptedLookupServer(at: place.socket, usual)
        #expect(try table.text(of: "x") == nil)
        server.stop()
        #expect(table.failure(of: "x") != nil)
        let again = try ScriptedLookupServer(at: place.socket, usual)
        #expect(try table.text(of: "u") == "value of u in m")
        again.stop()
        try place.directory.write("no socket", to: "s")
        #expect(table.failure(of: "x") != nil)
        #expect(place.tables(["inet:127.0.0.1:1:m"])[0].failure(of: "x")?.text.contains("cannot connect") == true)
        #expect(place.tables(["inet:no-such-host.invalid:1:m"])[0].failure(of: "x")?.text.contains("not known") == true)
    }

    @Test func nothingIsAbsentBeforeTheCanaryWasFound() throws {
        let place = try SocketmapPlace()
        let table = place.table("?canary=u-canary")
        let server = try ScriptedLookupServer(at: place.socket, usual)
        #expect(try table.text(of: "u1") == "value of u1 in m")
        #expect(server.requests == 1)
        #expect(try table.text(of: "x") == nil)
        #expect(try table.text(of: "y") == nil)
        // The key, the canary, the key again; then the keys alone.
        #expect(server.requests == 5)
        server.stop()
        // Another server, which has nothing yet: what it has is found, nothing is absent.
        let empty = try ScriptedLookupServer(at: place.socket) { connection, request, payload in
            payload.contains("canary") ? .answer("NOTFOUND ") : usual(connection, request, payload)
        }
        #expect(table.failure(of: "x")?.text.contains("the canary 'u-canary' is not found") == true)
        #expect(try table.text(of: "u1") == "value of u1 in m")
        empty.stop()
        // One that knows the canary, and is another after each answer, proves nothing.
        let restless = try ScriptedLookupServer(at: place.socket) { connection, request, payload in
            guard case .say(let bytes) = usual(connection, request, payload) else { return .reset }
            return .sayAndClose(bytes)
        }
        #expect(table.failure(of: "x") != nil)
        restless.stop()
        let good = try ScriptedLookupServer(at: place.socket, usual)
        #expect(try table.text(of: "x") == nil)
        good.stop()
    }

    /// What a line of dbases.conf may name, and what not.
    static let fields: [(field: String, word: String?)] = [
        ("unix:/run/x.sock:m", nil), ("unix:/run/x.sock:", nil), ("unix:/run/a:b:m", nil),
        ("inet:host.example:25:m", nil),
        ("inet:[::1]:2525:m", nil), ("unix:/run/x.sock:m?canary=a@b", nil),
        ("unix:/run/x.sock", "names no server and map"),
        ("/run/x.sock", "names no server and map"), ("unix:run/x.sock:m", "no path from the root"),
        ("unix:/\(String(repeating: "x", count: 120)):m", "no path from the root"), ("inet:host:m", "no host and port"),
        ("inet:host:0:m", "no host and port"), ("inet:host:70000:m", "no host and port"),
        ("inet::25:m", "names no host"),
        ("tcp:host:25:m", "neither 'unix:' nor 'inet:'"), ("unix:/run/x.sock:m?canary=", "names no key"),
    ]

    @Test(arguments: fields)
    func aLineNamesAServerAndAMap(row: (field: String, word: String?)) throws {
        let place = try SocketmapPlace()
        let findings = SocketmapBackEnd().findings(about: place.definition(row.field))
        if let word = row.word {
            #expect(findings.first?.text.contains(word) == true, "\(findings)")
            #expect(findings.first?.line == 7)
            #expect(place.tables([row.field])[0].failure(of: "a")?.text.contains(word) == true)
        } else {
            #expect(findings.isEmpty, "\(findings)")
        }
    }

    @Test func checkHearsOfAServerThatDoesNotAnswer() throws {
        let place = try SocketmapPlace()
        let definition = place.definition("unix:\(place.socket):m?canary=u1")
        #expect(SocketmapBackEnd().conditionFindings(of: definition).count == 1)
        let server = try ScriptedLookupServer(at: place.socket, usual)
        #expect(SocketmapBackEnd().conditionFindings(of: definition).isEmpty)
        #expect(
            SocketmapBackEnd().conditionFindings(of: place.definition("unix:\(place.socket):m?canary=x")).count == 1)
        withExtendedLifetime(server) {}
    }
}

extension SocketmapPlace {
    /// What a table says of the key `key`.
    func outcome(_ table: any Table, _ result: inout String?) -> MapError? {
        do throws(MapError) {
            result = try table.text(of: "key")
            return nil
        } catch {
            return error
        }
    }
}
