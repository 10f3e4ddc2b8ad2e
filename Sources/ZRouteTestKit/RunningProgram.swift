// A program that goes on while a test looks at it.

import Foundation

/// A started program; it is killed with the object.
package final class RunningProgram {
    private let process = Process()
    private let place: TemporaryDirectory

    /// Starts a program, its output kept in files.
    package init(_ program: String, _ arguments: [String], environment: [String: String] = [:]) throws {
        place = try TemporaryDirectory()
        try place.write([], to: "out")
        try place.write([], to: "err")
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle(forWritingAtPath: place.file("out"))
        process.standardError = FileHandle(forWritingAtPath: place.file("err"))
        try withoutBlockedSignals(process.run)
    }

    deinit {
        guard process.isRunning else { return }
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    /// Its number.
    package var identifier: Int32 { process.processIdentifier }
    /// Whether it still runs.
    package var isRunning: Bool { process.isRunning }
    /// What it has written to standard output so far.
    package var output: String { contents("out") }
    /// What it has written to standard error so far.
    package var errors: String { contents("err") }

    private func contents(_ name: String) -> String {
        String(decoding: FileManager.default.contents(atPath: place.file(name)) ?? Data(), as: UTF8.self)
    }

    /// Sends it a signal.
    package func send(_ signal: Int32) { kill(process.processIdentifier, signal) }

    /// Waits for its end.
    ///
    /// - Returns: its exit status; negative: the signal that ended it.
    package func wait() -> Int32 {
        process.waitUntilExit()
        return process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus
    }

    /// The kibibytes of memory it has, its open descriptors and its threads, by the system's account of it.
    package func footprint() throws -> (memory: Int, descriptors: Int, threads: Int) {
        let status = FileManager.default.contents(atPath: "/proc/\(identifier)/status") ?? Data()
        let lines = String(decoding: status, as: UTF8.self).split(separator: "\n")
        func number(_ name: String) throws -> Int {
            let words = lines.first { $0.hasPrefix(name) }?.split { $0 == " " || $0 == "\t" } ?? []
            guard words.count > 1, let number = Int(words[1]) else {
                throw CommandFailure("process \(identifier) is gone")
            }
            return number
        }
        return (try number("VmRSS:"), try descriptors().count, try number("Threads:"))
    }

    /// Whether it watches a directory (inotify).
    package var isWatching: Bool {
        let links = (try? descriptors())?.compactMap {
            try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(identifier)/fd/\($0)")
        }
        return links?.contains { $0.contains("inotify") } ?? false
    }

    private func descriptors() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/\(identifier)/fd")
    }
}

/// Polls until something holds.
///
/// - Parameter seconds: how long, at the most.
/// - Returns: whether it did hold in that time.
package func holds(within seconds: Double = 60, _ condition: () throws -> Bool) throws -> Bool {
    let end = Date().addingTimeInterval(seconds)
    while try !condition() {
        guard Date() < end else { return false }
        usleep(2000)
    }
    return true
}
