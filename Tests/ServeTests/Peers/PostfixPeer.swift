// A real Postfix in front of a site.

import Foundation
import Glibc
import ZRouteTestKit

/// Debian's Postfix, run privately, with a main.cf of docs/.
final class PostfixPeer {
    private let server: RealServer
    private let place: TemporaryDirectory

    /// Whether it can be run; says why not.
    static func canRun(_ test: String) -> Bool {
        guard geteuid() == 0 else {
            print("\(test): not run, because only root can start Postfix")
            return false
        }
        return true
    }

    /// Starts Postfix.
    ///
    /// - Parameters:
    ///   - configuration: lines for main.cf.
    ///   - commands: what an administrator runs beside it.
    init(_ configuration: String, commands: [String] = []) throws {
        place = try TemporaryDirectory(isInMemory: true)
        // smtpd remembers failures as long as it lives; here it does not outlive a connection.
        let path = try place.write(configuration + "max_use = 1\n", to: "main.cf")
        let script = try place.write(commands.map { "\($0)\n" }.joined(), to: "commands")
        let memory = FileManager.default.isWritableFile(atPath: "/dev/shm") ? ["TMPDIR": "/dev/shm"] : [:]
        server = try RealServer("postfix", [path, script], environment: memory)
    }

    /// The paths and names of its page, and what is in their place here.
    var replacements: [(old: String, new: String)] {
        [("/var/spool/postfix", server["QUEUE"]), ("--socket-group postfix", "--socket-group \(server["GROUP"])")]
    }

    /// A connection to its SMTP port.
    func connect() throws -> SMTPClient { try SMTPClient(server["SMTP"]) }

    /// Several connections at a time.
    var clients: SMTPClients { SMTPClients(endpoint: endpoint) }

    /// Where it takes mail.
    var endpoint: String { server["SMTP"] }

    /// Its log so far.
    var log: String {
        String(decoding: FileManager.default.contents(atPath: server["LOG"]) ?? Data(), as: UTF8.self)
    }

    /// The lines of its log that hold a text.
    func logLines(_ part: String) -> [Substring] { log.split(separator: "\n").filter { $0.contains(part) } }

    /// The number of messages in its queue.
    var queued: Int {
        ["maildrop", "incoming", "active", "deferred", "hold", "corrupt"].reduce(0) { count, directory in
            let names = FileManager.default.enumerator(atPath: "\(server["QUEUE"])/\(directory)")
            var files = 0
            while names?.nextObject() != nil {
                if names?.fileAttributes?[.type] as? FileAttributeType == .typeRegular { files += 1 }
            }
            return count + files
        }
    }

    /// Tries all that waits, now.
    func flush() throws { try runCommandSuccessfully(server["COMMAND"], ["postqueue", "-f"]) }

    /// Waits until nothing is in its queue.
    ///
    /// A message that the queue manager has met locked, it tries again minutes later; it is told to try all of them.
    func waitUntilEmpty() throws {
        for _ in 0..<12 {
            if try holds(within: 5, { queued == 0 }) { return }
            try flush()
        }
        let list = try runCommand(server["COMMAND"], ["postqueue", "-p"])
        throw CommandFailure("\(queued) messages stay in Postfix's queue: \(list.text) \(log.suffix(4000))")
    }

    /// Asks a map by postmap.
    ///
    /// - Parameter map: the table, `socketmap:unix:...` or `tcp:...`.
    func postmap(_ key: String, _ map: String) throws -> CommandResult { try postmap.ask(key, map) }

    /// Its postmap, for several threads.
    var postmap: Postmap { Postmap(command: server["COMMAND"]) }

    /// Ends it.
    func stop() { server.stop() }
}

/// Postfix's postmap.
struct Postmap: Sendable {
    fileprivate let command: String

    /// Asks a map.
    ///
    /// - Parameters:
    ///   - key: the key; `-` for those of the input.
    ///   - map: the table, `socketmap:unix:...` or `tcp:...`.
    func ask(_ key: String, _ map: String, input: [UInt8] = []) throws -> CommandResult {
        try runCommand(command, ["postmap", "-q", key, map], input: input)
    }
}
