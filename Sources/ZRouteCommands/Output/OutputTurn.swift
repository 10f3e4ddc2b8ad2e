// Two logs on one descriptor: each writes whole lines, and one write at a time.

import Synchronization

/// The right to write to a descriptor that several streams share.
final class OutputTurn: Sendable {
    private let turn = Mutex(())

    /// Writes while nobody else does.
    func take(_ write: () -> Void) {
        turn.withLock { _ in write() }
    }
}
