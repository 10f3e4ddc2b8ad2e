// Starts other people's servers, by the scripts in Tests/Servers: Cyrus, Dovecot, smtp-sink, aiosmtpd.

import Foundation

/// A running server, with its data in a directory of its own; both are gone with the object.
package final class RealServer: @unchecked Sendable {
    // Nothing changes after the initializer but the process, which is ended once, by `stop`, under the lock.

    /// Where it is reached, by the names that its script prints.
    package let endpoints: [String: String]
    private let process = Process()
    private let input = Pipe()
    private let lock = NSLock()

    /// Starts a server and waits until it answers.
    ///
    /// - Parameters:
    ///   - name: its script's.
    ///   - environment: what the script is told beside the process's own environment.
    /// - Throws: where it does not come up; the script says why on standard error.
    package init(_ name: String, _ arguments: [String] = [], environment: [String: String] = [:]) throws {
        let root = String(#filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined())
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: "\(root)/Tests/Servers/\(name)")
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardInput = input
        process.standardOutput = output
        try withoutBlockedSignals(process.run)
        var text = ""
        while !text.hasSuffix("READY\n") {
            let data = output.fileHandleForReading.availableData
            guard !data.isEmpty else { throw CommandFailure("\(name) did not start; its script says why") }
            text += String(decoding: data, as: UTF8.self)
        }
        var endpoints: [String: String] = [:]
        for line in text.split(separator: "\n") {
            let pair = line.split(separator: "=", maxSplits: 1)
            if pair.count == 2 { endpoints[String(pair[0])] = String(pair[1]) }
        }
        self.endpoints = endpoints
    }

    /// One endpoint, or where anything else of it is.
    package subscript(name: String) -> String { endpoints[name] ?? "" }

    /// Ends the server.
    package func stop() {
        lock.withLock {
            guard process.isRunning else { return }
            try? input.fileHandleForWriting.close()
            process.terminate()
            // Asked of the system: Foundation may miss the end of a process on a busy machine, and wait for ever.
            var end = unsafe siginfo_t()
            while unsafe waitid(P_PID, id_t(process.processIdentifier), &end, WEXITED | WNOWAIT) != 0, errno == EINTR {}
        }
    }

    deinit { stop() }
}

/// Runs something while this thread blocks no signal: a program that is started inherits what is blocked, and those that
/// are ended by signals would not end.
func withoutBlockedSignals(_ body: () throws -> Void) rethrows {
    var none = sigset_t()
    var former = sigset_t()
    unsafe sigemptyset(&none)
    unsafe pthread_sigmask(SIG_SETMASK, &none, &former)
    defer { unsafe pthread_sigmask(SIG_SETMASK, &former, nil) }
    try body()
}
