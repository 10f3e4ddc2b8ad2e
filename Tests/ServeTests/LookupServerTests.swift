// The lookup server over real sockets: what its clients see, whatever others do.

import LookupProtocols
import Maps
import Routing
import Serve
import Synchronization
import System
import Testing
import ZRouteTestKit

@Suite struct LookupServerTests {
    @Test func answersRequestsInTheirOrder() throws {
        let fixture = try ServerFixture()
        let client = try fixture.connect()
        try client.write("route a\nroute absent\nroute b\nnothing c\nroute\n\n")
        let lines = try client.readToEnd().split(separator: "\n").map(String.init)
        #expect(lines.count == 5)
        #expect(lines.prefix(3) == ["OK found a", "NOTFOUND no such key", "OK found b"])
        #expect(lines[3].hasPrefix("PERM no map has this name; there are alias, "))
        #expect(lines[4].hasPrefix("PERM a request is"))
    }

    @Test func answersAllBeforeAHalfClosedConnectionIsClosed() throws {
        let fixture = try ServerFixture()
        let client = try fixture.connect()
        let count = 20_000
        try client.write((0..<count).map { "route \($0)\n" }.joined())
        client.closeWriting()
        let answer = try client.readToEnd()
        #expect(answer == (0..<count).map { "OK found \($0)\n" }.joined())
    }

    @Test func takesRequestsByteByByte() throws {
        let fixture = try ServerFixture("socketmap")
        let client = try fixture.connect()
        for byte in "7:route k,7:route l," { try client.write(String(byte)) }
        #expect(try client.read(21) == Array("10:OK found k,10:OK found l".utf8.prefix(21)))
    }

    @Test func aLookupThatHangsFailsAloneAndInTime() throws {
        let fixture = try ServerFixture(deadline: .milliseconds(300))
        let hanging = try (0..<6).map { _ in try fixture.connect() }
        for client in hanging { try client.write("route hang\nroute after\n") }
        // More hang than there are workers; one who asks something else is answered meanwhile.
        let other = try fixture.connect()
        try other.write("route other\n")
        #expect(try other.readLine() == "OK found other")
        for client in hanging {
            #expect(try client.readLine().hasPrefix("TEMP "))
            // The map is known to be broken until its call comes back.
            #expect(try client.readLine().hasPrefix("TEMP "))
        }
        fixture.gate.open()
        var line = ""
        repeat {
            try other.write("route again\n")
            line = try other.readLine()
        } while line.hasPrefix("TEMP ")
        #expect(line == "OK found again")
    }

    @Test func resolvesForOtherThreadsAndFailsWhatHangs() throws {
        let fixture = try ServerFixture(deadline: .milliseconds(300))
        let answers = Monitor<[String: Resolution]>([:])
        for name in ["a", "hang", "b"] {
            fixture.server.resolve(Array(name.utf8), Resolver.Request()) { answer in
                answers.change { $0[name] = answer }
            }
        }
        let all = try #require(answers.wait(atMost: .seconds(60)) { $0.count == 3 ? $0 : nil })
        #expect(all["hang"]?.status == .deferred)
        #expect(all["a"]?.status == .failed && all["b"]?.status == .failed)
    }

    @Test func waitsWithMoreConnectionsThanThereIsRoomFor() throws {
        let fixture = try ServerFixture { $0.connections = 3 }
        var clients = try (0..<3).map { _ in try fixture.connect() }
        for client in clients {
            try client.write("route a\n")
            #expect(try client.readLine() == "OK found a")
        }
        let late = try fixture.connect()
        try late.write("route late\n")
        clients.removeFirst()
        #expect(try late.readLine() == "OK found late")
    }

    @Test func endsWhoTakesTooLongAndSaysSo() throws {
        let fixture = try ServerFixture { $0.patience = 0 }
        let slow = try fixture.connect()
        try slow.write("route half a requ")
        #expect(try slow.readToEnd() == "TEMP the server ends this connection; ask again\n")
    }

    @Test func aClientThatTakesNoAnswersHoldsUpNobody() throws {
        let fixture = try ServerFixture(workers: 1)
        let deaf = try fixture.connect()
        let many = String(repeating: "route \(String(repeating: "k", count: 1000))\n", count: 100)
        var written = 0
        // Until the server reads no more.
        while written < 64, (try? deaf.writeWithoutWaiting(many)) == true { written += 1 }
        #expect(written < 64)
        let other = try fixture.connect()
        try other.write("route other\n")
        #expect(try other.readLine() == "OK found other")
    }

    @Test func drainingAnswersWhatWasAskedAndWhoHasJustConnected() throws {
        let fixture = try ServerFixture()
        let idle = try fixture.connect()
        try idle.write("route a\n")
        #expect(try idle.readLine() == "OK found a")
        let hanging = try fixture.connect()
        try hanging.write("route hang\n")
        while fixture.gate.hangingCount.load(ordering: .relaxed) == 0 {}
        let silent = try fixture.connect()
        fixture.finish(within: 5)
        #expect(try idle.readToEnd() == "")
        #expect(try hanging.readToEnd() == "OK found hang\n")
        #expect(try silent.readToEnd() == "TEMP the server ends this connection; ask again\n")
        #expect(throws: (any Error).self) { try fixture.connect() }
    }

    @Test func whoAsksMuchHoldsUpNobody() throws {
        let fixture = try ServerFixture(workers: 1)
        let many = String(repeating: "route \(String(repeating: "k", count: 20))\n", count: 2_000)
        let busy = try (0..<20).map { _ in try fixture.connect() }
        for client in busy {
            try client.write(many)
            client.closeWriting()
        }
        let other = try fixture.connect()
        try other.write("route other\n")
        #expect(try other.readLine() == "OK found other")
        for client in busy {
            #expect(
                try client.readToEnd()
                    == String(repeating: "OK found \(String(repeating: "k", count: 20))\n", count: 2_000))
        }
    }

    @Test func anEndWithNothingToDoIsNoWait() throws {
        for _ in 0..<20 {
            let fixture = try ServerFixture(workers: 2)
            let client = try fixture.connect()
            try client.write("route a\n\n")
            #expect(try client.readToEnd() == "OK found a\n")
            fixture.finish(within: 1)
        }
    }
}
