// A service that serves nothing, and what it says: Tests/ServiceRunner.

import Foundation
import Glibc
import ZRouteTestKit

/// A directory with a service that runs in it.
final class RunnerPlace {
    let place: TemporaryDirectory
    let listener: NotificationListener
    let program: RunningProgram

    init(
        drainLimit milliseconds: Int = 600_000, _ endpoints: [String] = [], environment: [String: String] = [:],
        files: [String] = []
    ) throws {
        place = try TemporaryDirectory()
        guard mkfifo(place.file("input"), 0o600) == 0 else { throw CommandFailure("mkfifo: \(errno)") }
        for file in files { try place.write("", to: file) }
        listener = try NotificationListener(place.file("notify"))
        program = try RunningProgram(
            try Programs.path("ServiceRunner"), [place.path, "\(milliseconds)"] + endpoints,
            environment: ["NOTIFY_SOCKET": listener.path].merging(environment) { $1 })
    }

    /// The lines that it has written.
    var lines: [String] { program.output.split(separator: "\n").map(String.init) }
}
