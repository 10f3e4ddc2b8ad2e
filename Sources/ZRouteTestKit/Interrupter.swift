// Runs programs on a terminal and interrupts them (Tests/Interrupter).

import Foundation

/// The program that interrupts others, compiled for the tests.
package final class Interrupter: Sendable {
    /// How a program is interrupted.
    package enum Interruption: String, Sendable, CaseIterable {
        /// ^C is typed on its terminal.
        case interrupt = "INT"
        /// ^C is typed twice.
        case interruptTwice = "TWICE"
        /// ^\ is typed.
        case quit = "QUIT"
        /// Its terminal is closed.
        case hangUp = "HUP"
        /// It is sent SIGTERM.
        case terminate = "TERM"
        /// What reads its output goes away.
        case closedPipe = "PIPE"

        /// The signal that it means.
        package var signal: Int32 {
            switch self {
            case .interrupt, .interruptTwice: SIGINT
            case .quit: SIGQUIT
            case .hangUp: SIGHUP
            case .terminate: SIGTERM
            case .closedPipe: SIGPIPE
            }
        }
    }

    /// How a program ended.
    package enum End: Sendable, Hashable {
        case exit(Int32)
        case signal(Int32)
        /// It had to be killed.
        case hung
    }

    private let place: TemporaryDirectory

    /// Compiles the program.
    package init() throws {
        place = try TemporaryDirectory()
        let root = URL(fileURLWithPath: #filePath).appendingPathComponent("../../..").standardized
        let source = root.appendingPathComponent("Tests/Interrupter/interrupter.c").path
        let arguments = ["-O1", "-Wall", "-Werror", "-o", place.file("interrupter"), source]
        try runCommandSuccessfully("/usr/bin/cc", arguments)
    }

    /// The program that all tests of a process share, or why it could not be compiled.
    package static let shared = Result { try Interrupter() }

    /// Runs a program and interrupts it.
    ///
    /// - Parameters:
    ///   - interruption: how; nil lets it run to its end.
    ///   - delay: when, in microseconds after its start.
    /// - Returns: how it ended, the milliseconds from the interruption to the end, and what was on the terminal.
    package func run(
        _ interruption: Interruption?, after delay: Int, _ program: String, _ arguments: [String]
    ) throws -> (end: End, milliseconds: Int, terminal: String) {
        let words = [interruption?.rawValue ?? "NONE", "\(delay)", program] + arguments
        let result = try runCommand(place.file("interrupter"), words)
        let line = result.text.split { $0 == " " || $0 == "\n" }
        guard result.status == 0, line.count >= 2 else {
            throw CommandFailure("interrupter \(words): status \(result.status): \(result.errorText)")
        }
        let number = Int32(line[1]) ?? 0
        let end: End =
            switch line[0] {
            case "exit": .exit(number)
            case "signal": .signal(number)
            default: .hung
            }
        return (end, Int(line[line.count - 1]) ?? 0, result.errorText)
    }
}
