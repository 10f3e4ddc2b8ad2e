// The independent program that keeps a live map (Tests/Updater/updater.c), compiled once for all tests.

import Foundation
import Glibc

/// Changes databases inside a CDB environment, from another process.
package final class Updater: Sendable {
    private let place: TemporaryDirectory
    private var program: String { place.file("updater") }

    /// Compiles the program.
    package init() throws {
        place = try TemporaryDirectory()
        let root = URL(fileURLWithPath: #filePath).appendingPathComponent("../../..").standardized
        let source = root.appendingPathComponent("Tests/Updater/updater.c").path
        let arguments = ["-O1", "-Wall", "-Werror", "-o", place.file("updater"), source, "-ldb"]
        try runCommandSuccessfully("/usr/bin/cc", arguments)
    }

    /// The program that all tests of a process share, or why it could not be compiled.
    package static let shared = Result { try Updater() }

    /// Loads entries into a btree.
    package func load(
        _ entries: [(key: String, value: String)], home: String, file: String, nul: Bool = true
    ) throws {
        let text = entries.map { "\($0.key)\t\($0.value)\n" }.joined()
        try runCommandSuccessfully(program, (nul ? [] : ["-n"]) + ["load", home, file], input: Array(text.utf8))
    }

    /// Loads lines of a key, a TAB and a value, as bytes, into a btree.
    package func load(lines: [UInt8], home: String, file: String, nul: Bool = true) throws {
        try runCommandSuccessfully(program, (nul ? [] : ["-n"]) + ["load", home, file], input: lines)
    }

    /// Puts one entry in the place of another with the same key.
    package func put(_ key: String, _ value: String, home: String, file: String) throws {
        try runCommandSuccessfully(program, ["put", home, file, key, value])
    }

    /// Deletes one entry.
    package func delete(_ key: String, home: String, file: String) throws {
        try runCommandSuccessfully(program, ["delete", home, file, key])
    }

    /// Kills a process inside a put, with the lock held and the page pinned.
    package func dieInsidePut(_ key: String, _ value: String, home: String, file: String) throws {
        let result = try runCommand(program, ["die", home, file, key, value])
        guard result.status == -9 else {
            throw CommandFailure("updater die: status \(result.status): \(result.errorText)")
        }
    }

    /// Kills a process that stands on an entry with a cursor.
    package func dieReading(home: String, file: String) throws {
        let result = try runCommand(program, ["hold", home, file])
        guard result.status == -9 else {
            throw CommandFailure("updater hold: status \(result.status): \(result.errorText)")
        }
    }

    /// Rewrites one key without end, until it is killed (SIGKILL) in the middle of it.
    ///
    /// - Parameter rewriting: how long, before the kill.
    package func killWhileSpinning(
        _ key: String, _ value: String, home: String, file: String, rewriting: Duration
    ) throws {
        let process = try startSpinning(key, value, home: home, file: file).process
        usleep(UInt32(rewriting / .microseconds(1)))
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    /// Rewrites one key without end, splitting pages around it, while the body runs.
    package func whileSpinning<Answer>(
        _ key: String, _ value: String, home: String, file: String, _ body: () throws -> Answer
    ) throws -> Answer {
        let (process, input) = try startSpinning(key, value, home: home, file: file)
        defer {
            try? input.fileHandleForWriting.close()
            process.waitUntilExit()
        }
        return try body()
    }

    /// Keeps a database open while the body runs, and stores what the body gives, entry by entry.
    ///
    /// - Parameter body: is given what stores an entry; it is stored for certain when this returns.
    package func whileLoading(
        home: String, file: String, _ body: (_ put: (_ key: String, _ value: String) throws -> Void) throws -> Void
    ) throws {
        let process = Process()
        let input = Pipe()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = ["load", home, file]
        process.standardInput = input
        try process.run()
        let result = Result {
            try body { key, value in
                try input.fileHandleForWriting.write(contentsOf: Data("\(key)\t\(value)\n".utf8))
            }
        }
        try? input.fileHandleForWriting.close()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw CommandFailure("updater load \(home) \(file): failed") }
        try result.get()
    }

    private func startSpinning(
        _ key: String, _ value: String, home: String, file: String
    ) throws -> (process: Process, input: Pipe) {
        let process = Process()
        let input = Pipe()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = ["spin", home, file, key, value]
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        guard output.fileHandleForReading.availableData.isEmpty == false else {
            throw CommandFailure("updater spin \(home) \(file): ended at once")
        }
        return (process, input)
    }
}
