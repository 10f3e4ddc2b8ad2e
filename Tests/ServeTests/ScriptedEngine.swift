// An engine whose answers a test decides, in the place of a site's.

import Bytes
import Glibc
import LookupProtocols
import Maps
import Routing
import Serve
import Service
import Synchronization
import System
import Testing
import ZRouteTestKit

/// Answers `found KEY`, is absent for keys that begin with `absent`, and hangs for those that begin with `hang`.
final class ScriptedEngine: LookupAnswering {
    private let table: WatchedTable

    init(_ watch: CallWatch, gate: Gate) {
        table = WatchedTable(wrapping: ScriptedTable(gate), resource: WatchedResource(.nameService, watch: watch))
    }

    func answer(_ map: ServedMap, _ key: Span<UInt8>, into reply: inout LookupReply) {
        var value: [UInt8] = []
        do {
            if try table.lookUp(key, into: &value) {
                reply.begin(.found)
                reply.append(value)
            } else {
                reply.set(.absent, "no such key")
            }
        } catch {
            reply.set(.failed, "\(error)")
        }
    }

    func resolve(_ address: Span<UInt8>, _ request: Resolver.Request) -> Resolution {
        var value: [UInt8] = []
        do {
            _ = try table.lookUp(address, into: &value)
            return Answer(of: address, failed: .syntax(nil)).resolution
        } catch {
            return Answer(of: address, failed: .map(error)).resolution
        }
    }
}

/// Lets lookups that hang go on.
final class Gate: Sendable {
    private let isOpen = Monitor(false)
    let hangingCount = Atomic(0)

    func open() { isOpen.change { $0 = true } }
    func pass() {
        hangingCount.wrappingAdd(1, ordering: .relaxed)
        _ = isOpen.wait { $0 ? true : nil }
    }
}

private final class ScriptedTable: Table {
    let gate: Gate
    let name = TableName(relation: "scripted", backEnd: "test", file: "-")
    let privilege: UInt32 = 0

    init(_ gate: Gate) { self.gate = gate }

    func lookUp(_ key: Span<UInt8>, into value: inout [UInt8]) throws(MapError) -> Bool {
        let text = String(decoding: [UInt8](copying: key), as: UTF8.self)
        if text.hasPrefix("hang") { gate.pass() }
        if text.hasPrefix("absent") { return false }
        value = Array("found \(text)".utf8)
        return true
    }

    func refresh() -> Bool { false }
}

/// A lookup server over a socket of its own.
final class ServerFixture {
    let directory: TemporaryDirectory
    let gate = Gate()
    let server: LookupServer
    private(set) var isFinished = false

    var path: String { directory.path + "/socket" }

    init(
        _ protocolName: String = "lines", deadline: Duration = .seconds(5), workers: Int = 2,
        change: (inout LookupServerLimits) -> Void = { _ in }
    ) throws {
        directory = try TemporaryDirectory()
        var limits = LookupServerLimits(workers: workers)
        change(&limits)
        let gate = self.gate
        let served = try #require(ServedProtocol.all.first { $0.name == protocolName })
        let socket = try ListeningSocket.listen(at: [.unix(directory.path + "/socket")])[0]
        server = try LookupServer(
            [LookupListener(socket, protocolName: protocolName) { served.makeDialogue(Array("route".utf8)) }],
            service: LookupService(maps: ServedMaps(relations: ["aliases"]), health: ResourceHealth(deadline: deadline))
            {
                ScriptedEngine($0, gate: gate)
            }, limits: limits)
    }

    func connect() throws -> LocalStream { try LocalStream(path: path) }

    func finish(within seconds: Int = 5) {
        guard !isFinished else { return }
        isFinished = true
        gate.open()
        server.finish(within: seconds)
    }

    deinit { finish(within: 0) }
}
