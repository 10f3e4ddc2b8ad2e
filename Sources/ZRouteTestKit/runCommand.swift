// Runs other programs: the independent producers and checkers that tests compare with.

import Foundation

/// What a program answered.
package struct CommandResult: Sendable {
    /// Its exit status; negative: the signal that ended it.
    package let status: Int32
    /// What it wrote to standard output and to standard error.
    package let output: [UInt8], errors: [UInt8]

    /// Standard output as text.
    package var text: String { String(decoding: output, as: UTF8.self) }
    /// Standard error as text.
    package var errorText: String { String(decoding: errors, as: UTF8.self) }
}

/// A program failed where a test needs it to work.
package struct CommandFailure: Error, CustomStringConvertible {
    /// The command line, and what it said.
    package let description: String

    /// Describes a failure.
    package init(_ description: String) { self.description = description }
}

/// Runs a program to its end.
///
/// - Parameters:
///   - program: its absolute path.
///   - arguments: the arguments after the program's name.
///   - input: its standard input.
///   - seconds: after so long it hangs for certain, and is ended (status -9); nil where it may take any time.
/// - Throws: when it cannot be started.
package func runCommand(
    _ program: String, _ arguments: [String], input: [UInt8] = [], endedAfter seconds: Int? = nil
) throws -> CommandResult {
    if let seconds {
        return try runCommand("/usr/bin/timeout", ["-s", "KILL", "\(seconds)", program] + arguments, input: input)
    }
    // Files, not pipes: nobody can wait for a full pipe.
    let place = try TemporaryDirectory()
    try place.write(input, to: "in")
    try place.write([], to: "out")
    try place.write([], to: "err")
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    process.standardInput = FileHandle(forReadingAtPath: place.file("in"))
    process.standardOutput = FileHandle(forWritingAtPath: place.file("out"))
    process.standardError = FileHandle(forWritingAtPath: place.file("err"))
    try process.run()
    process.waitUntilExit()
    return CommandResult(
        status: process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus,
        output: Array(try Data(contentsOf: URL(fileURLWithPath: place.file("out")))),
        errors: Array(try Data(contentsOf: URL(fileURLWithPath: place.file("err")))))
}

/// Runs a program that must succeed.
///
/// - Returns: what it wrote to standard output.
/// - Throws: when it cannot be started or exits with another status than 0.
@discardableResult
package func runCommandSuccessfully(
    _ program: String, _ arguments: [String], input: [UInt8] = []
) throws -> [UInt8] {
    let result = try runCommand(program, arguments, input: input)
    guard result.status == 0 else {
        let line = ([program] + arguments).joined(separator: " ")
        throw CommandFailure("\(line): status \(result.status): \(result.errorText)")
    }
    return result.output
}

// Where the programs are that tests run.

/// The programs of this build.
package enum Programs {
    /// The program under test.
    package static let zroute = Result { try path("zroute") }

    /// The path of a program that was built beside the tests.
    ///
    /// - Throws: when it was not.
    package static func path(_ name: String) throws -> String {
        let own = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent().path
        // The test bundle is loaded by a program of the toolchain: the bundle is named on its command line.
        let bundles = CommandLine.arguments.filter { $0.contains(".xctest") }
            .map { URL(fileURLWithPath: $0).deletingLastPathComponent().path }
        for directory in [own] + bundles where FileManager.default.isExecutableFile(atPath: "\(directory)/\(name)") {
            return "\(directory)/\(name)"
        }
        throw CommandFailure("\(own): \(name) was not built beside the tests")
    }
}
