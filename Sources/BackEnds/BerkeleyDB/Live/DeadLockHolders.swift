// Processes that died in an environment and took locks to their grave, as the library's own list of lockers shows them. Nothing is
// freed or changed: that is for `zroute db recover`, and for commands that put.

import CBerkeleyDB
import Configuration
import Glibc
import Maps
import System

/// The dead among those who hold locks in an environment.
enum DeadLockHolders {
    /// What is to be said of an environment in which processes died.
    ///
    /// - Returns: nil where all that hold locks are alive, and where the environment cannot be entered: lookups say so.
    static func finding(in settings: EnvironmentSettings) -> Finding? {
        guard !RegionFiles(home: settings.home).isMissing, let dead = try? processes(in: settings), !dead.isEmpty else {
            return nil
        }
        let names = dead.map(String.init).joined(separator: ", ")
        return Finding(
            .deadProcess, .error, file: settings.home,
            text:
                "\(dead.count == 1 ? "process \(names)" : "processes \(names)") died in this environment with locks that are still held:"
                + " writers wait for ever, and lookups may; stop all that use it and run zroute db recover --env \(settings.home)"
        )
    }

    /// The numbers of dead processes that hold locks.
    private static func processes(in settings: EnvironmentSettings) throws(BerkeleyDBFailure) -> [Int32] {
        let messages = LibraryMessages()
        try RegionFiles(home: settings.home).check()
        let environment = unsafe try EnvironmentEntrance.join(
            settings, creates: false, isConcurrent: settings.cdb, messages
        ) {
            call in call()
        }.handle
        unsafe messages.collectLines(of: environment)
        let code = unsafe environment.pointee.lock_stat_print(environment, UInt32(DB_STAT_LOCK_LOCKERS))
        _ = unsafe environment.pointee.close(environment, 0)
        guard code == 0 else { throw BerkeleyDBFailure(code: code, messages: messages) }
        var dead: Set<Int32> = []
        for line in messages.lines {
            if let process = holder(line), kill(process, 0) != 0, errno == ESRCH { dead.insert(process) }
        }
        return dead.sorted()
    }

    /// The process of a line that names a locker with locks: `80000002 dd= 0 locks held 1 write locks 0 pid/thread 4711/1403...`.
    private static func holder(_ line: String) -> Int32? {
        let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
        guard let held = words.firstIndex(of: "held"), held + 1 < words.count, let count = Int(words[held + 1]),
            count > 0,
            let mark = words.firstIndex(of: "pid/thread"), mark + 1 < words.count
        else { return nil }
        return words[mark + 1].split(separator: "/").first.flatMap { Int32($0) }
    }
}
