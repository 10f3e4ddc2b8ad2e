// The independent program that changes files of LMDB (Tests/Updater/lmdb.c), compiled once for all tests.

import Foundation
import Glibc

/// Changes files of LMDB from other processes, as programs of the library do.
package final class LMDBUpdater: Sendable {
    private let place: TemporaryDirectory
    private var program: String { place.file("lmdb") }

    /// Compiles the program.
    package init() throws {
        place = try TemporaryDirectory()
        let root = URL(fileURLWithPath: #filePath).appendingPathComponent("../../..").standardized
        let source = root.appendingPathComponent("Tests/Updater/lmdb.c").path
        let arguments = ["-O1", "-Wall", "-Werror", "-o", place.file("lmdb"), source, "-llmdb"]
        try runCommandSuccessfully("/usr/bin/cc", arguments)
    }

    /// The program that all tests of a process share, or why it could not be compiled.
    package static let shared = Result { try LMDBUpdater() }

    /// Loads entries.
    ///
    /// - Parameters:
    ///   - options: such as `-n` for keys without NUL and `-l` for a writer without locks (MDB_NOLOCK).
    ///   - batch: how many entries a transaction has; 0 for one of all.
    package func load(
        _ entries: [(key: String, value: String)], into path: String, options: [String] = [], batch: Int = 0,
        command: String = "load"
    ) throws {
        let text = entries.map { "\($0.key)\t\($0.value)\n" }.joined()
        try runCommandSuccessfully(program, options + [command, path, "\(batch)"], input: Array(text.utf8))
    }

    /// Runs a command to its end.
    @discardableResult
    package func run(_ arguments: [String]) throws -> CommandResult { try runCommand(program, arguments) }

    /// Starts a command that says a line and then goes on until it is killed.
    package func start(_ arguments: [String]) throws -> LMDBProcess { try LMDBProcess(program, arguments) }
}

/// A process that has a file of LMDB open; it is killed (SIGKILL) with the object at the latest.
package final class LMDBProcess {
    private let process = Process()
    /// What it said first.
    package private(set) var word = ""

    fileprivate init(_ program: String, _ arguments: [String]) throws {
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.standardOutput = output
        try process.run()
        word = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
            .trimmingCharacters(in: .newlines)
        guard !word.isEmpty else { throw CommandFailure("lmdb \(arguments): ended at once") }
    }

    deinit { end() }

    /// Sends it a signal.
    package func signal(_ number: Int32) { kill(process.processIdentifier, number) }

    /// Kills it, and waits until it is gone.
    package func end() {
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }
}
