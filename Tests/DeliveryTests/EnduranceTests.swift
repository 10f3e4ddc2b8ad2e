// Fourteen thousand messages through one run: what it has of memory and descriptors does not grow with them.

import Foundation
import Spool
import Testing
import ZRouteTestKit

@Suite(.serialized) struct EnduranceTests {
    private static let total = 16_000

    @Test(arguments: [1, 10])
    func nothingGrows(connections: Int) throws {
        let spool = try DeliverySpool(isInMemory: true)
        let server = try RealServer("smtp-sink", environment: ["KEEP": "no"])
        defer { server.stop() }
        for number in 0..<Self.total { try spool.add([recipient("u\(number)@example.org")]) }
        let transport = spool.postOffice.path + "/transport"
        func left() throws -> Int { try FileManager.default.contentsOfDirectory(atPath: transport).count }
        let program = try RunningProgram(
            try Programs.zroute.get(),
            [
                "deliver", "--once", "--set", "POSTOFFICE=\(spool.postOffice.path)", "--set", "hostname=h.example",
                "--lmtp", "UNIX:\(server["LMTP_SOCKET"])", "--connections", "\(connections)",
            ])
        var samples: [(done: Int, memory: Int, descriptors: Int)] = []
        // The first 7,000 warm it up: connections, threads, buffers, and what is known of all messages that wait.
        for mark in [7000, 9000, 11_000, 13_000, 15_000] {
            guard try holds(within: 240, { try Self.total - left() >= mark || !program.isRunning }) else { break }
            guard let now = try? program.footprint() else { break }
            samples.append((Self.total - (try left()), now.memory, now.descriptors))
        }
        #expect(program.wait() == 0, "\(program.errors.suffix(1000))")
        #expect(try left() == 0)
        let figures = samples.map { "\($0.done): \($0.memory) KiB, \($0.descriptors) descriptors" }
        print("EnduranceTests: \(connections) connections, after messages: \(figures.joined(separator: "; "))")
        let first = try #require(samples.first)
        let last = try #require(samples.last)
        #expect(samples.count >= 4)
        // 8,000 messages of some hundred bytes each, if any stayed, would be more than this.
        #expect(last.memory - first.memory <= 512, "\(figures)")
        // The messages at work have one each, and so have those that wait for their removal, and those being removed: up
        // to 128 of both (RemovalQueue), which on a busy machine there are at times.
        #expect(samples.allSatisfy { $0.descriptors <= first.descriptors + 32 + 256 }, "\(figures)")
    }
}
