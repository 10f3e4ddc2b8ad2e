// Whether to look for an answer as soon as a question is sent, before the event loop tells of one.
//
// A server on the same machine has often answered by then: on a busy processor it runs at once when it is written to.
// The look then saves waiting for the event loop, half of what a message costs there. Where it finds nothing it is a
// system call for nothing, so it is left out the longer the more often that happens.

/// When to look for answers early.
struct EagerReading {
    /// How many answers in a row are taken before the other connections have their turn.
    static let limit = 16
    private static let longestPause = 1023

    private var pause = 0
    private var pauseLeft = 0

    /// Whether to look this time.
    mutating func isDue() -> Bool {
        guard pauseLeft > 0 else { return true }
        pauseLeft -= 1
        return false
    }

    /// Notes what a look has found.
    mutating func note(foundAnswer: Bool) {
        pause = foundAnswer ? 0 : min(pause * 2 + 1, Self.longestPause)
        pauseLeft = pause
    }
}
