// Kills a delivering process at each of its file operations in turn, lets another run finish, and counts copies.

import Files
import Foundation
import Spool
import Testing
import ZRouteTestKit

@Suite struct CrashTests {
    @Test func nothingIsLostWhenTheProcessIsKilled() throws {
        var number = 0
        var duplicates = 0
        var messages = 0
        while true {
            let spool = try DeliverySpool()
            var script = ServerScript()
            script.recipientReplies = ["bad": "550 5.1.1 no such user"]
            let server = try ScriptedServer(script, in: spool.place)
            defer { server.stop() }
            for index in 0..<3 {
                try spool.add([recipient("a\(index)"), recipient("bad\(index)"), recipient("b\(index)")])
            }
            messages += 3
            let first = try Self.run(spool, server.path, killAt: number)
            let second = try Self.run(spool, server.path, killAt: nil)
            #expect(second.status == 0, "kill at \(number): \(second.errorText)")
            let accepted = server.record.accepted
            let wanted = Set((0..<3).flatMap { ["a\($0)", "b\($0)"] })
            #expect(Set(accepted) == wanted, "kill at \(number): lost \(wanted.subtracting(accepted))")
            let copies = accepted.count - wanted.count
            // At most the transaction whose reply was read and not written down yet.
            #expect(copies <= 2, "kill at \(number): \(accepted)")
            duplicates += copies
            #expect(try spool.postOffice.messages().names.isEmpty, "kill at \(number)")
            #expect(try spool.reports().count == 3, "kill at \(number)")
            if first.status == 0 { break }
            number += 1
        }
        print("DeliveryTests: killed at \(number) points, \(messages) messages: none lost, \(duplicates) second copies")
        #expect(number > 30)
    }

    private static func run(_ spool: DeliverySpool, _ server: String, killAt number: Int?) throws -> CommandResult {
        let runner = try programDirectory() + "/DeliveryFaultRunner"
        return try runCommand(runner, [spool.postOffice.path, server, number.map(String.init) ?? "none"])
    }
}

/// Where the programs of this build are: beside the one that runs the tests.
func programDirectory() throws -> String {
    let own = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent().path
    let bundles = CommandLine.arguments.filter { $0.contains(".xctest") }.map { directory(of: $0) }
    for candidate in [own] + bundles + bundles.map({ directory(of: $0) })
        + bundles.map({ directory(of: directory(of: $0)) })
    where FileManager.default.isExecutableFile(atPath: candidate + "/DeliveryFaultRunner") {
        return candidate
    }
    throw CommandFailure("DeliveryFaultRunner was not built beside the tests in \(own)")
}
