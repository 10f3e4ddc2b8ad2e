// Faults of the disk and kills, brought about in the program itself (Tests/FaultInjector).

import Foundation
import Glibc

/// What happens to a program at one of its changes to files.
package enum FileFault: String, CaseIterable, Sendable {
    /// It is killed.
    case kill
    /// The disk is full from then on.
    case full
    /// The change fails once.
    case failing
}

/// The library that brings faults about (Tests/FaultInjector), compiled once for all tests.
package final class FaultInjector: Sendable {
    private let place: TemporaryDirectory
    private var library: String { place.file("faults.so") }

    private init() throws {
        place = try TemporaryDirectory()
        let root = URL(fileURLWithPath: #filePath).appendingPathComponent("../../..").standardized
        let source = root.appendingPathComponent("Tests/FaultInjector/faults.c").path
        let arguments = ["-O1", "-Wall", "-Werror", "-shared", "-fPIC", "-o", place.file("faults.so"), source, "-ldl"]
        try runCommandSuccessfully("/usr/bin/cc", arguments)
    }

    /// It.
    package static let shared = Result { try FaultInjector() }

    /// Runs the program under test with a fault at one of its changes.
    ///
    /// - Parameter number: which one, counted from 1; 0 for none.
    /// - Returns: what it answered, and how many changes it made; nil where it was killed.
    package func run(
        _ fault: FileFault, at number: Int, _ arguments: [String]
    ) throws -> (result: CommandResult, changes: Int?) {
        let log = place.file("changes-\(UUID().uuidString)")
        let variables = [
            "LD_PRELOAD=\(library)", "FAULT_AT=\(number)", "FAULT_MODE=\(fault.rawValue)", "FAULT_LOG=\(log)",
        ]
        let result = try runCommand("/usr/bin/env", variables + [try Programs.zroute.get()] + arguments)
        let text = try? String(contentsOfFile: log, encoding: .utf8)
        return (result, text.flatMap { Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) })
    }
}
