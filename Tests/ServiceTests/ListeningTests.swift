// Sockets that a service makes: who may connect, what is replaced, what is said where it cannot listen.

import Foundation
import Glibc
import Testing
import ZRouteTestKit

@Suite struct ListeningTests {
    private func status(_ path: String) throws -> stat {
        var status = stat()
        guard lstat(path, &status) == 0 else { throw CommandFailure("\(path): \(errno)") }
        return status
    }

    /// A socket in the file system that nobody listens at, as a process that was killed leaves it.
    private func leaveSocket(_ path: String, _ kind: __socket_type = SOCK_STREAM) throws {
        let descriptor = socket(AF_UNIX, Int32(kind.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
        let code = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard code == 0 else { throw CommandFailure("\(path): \(errno)") }
    }

    /// The file is the service's while it lives, with the mode that was asked for, and gone after it.
    @Test func aSocketFileLivesAsLongAsItsService() throws {
        let place = try TemporaryDirectory()
        let path = place.file("s")
        let runner = try RunnerPlace(["unix:\(path)"], files: ["drained"])
        _ = try runner.listener.next()
        let found = try status(path)
        #expect(found.st_mode & S_IFMT == S_IFSOCK && found.st_mode & 0o777 == 0o600)
        runner.program.send(SIGTERM)
        #expect(runner.program.wait() == 0)
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test func aStaleSocketIsReplaced() throws {
        let place = try TemporaryDirectory()
        try leaveSocket(place.file("s"))
        let before = try status(place.file("s"))
        let runner = try RunnerPlace(["unix:\(place.file("s"))"], files: ["drained"])
        #expect(try runner.listener.next()?.hasPrefix("READY=1") == true, "\(runner.program.errors)")
        let after = try status(place.file("s"))
        #expect(before.st_ctim.tv_nsec != after.st_ctim.tv_nsec || before.st_ino != after.st_ino)
        // kill -9 leaves it, and the next one takes its place.
        runner.program.send(SIGKILL)
        #expect(runner.program.wait() == -SIGKILL)
        let next = try RunnerPlace(["unix:\(place.file("s"))"], files: ["drained"])
        #expect(try next.listener.next()?.hasPrefix("READY=1") == true, "\(next.program.errors)")
    }

    @Test func aSocketThatSomebodyListensAtIsLeft() throws {
        let place = try TemporaryDirectory()
        let path = place.file("s")
        let first = try RunnerPlace(["unix:\(path)"], files: ["drained"])
        _ = try first.listener.next()
        let inode = try status(path).st_ino
        let second = try RunnerPlace(["unix:\(path)"])
        #expect(second.program.wait() == 75)
        #expect(
            second.program.errors
                == "\(path): listen: Address already in use; another program listens there: end it, or choose another"
                + " path\n")
        #expect(try status(path).st_ino == inode && first.program.isRunning)
        // What is no longer its own it does not remove.
        #expect(unlink(path) == 0)
        try place.write("another's", to: "s")
        first.program.send(SIGTERM)
        #expect(first.program.wait() == 0)
        #expect(FileManager.default.fileExists(atPath: path))
    }

    /// Of many that start at once one listens.
    @Test func oneOfManyListens() throws {
        let place = try TemporaryDirectory()
        let path = place.file("s")
        try leaveSocket(path)
        let runners = try (0..<8).map { _ in try RunnerPlace(["unix:\(path)"], files: ["drained"]) }
        #expect(try holds { runners.count { !$0.program.isRunning } == 7 })
        let living = runners.filter { $0.program.isRunning }
        #expect(living.count == 1)
        #expect(runners.count { $0.program.errors.contains("another program listens there") } == 7)
        #expect(try status(path).st_mode & S_IFMT == S_IFSOCK)
    }

    struct Obstacle: Sendable, CustomTestStringConvertible {
        let path: String
        let reason: String
        var testDescription: String { "\(path.prefix(30)): \(reason)" }
    }

    static let obstacles = [
        Obstacle(path: "file", reason: "File exists; it is no socket: remove it"),
        Obstacle(path: "link", reason: "File exists; it is no socket"),
        Obstacle(path: "directory", reason: "File exists; it is no socket"),
        Obstacle(path: "datagram", reason: "a socket of another kind, which a program may use"),
        Obstacle(path: "none/s", reason: "No such file or directory; make the directory"),
        Obstacle(path: "file/s", reason: "Not a directory; make the directory"),
        Obstacle(
            path: String(repeating: "x", count: 120),
            reason: "File name too long; a socket's path has 107 bytes at the most"),
    ]

    @Test(arguments: obstacles)
    func whatIsInTheWayIsNamedAndLeft(obstacle: Obstacle) throws {
        let place = try TemporaryDirectory()
        try place.write("kept", to: "file")
        try place.makeDirectory("directory")
        symlink("/nowhere", place.file("link"))
        // A receiver that lives: a datagram socket that nobody has may be anybody's.
        let receiver = try NotificationListener(place.file("datagram"))
        let runner = try RunnerPlace(["unix:\(place.file(obstacle.path))"])
        #expect(runner.program.wait() == 75)
        let errors = runner.program.errors
        #expect(
            errors.hasPrefix("\(place.file(obstacle.path)): listen: ") && errors.contains(obstacle.reason), "\(errors)")
        #expect(try place.names() == ["datagram", "directory", "file", "link"])
        withExtendedLifetime(receiver) {}
    }

    /// Each form of a host listens where it says.
    @Test(arguments: [
        ("127.0.0.1:0", ["127.0.0.1"]), ("localhost:0", ["127.0.0.1"]), (":0", ["127.0.0.1"]), ("*:0", ["0.0.0.0"]),
        ("[::1]:0", ["[::1]"]), ("::1:0", ["[::1]"]),
    ])
    func aPortListensOnItsAddresses(endpoint: String, addresses: [String]) throws {
        let runner = try RunnerPlace([endpoint], files: ["drained"])
        guard try runner.listener.next()?.hasPrefix("READY=1") == true || !endpoint.contains("::") else {
            print("ListeningTests: \(endpoint) is not tried: this host has no IPv6 (\(runner.program.errors))")
            return
        }
        let names = runner.lines.filter { $0.hasPrefix("listens ") }.compactMap { $0.split(separator: " ").last }
        for address in addresses { #expect(names.contains { $0.hasPrefix("\(address):") }, "\(names)") }
        // All of them have one port, which is none of 0.
        let ports = Set(names.compactMap { $0.split(separator: ":").last })
        #expect(ports.count == 1 && !ports.contains("0"), "\(names)")
    }

    @Test(arguments: [
        ("$PORT", "Address already in use; another program listens there: end it, or choose another port"),
        ("192.0.2.1:0", "Cannot assign requested address; give an address of this host"),
        ("nobody.invalid:0", "nobody.invalid:0: listen: the name cannot be resolved: "),
    ])
    func whyAPortCannotBeHadIsSaid(endpoint: String, reason: String) throws {
        let first = try RunnerPlace(["127.0.0.1:0"], files: ["drained"])
        _ = try first.listener.next()
        let name = try #require(first.lines.first?.split(separator: " ").last.map(String.init))
        let second = try RunnerPlace([endpoint == "$PORT" ? name : endpoint])
        #expect(second.program.wait() == 75)
        #expect(second.program.errors.contains(reason), "\(second.program.errors)")
    }

    /// Where one of several cannot be listened at, none of the others stays.
    @Test func oneThatFailsTakesTheOthersAlong() throws {
        let place = try TemporaryDirectory()
        let runner = try RunnerPlace(["unix:\(place.file("a"))", "unix:\(place.file("no/b"))"])
        #expect(runner.program.wait() == 75)
        #expect(try place.names().isEmpty)
    }
}
