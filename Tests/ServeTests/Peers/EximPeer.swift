// A real Exim in front of a site.

import Foundation
import Glibc
import ZRouteTestKit

/// Debian's Exim, run privately, with a configuration of docs/.
final class EximPeer {
    private let server: RealServer
    private let place: TemporaryDirectory

    /// Whether it can be run; says why not.
    static func canRun(_ test: String) -> Bool {
        guard geteuid() == 0 else {
            print("\(test): not run, because only root may give Exim a configuration of its own")
            return false
        }
        return true
    }

    /// Starts Exim.
    ///
    /// - Parameter configuration: its configuration file, but for what is about places.
    init(_ configuration: String) throws {
        place = try TemporaryDirectory(isInMemory: true)
        let memory = FileManager.default.isWritableFile(atPath: "/dev/shm") ? ["TMPDIR": "/dev/shm"] : [:]
        server = try RealServer("exim", [try place.write(configuration, to: "exim.conf")], environment: memory)
    }

    /// A connection to its SMTP port.
    func connect() throws -> SMTPClient { try SMTPClient(server["SMTP"]) }

    /// Its log so far.
    var log: String {
        String(decoding: FileManager.default.contents(atPath: server["LOG"]) ?? Data(), as: UTF8.self)
    }

    /// The lines of its log that hold a text.
    func logLines(_ part: String) -> [Substring] { log.split(separator: "\n").filter { $0.contains(part) } }

    /// Runs Exim with its configuration.
    func run(_ arguments: String...) throws -> CommandResult { try runCommand(server["COMMAND"], arguments) }

    /// The number of messages in its queue.
    func queued() throws -> Int { Int(try run("-bpc").text.trimmingCharacters(in: .whitespacesAndNewlines)) ?? -1 }

    /// Tries everything in its queue, whether it is time or not, and waits until that is done.
    func runQueue() throws {
        guard try run("-qff").status == 0 else { throw CommandFailure("exim -qff: \(log.suffix(2000))") }
    }

    /// Waits until nothing is in its queue.
    func waitUntilEmpty() throws {
        guard try holds(within: 60, { try queued() == 0 }) else {
            throw CommandFailure("messages stay in Exim's queue: \(log.suffix(4000))")
        }
    }

    /// Ends it.
    func stop() { server.stop() }
}
