// An LMTP server that says what a test wants it to say, over a real socket: any reply at any step, in pieces, twice, too
// early, not at all; or it closes, resets or stalls.

import Foundation
import Glibc

/// What the server does when a step has come.
package indirect enum ScriptedAction: Sendable, Hashable, CustomStringConvertible {
    /// What a server in good health says.
    case usual
    /// A reply of one or more lines, separated by `\n`; CRLF is put in.
    case reply(String)
    /// The same, each byte in a write of its own.
    case split(String)
    /// A reply, but only when a file exists.
    case replyOnceFileExists(String, String)
    /// Bytes as they are, without a line end of ours.
    case bytes(String)
    /// Bytes as they are, and then something else.
    case bytesThen(String, ScriptedAction)
    /// Nothing, and on to the next command.
    case silence
    /// Nothing any more, until the client goes.
    case stall
    /// The line of a reply without end, a byte every tenth of a second, until the client goes.
    case trickle
    /// The connection is closed.
    case close
    /// The connection is reset.
    case reset
    /// Nothing more is said, but the connection is still read from.
    case halfClose

    /// The action in a word.
    package var description: String {
        switch self {
        case .usual: "usual"
        case .reply(let text): "reply \(text)"
        case .split(let text): "split \(text)"
        case .replyOnceFileExists(let text, _): "late reply \(text)"
        case .bytes(let text): "bytes \(text.debugDescription)"
        case .bytesThen(let text, let next): "bytes \(text.debugDescription), then \(next)"
        case .silence: "silence"
        case .stall: "stall"
        case .trickle: "trickle"
        case .close: "close"
        case .reset: "reset"
        case .halfClose: "half-close"
        }
    }
}

/// Where in the dialogue a server is.
package enum ScriptedStep: String, Sendable, Hashable, CaseIterable {
    case greeting, hello, startTLS, authentication, mail, recipient, data, body, final, reset, quit
}

/// In which pieces a server's bytes come.
package enum Writing: String, Sendable, CaseIterable {
    /// Each reply in one write.
    case plain
    /// Each byte in a write of its own.
    case bytewise
    /// All replies to what was sent together in one write.
    case joined
}

/// What a server says.
package struct ServerScript: Sendable {
    /// What it announces after LHLO.
    package var keywords = ["PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES", "SIZE", "DSN"]
    /// The n-th use of a step on a connection takes the n-th action, the last one repeats; without any, all is well.
    package var actions: [ScriptedStep: [ScriptedAction]] = [:]
    /// How what it says is written.
    package var writing = Writing.plain
    /// Replies to RCPT, and final replies, for addresses that begin so.
    package var recipientReplies: [String: String] = [:], finalReplies: [String: String] = [:]
    /// How many recipients of a message are taken, and what is said to the others.
    package var recipientLimit: (count: Int, reply: String)?
    /// On how many connections the script is followed; on later ones all is well.
    package var connectionLimit = Int.max

    /// A server that accepts everything.
    package init() {}
}

/// A listening scripted server.
package final class ScriptedServer: @unchecked Sendable {
    // Everything below the lock is only touched while it is held; the rest never changes.

    /// Its socket in the file system.
    package let path: String
    private let script: @Sendable (Int) -> ServerScript
    private let listener: Int32
    private let lock = NSLock()
    private var open: Set<Int32> = []
    private var state = Record()

    /// What a server has seen and said.
    package struct Record: Sendable {
        /// The commands in order, over all connections.
        package var commands: [String] = []
        /// The messages received whole, dots undone, with CRLF line ends.
        package var messages: [[UInt8]] = []
        /// The address of each recipient whose copy was accepted with a 2yz, once a copy.
        package var accepted: [String] = []
        /// Addresses that were refused with a 5yz.
        package var refused: Set<String> = []
        /// How many connections there were.
        package var connections = 0
        /// How many of them have neither ended nor heard QUIT.
        package var openConnections = 0
        /// How many such there were at a time, at the most.
        package var mostConnections = 0
    }

    /// Listens on a socket in a directory.
    package convenience init(
        _ script: ServerScript = ServerScript(), in directory: TemporaryDirectory, name: String = "lmtp"
    ) throws {
        try self.init(in: directory, name: name) { $0 <= script.connectionLimit ? script : ServerScript() }
    }

    /// The same with a script for each connection.
    ///
    /// - Parameter script: is given the connection's number, counted from 1.
    package init(
        in directory: TemporaryDirectory, name: String = "lmtp", script: @escaping @Sendable (Int) -> ServerScript
    ) throws {
        self.script = script
        path = directory.file(name)
        listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard listener >= 0, bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
            throw CommandFailure("socket \(path): name too long")
        }
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
        let bound = unsafe withUnsafePointer(to: &address) { pointer in
            // The pointer is to a whole sockaddr_un, of the length given.
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                unsafe bind(listener, address, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard bound == 0, listen(listener, 128) == 0 else { throw CommandFailure("listen on \(path): errno \(errno)") }
        Thread.detachNewThread { [self] in accept() }
    }

    /// What it has seen and said so far.
    package var record: Record { lock.withLock { state } }

    /// Stops listening and closes every connection.
    package func stop() {
        shutdown(listener, Int32(SHUT_RDWR))
        lock.withLock {
            for descriptor in open { shutdown(descriptor, Int32(SHUT_RDWR)) }
        }
    }

    deinit { close(listener) }

    private func accept() {
        while true {
            let descriptor = Glibc.accept(listener, nil, nil)
            if descriptor < 0 {
                if errno == EINTR { continue }
                return
            }
            let number = lock.withLock {
                open.insert(descriptor)
                state.connections += 1
                state.openConnections += 1
                state.mostConnections = max(state.mostConnections, state.openConnections)
                return state.connections
            }
            Thread.detachNewThread { [self] in
                var connection = ScriptedConnection(descriptor: descriptor, script: script(number)) { [self] change in
                    lock.withLock { change(&state) }
                }
                connection.serve()
                lock.withLock { _ = open.remove(descriptor) }
                close(descriptor)
            }
        }
    }
}
