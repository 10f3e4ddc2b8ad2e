// The services over thousands of messages that come one by one: what they have of memory, descriptors, threads and
// lockers does not grow with them. ZROUTE_ENDURANCE_MESSAGES sets how many (1,500 unless set; the long run has 100,000).

import Foundation
import Glibc
import Testing
import ZRouteTestKit

@Suite(.serialized) struct ServiceEnduranceTests {
    private static let total =
        ProcessInfo.processInfo.environment["ZROUTE_ENDURANCE_MESSAGES"].flatMap { Int($0) } ?? 1500

    /// What a service has of what a process can run out of.
    private struct Holdings {
        let memory: Int, descriptors: Int, threads: Int, lockers: Int
    }

    @Test(arguments: RoutingService.allCases, MapKind.allCases)
    func nothingGrowsMessageByMessage(service: RoutingService, maps: MapKind) throws {
        let site = try TestSite(maps)
        let sink = try RealServer("smtp-sink", environment: ["KEEP": "no"])
        defer { sink.stop() }
        let program = try site.start(service.arguments(deliveringTo: sink["LMTP_SOCKET"]))
        func holdings() throws -> Holdings {
            let footprint = try program.footprint()
            return Holdings(
                memory: footprint.memory, descriptors: footprint.descriptors, threads: footprint.threads,
                lockers: maps == .live ? try BerkeleyDBTools.lockers(in: site.place.file("env")) : 0)
        }
        var samples: [Holdings] = []
        for number in 1...Self.total {
            try site.submit(to: "a", as: "m\(number)")
            try #require(try holds { try site.isDone(service) }, "message \(number): \(program.errors.suffix(500))")
            // The first tenth warms it up.
            if number * 10 >= Self.total, number % max(Self.total / 10, 1) == 0 { samples.append(try holdings()) }
        }
        program.send(SIGTERM)
        #expect(program.wait() == 0, "\(program.errors.suffix(1000))")
        let figures = samples.map {
            "\($0.memory) KiB, \($0.descriptors) descriptors, \($0.threads) threads, \($0.lockers) lockers"
        }
        let first = try #require(samples.first)
        let last = try #require(samples.last)
        print(
            "ServiceEnduranceTests: \(service), \(maps) maps, \(Self.total) messages one by one: \(figures.first ?? "")"
                + " at first; \(figures.last ?? "") at last")
        #expect(program.output.split(separator: "\n").count { $0.contains(": routed ") } == Self.total)
        #expect(last.memory - first.memory <= 1024, "\(figures)")
        // A connection to the store, and what is at work at the moment, more or less.
        #expect(samples.allSatisfy { $0.descriptors <= first.descriptors + 8 }, "\(figures)")
        #expect(samples.allSatisfy { $0.threads <= first.threads + 1 }, "\(figures)")
        #expect(samples.allSatisfy { $0.lockers <= first.lockers + 2 }, "\(figures)")
        #expect(try maps != .live || BerkeleyDBTools.lockers(in: site.place.file("env")) == 0)
    }

    /// Everything is open that may be: what comes waits, the service goes on by itself where there are descriptors again,
    /// and a wish to end is heard all the same.
    @Test(arguments: RoutingService.allCases, [0, 1, 2, 3])
    func theLimitOfDescriptors(service: RoutingService, spare: Int) throws {
        let site = try TestSite(.compiled)
        let sink = try RealServer("smtp-sink", environment: ["KEEP": "no"])
        defer { sink.stop() }
        let program = try site.start(service.arguments(deliveringTo: sink["LMTP_SOCKET"]))
        #expect(try holds { program.isWatching })
        func limit(_ count: Int) throws {
            // The soft limit: the hard one could not be raised again.
            try runCommandSuccessfully(
                "/usr/bin/prlimit", ["--pid", "\(program.identifier)", "--nofile=\(count):"])
        }
        try limit(try program.footprint().descriptors + spare)
        for number in 1...3 { try site.submit(to: "a", as: "m\(number)") }
        #expect(try holds { program.errors.contains("Too many open files") || program.output.contains("deferred") })
        #expect(program.isRunning)
        try limit(512)
        try site.submit(to: "a", as: "last")
        #expect(try holds { program.output.contains(": routed ") }, "\(program.errors.suffix(1000))")
        try limit(try program.footprint().descriptors)
        try site.submit(to: "a", as: "waits")
        program.send(SIGTERM)
        #expect(program.wait() == 0, "\(program.errors.suffix(1000))")
    }
}
