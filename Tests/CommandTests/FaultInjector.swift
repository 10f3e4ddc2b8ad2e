// Faults of the disk and kills, brought about in the program itself (Tests/FaultInjector).

import Foundation
import Glibc
import Testing
import ZRouteTestKit

/// What happens to a program at one of its changes to files.
enum Fault: String, CaseIterable {
    case kill
    case full
}

/// The library that brings faults about (Tests/FaultInjector), compiled once for all tests.
final class FaultInjector: Sendable {
    private let place: TemporaryDirectory
    private var library: String { place.file("faults.so") }

    init() throws {
        place = try TemporaryDirectory()
        let root = URL(fileURLWithPath: #filePath).appendingPathComponent("../../..").standardized
        let source = root.appendingPathComponent("Tests/FaultInjector/faults.c").path
        let arguments = ["-O1", "-Wall", "-Werror", "-shared", "-fPIC", "-o", place.file("faults.so"), source, "-ldl"]
        try runCommandSuccessfully("/usr/bin/cc", arguments)
    }

    static let shared = Result { try FaultInjector() }

    /// Runs a program with a fault at one of its changes.
    ///
    /// - Returns: what it answered, and how many changes it made; nil where it was killed.
    func run(_ fault: Fault, at number: Int, _ arguments: [String]) throws -> (result: CommandResult, changes: Int?) {
        let log = place.file("changes-\(UUID().uuidString)")
        let variables = [
            "LD_PRELOAD=\(library)", "FAULT_AT=\(number)", "FAULT_MODE=\(fault.rawValue)", "FAULT_LOG=\(log)",
        ]
        let result = try runCommand("/usr/bin/env", variables + [try Programs.zroute.get()] + arguments)
        let text = try? String(contentsOfFile: log, encoding: .utf8)
        return (result, text.flatMap { Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) })
    }
}
