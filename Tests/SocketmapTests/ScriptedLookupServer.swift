// A socketmap server that says what a test wants it to say, over a real socket.

import Foundation
import Glibc
import Synchronization
import ZRouteTestKit

/// What the server does when a request has come.
enum ServerAction: Sendable {
    /// It says bytes, in one write.
    case say([UInt8])
    /// Each byte in a write of its own.
    case sayBytewise([UInt8])
    /// It says bytes, and closes the connection.
    case sayAndClose([UInt8])
    /// It says bytes, and nothing more until the client goes.
    case sayAndStall([UInt8])
    /// It closes the connection, what it has not read with it (a reset).
    case reset

    /// An answer in a netstring.
    static func answer(_ text: String) -> ServerAction { .say(netstring(text)) }
}

/// A payload as a netstring.
func netstring(_ text: String) -> [UInt8] { Array("\(text.utf8.count):\(text),".utf8) }

/// A server at a socket in the file system, until the object goes.
final class ScriptedLookupServer: Sendable {
    /// Answers a request: which connection it comes over, counted from 1, which request over it, and `MAP KEY`.
    typealias Script = @Sendable (_ connection: Int, _ request: Int, _ payload: String) -> ServerAction

    let path: String
    private let listener: Int32
    private let script: Script
    private let counts = Mutex((connections: 0, requests: 0))
    private let isStopped = Atomic<Bool>(false)
    private let open = Mutex<Set<Int32>>([])

    init(at path: String, _ script: @escaping Script) throws {
        self.path = path
        self.script = script
        listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
        unlink(path)
        let isBound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
            }
        }
        guard isBound, listen(listener, 64) == 0 else { throw CommandFailure("\(path): errno \(errno)") }
        Thread { [weak self, listener] in
            while true {
                let connection = accept(listener, nil, nil)
                guard connection >= 0, let self else { return }
                self.serve(connection)
            }
        }.start()
    }

    deinit { stop() }

    /// How many connections and requests there were.
    var connections: Int { counts.withLock(\.connections) }
    var requests: Int { counts.withLock(\.requests) }

    /// Ends: nobody can connect any more, and connections are closed.
    func stop() {
        guard !isStopped.exchange(true, ordering: .relaxed) else { return }
        shutdown(listener, Int32(SHUT_RDWR))
        unlink(path)
        closeConnections()
    }

    /// Closes the connections that there are.
    func closeConnections() {
        open.withLock { for descriptor in $0 { shutdown(descriptor, Int32(SHUT_RDWR)) } }
    }

    private func serve(_ descriptor: Int32) {
        let number = counts.withLock {
            $0.connections += 1
            return $0.connections
        }
        _ = open.withLock { $0.insert(descriptor) }
        Thread { [weak self, script] in
            var request = 0
            while let payload = Self.read(descriptor), let self {
                request += 1
                self.counts.withLock { $0.requests += 1 }
                guard Self.act(script(number, request, payload), descriptor) else { break }
            }
            if let self { _ = self.open.withLock { $0.remove(descriptor) } }
            close(descriptor)
        }.start()
    }

    /// - Returns: whether the connection goes on.
    private static func act(_ action: ServerAction, _ descriptor: Int32) -> Bool {
        switch action {
        case .say(let bytes):
            write(bytes, descriptor)
            return true
        case .sayBytewise(let bytes):
            for byte in bytes { write([byte], descriptor) }
            return true
        case .sayAndClose(let bytes):
            write(bytes, descriptor)
            return false
        case .sayAndStall(let bytes):
            write(bytes, descriptor)
            while read(descriptor) != nil {}
            return false
        case .reset:
            var linger = Glibc.linger(l_onoff: 1, l_linger: 0)
            setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
            return false
        }
    }

    private static func write(_ bytes: [UInt8], _ descriptor: Int32) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let sent = rest.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard sent > 0 else { return }
            rest = rest.dropFirst(sent)
        }
    }

    /// The next request; nil at the end.
    private static func read(_ descriptor: Int32) -> String? {
        func next() -> UInt8? {
            var byte: UInt8 = 0
            return Glibc.read(descriptor, &byte, 1) == 1 ? byte : nil
        }
        var length = 0
        while let byte = next() {
            if byte == UInt8(ascii: ":") {
                var payload: [UInt8] = []
                while payload.count < length, let byte = next() { payload.append(byte) }
                return next() == UInt8(ascii: ",") ? String(decoding: payload, as: UTF8.self) : nil
            }
            length = length * 10 + Int(byte &- UInt8(ascii: "0"))
        }
        return nil
    }
}
