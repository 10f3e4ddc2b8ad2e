// The front among many who say nothing, and with a spool that has no room: everybody else has what he came for.

import Delivery
import Foundation
import Glibc
import Serve
import Service
import Testing
import ZRouteTestKit

@Suite(.serialized) struct FrontCrowdTests {
    /// How many clients, and how many stores, are silent at once.
    private static let crowd = 100

    @Test func silentClientsAndStoresHoldUpNobody() throws {
        let directory = try TemporaryDirectory()
        let a = try ScriptedServer(in: directory, name: "a")
        defer { a.stop() }
        // They take connections, and say nothing over them.
        let hosts = (0..<Self.crowd).map { "silent\($0)" }
        let silent = try ListeningSocket.listen(at: hosts.map { .unix(directory.file($0)) })
        defer { for socket in silent { socket.abandon() } }
        var site = FrontSite()
        for host in hosts {
            site.entries["fqdnroutes"]?["\(host)@x.example"] = "smtp-lmtp!\(host)!u@store"
            site.stores[host] = directory.file(host)
        }
        let place = try FrontPlace(in: directory, site: site) { $0.stores.command = 30 }
        // Each stops at another place: in a command, before a recipient, in a message.
        let beginnings = [
            "", "MAI", "MAIL FROM:<s@y.example>\r\n", "MAIL FROM:<s@y.example>\r\nRCPT TO:<a1@x.example>\r\nDATA\r\nx",
        ]
        let clients = try (0..<Self.crowd).map { index in
            let client = try place.client()
            try client.stream.write(beginnings[index % beginnings.count])
            return client
        }
        let asking = try hosts.map { host in
            let client = try place.client()
            try client.stream.write("MAIL FROM:<s@y.example>\r\nRCPT TO:<\(host)@x.example>\r\n")
            return client
        }
        // Those in the middle of a message have all of the store's connections but for one that becomes free.
        #expect(try holds { place.server.counts.openConnections == 2 * Self.crowd })
        let b = try ScriptedServer(in: directory, name: "b")
        defer { b.stop() }
        for _ in 0..<20 {
            let client = try place.client()
            #expect(try client.send(["b1", "none"]).finals == ["250 2.1.5 delivered <b1@store>"])
        }
        for client in asking {
            #expect(try client.reply().hasPrefix("250"))
            #expect(try client.reply().hasPrefix("451 4.4."))
        }
        withExtendedLifetime(clients) {}
        print("FrontCrowdTests: \(Self.crowd) silent clients and \(Self.crowd) silent stores")
    }

    @Test func aFullDiskDefersWhatNeedsTheSpoolAlone() throws {
        let directory = try TemporaryDirectory()
        let spool = try directory.makeDirectory("spool")
        guard let disk = try SmallDisk(at: spool, kibibytes: 400, for: "FrontCrowdTests") else { return }
        let a = try ScriptedServer(in: directory, name: "a")
        defer { a.stop() }
        let place = try FrontPlace(in: directory, hasSpool: true)
        let client = try place.client()
        let deferred = "451 4.3.1 it cannot be written to the queue now"
        let (delivered, kept) = ("250 2.1.5 delivered <a1@store>", "250 2.0.0 kept in the queue")
        // It becomes full while a message comes.
        let line = String(repeating: "x", count: 98) + "\r\n"
        let long = "Subject: long\r\n\r\n" + String(repeating: line, count: 20_000)
        #expect(try client.send(["list", "a1", "elsewhere"], long).finals == [deferred, delivered, deferred])
        #expect(try directory.names("spool/router").isEmpty && directory.names("spool/public").isEmpty)
        // There is room again, as nothing of it was left.
        #expect(try client.send(["list", "a1"]).finals == [kept, delivered])
        // It is full before a message comes.
        try disk.fill()
        for _ in 0..<3 { #expect(try client.send(["a1", "list"]).finals == [delivered, deferred]) }
        try disk.empty()
        #expect(try client.send(["list", "a1"]).finals == [kept, delivered])
        let left = try directory.names("spool/router")
        #expect(left.count == 2, "\(left)")
        #expect(a.record.messages.count == 6)
        withExtendedLifetime(disk) {}
    }
}
