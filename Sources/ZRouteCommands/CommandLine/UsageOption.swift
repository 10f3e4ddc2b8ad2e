// `--usage FILE`: which entries of maps are found is counted, and kept in a file that `zroute usage` reads.

import ArgumentParser
import Check
import Glibc
import Maps
import Synchronization
import System

/// The option, and what counts for it.
struct UsageOption: ParsableArguments {
    @Option(
        name: .customLong("usage"),
        help: ArgumentHelp(
            "Keep in this file which entries of maps are found, how often and when, for 'zroute usage --counters'.",
            valueName: "file"))
    var keeper: UsageKeeper?

    /// Where what is found is counted; nil where nobody asked for it.
    var counts: EntryUseCounts? { keeper?.counts }

    /// Begins to keep counts, where that is asked for.
    ///
    /// - Throws: the exit status where the file can be neither read nor made; why is said.
    func begin(_ form: LogForm) throws {
        do throws(FileError) {
            try keeper?.start(form)
        } catch {
            DiagnosticLog(form).say(error)
            throw ExitCode.cannotCreate
        }
    }
}

/// Writes what was counted into its file, from time to time and at the end.
final class UsageKeeper: ExpressibleByArgument, Sendable {
    private struct State {
        /// What was counted and is not in the file yet.
        var pending: [EntryUseCounts.Use] = []
        var clock = LogTime()
        /// The trouble that was said last.
        var said: FileError?
    }

    /// Where what is found is counted.
    let counts = EntryUseCounts()
    private let path: String
    private let state = Mutex(State())
    private let isOver = Mutex(false)

    /// So many seconds lie between two writes.
    private static let pause = 30

    /// Keeps counts in a file.
    init?(argument: String) {
        guard !argument.isEmpty else { return nil }
        path = absolutePath(argument)
    }

    /// Begins: the file is there from now on, and is written every half minute in which something was found.
    ///
    /// - Throws: `FileError` when the file can be neither read nor made.
    func start(_ form: LogForm) throws(FileError) {
        try write()
        var thread = pthread_t()
        let code = startThread(&thread) { [weak self] in
            var seconds = 0
            while let self, self.isOver.withLock({ !$0 }) {
                sleep(1)
                seconds += 1
                if seconds % Self.pause == 0 { self.writeAndSay(form) }
            }
        }
        if code == 0 { pthread_detach(thread) }
    }

    /// Writes what is left.
    func finish(_ form: LogForm) {
        isOver.withLock { $0 = true }
        writeAndSay(form)
    }

    private func writeAndSay(_ form: LogForm) {
        do throws(FileError) {
            try write()
            state.withLock { $0.said = nil }
        } catch {
            let isNew = state.withLock { state in
                defer { state.said = error }
                return state.said != error
            }
            if isNew {
                DiagnosticLog(form).say(error, rest: "; what was counted is kept, and written when that is possible")
            }
        }
    }

    /// Adds what was counted to what the file has, which other processes write, too.
    private func write() throws(FileError) {
        try state.withLock { state throws(FileError) in
            state.pending += counts.take()
            let now = String(decoding: state.clock.now(), as: UTF8.self)
            let lock = try FileLock(directory(of: path)) {}
            var file: UsageFile
            do throws(FileError) {
                file = try UsageFile(reading: path)
                if state.pending.isEmpty { return lock.unlock() }
            } catch {
                guard error.isMissing else { throw error }
                file = UsageFile(since: now)
            }
            file.add(state.pending, now: now)
            try file.write(to: path)
            state.pending = []
            lock.unlock()
        }
    }
}
