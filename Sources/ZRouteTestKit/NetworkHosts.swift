// Several hosts on one machine: network namespaces, each with a link to a bridge in another one, so that links can be cut without
// touching the machine's own network.

import Foundation
import Glibc

/// Hosts with addresses of their own, joined by one network; gone with the object.
package final class NetworkHosts: Sendable {
    /// How many there are.
    package let count: Int
    private let name: String
    private static let tool = "/usr/sbin/ip"

    /// Makes hosts; nil where that cannot be done, which is printed.
    ///
    /// - Parameter test: the name in what is printed.
    package init?(_ count: Int, for test: String) throws {
        guard geteuid() == 0, FileManager.default.isExecutableFile(atPath: Self.tool) else {
            print("\(test): not run: only the superuser can make network namespaces, and \(Self.tool) is needed")
            return nil
        }
        self.count = count
        name = "zrt\(UUID().uuidString.prefix(8))"
        let bridge = try runCommand(Self.tool, ["netns", "add", "\(name)b"])
        guard bridge.status == 0 else {
            print("\(test): not run: \(bridge.errorText)")
            return nil
        }
        try ip("-n", "\(name)b", "link", "add", "name", "bridge", "type", "bridge")
        try ip("-n", "\(name)b", "link", "set", "bridge", "up")
        for host in 0..<count {
            try ip("netns", "add", namespace(host))
            try ip(
                "-n", namespace(host), "link", "add", "name", "port", "type", "veth", "peer", "name", "to\(host)",
                "netns",
                "\(name)b")
            try ip("-n", "\(name)b", "link", "set", "to\(host)", "master", "bridge", "up")
            try ip("-n", namespace(host), "address", "add", "\(address(host))/24", "dev", "port")
            try ip("-n", namespace(host), "link", "set", "lo", "up")
            try ip("-n", namespace(host), "link", "set", "port", "up")
        }
    }

    deinit {
        for host in 0..<count { _ = try? runCommand(Self.tool, ["netns", "delete", namespace(host)]) }
        _ = try? runCommand(Self.tool, ["netns", "delete", "\(name)b"])
    }

    fileprivate func address(_ host: Int) -> String { "10.77.0.\(host + 1)" }

    /// One of the hosts.
    package subscript(host: Int) -> NetworkHost { NetworkHost(network: self, number: host) }

    fileprivate func start(
        _ host: Int, _ program: String, _ arguments: [String], environment: [String: String]
    ) throws -> RunningProgram {
        try RunningProgram(
            Self.tool, ["netns", "exec", namespace(host), program] + arguments, environment: environment)
    }

    fileprivate func cut(_ host: Int) throws { try ip("-n", "\(name)b", "link", "set", "to\(host)", "nomaster") }

    fileprivate func join(_ host: Int) throws {
        try ip("-n", "\(name)b", "link", "set", "to\(host)", "master", "bridge")
    }

    private func namespace(_ host: Int) -> String { "\(name)h\(host)" }

    private func ip(_ arguments: String...) throws {
        let result = try runCommand(Self.tool, arguments)
        guard result.status == 0 else {
            throw CommandFailure("ip \(arguments.joined(separator: " ")): \(result.errorText)")
        }
    }
}

/// A host that programs run on.
package struct NetworkHost: Sendable {
    fileprivate let network: NetworkHosts
    fileprivate let number: Int

    /// Its address.
    package var address: String { network.address(number) }

    /// Starts a program on it.
    package func start(
        _ program: String, _ arguments: [String], environment: [String: String] = [:]
    ) throws -> RunningProgram {
        try network.start(number, program, arguments, environment: environment)
    }

    /// Cuts it off: nothing comes or goes, and nobody is told.
    package func cut() throws { try network.cut(number) }

    /// Joins it again.
    package func join() throws { try network.join(number) }
}
