// What a run does while the spool cannot be written to: what servers answered is kept in memory and tried to be written,
// and nothing new is begun.

import Glibc
import Spool
import System

/// The messages that have something to write and cannot.
struct SpoolTrouble {
    /// For how long a run that is to end tries.
    private static let patienceAtEnd = TimeSpan(seconds: 30)

    /// For how long it is tried; nil for as long as it takes.
    private var patience: TimeSpan?
    /// Whether the spool as a whole cannot be written to, as far as is known.
    private(set) var isFailing = false
    private var since: MonotonicTime?
    private var blocked: [QueuedMessage] = []
    /// Those that are trying again.
    private var retried: Set<MessageName> = []
    private var isTimed = false

    init(patience: TimeSpan?) {
        self.patience = patience
    }

    /// From now on it is tried for a short time only.
    mutating func limitPatience() {
        patience = min(patience ?? Self.patienceAtEnd, Self.patienceAtEnd)
        if since != nil { since = .coarse() }
    }

    /// Notes that a message cannot write.
    ///
    /// - Returns: whether this is news, and whether a new try has to be timed.
    mutating func block(_ message: QueuedMessage, _ failure: FileError?) -> (isNew: Bool, isToBeTimed: Bool) {
        retried.remove(message.name)
        if !blocked.contains(where: { $0 === message }) { blocked.append(message) }
        let isNew = failure != nil && since == nil
        if failure != nil, since == nil { since = .coarse() }
        if let failure, failure.isOfWholeFileSystem { isFailing = true }
        defer { isTimed = true }
        return (isNew, !isTimed)
    }

    /// Whether a message may have something sent for it: while the spool fails only one that tries whether it still does.
    func mayBegin(_ message: QueuedMessage) -> Bool { !isFailing || retried.contains(message.name) }

    /// The messages that are to try again, and whether it is the last time.
    mutating func takeBlocked() -> (messages: [QueuedMessage], givesUp: Bool) {
        isTimed = false
        defer { blocked = [] }
        retried = Set(blocked.map(\.name))
        let end = since.flatMap { since in
            patience.map { since.advanced(by: UInt64(clamping: $0.seconds) &* 1_000_000_000) }
        }
        return (blocked, end.map { $0 <= .coarse() } ?? false)
    }

    /// Notes that a message has gone on.
    ///
    /// - Returns: whether that ends the trouble.
    mutating func end(with message: QueuedMessage) -> Bool {
        guard since != nil, retried.remove(message.name) != nil else { return false }
        isFailing = false
        since = nil
        return true
    }
}

extension FileError {
    /// Whether it is of the file system rather than of one file: full, over quota, read-only, or failing.
    fileprivate var isOfWholeFileSystem: Bool { [ENOSPC, EDQUOT, EROFS, EIO].contains(code) }
}
