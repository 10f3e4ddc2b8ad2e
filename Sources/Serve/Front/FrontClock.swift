// How long a client may take for what is awaited of it. A value that is told events with their time.

package import LMTP
package import NIOCore

/// What is known of the time of one client.
package struct FrontClock {
    private let command: TimeAmount, message: TimeAmount
    private var phase: ServerPhase?
    private var commandCount = 0
    private var since: NIODeadline
    /// When something last came, and how much has since the message began.
    private var lastInput: NIODeadline
    private var octets = 0

    /// The clock of a client that has just connected.
    package init(_ settings: FrontSettings, at now: NIODeadline) {
        command = .seconds(Int64(settings.commandSeconds))
        message = .seconds(Int64(settings.messageSeconds))
        since = now
        lastInput = now
    }

    /// Bytes have come.
    package mutating func received(_ count: Int, at now: NIODeadline) {
        lastInput = now
        octets += count
    }

    /// The session was looked at.
    package mutating func note(_ phase: ServerPhase?, commandCount: Int, at now: @autoclosure () -> NIODeadline) {
        guard phase != self.phase || commandCount != self.commandCount else { return }
        // A message that waited for a store goes on: its own time does not begin anew.
        let isSameMessage = commandCount == self.commandCount && (phase == .message || self.phase == .message)
        let waited = self.phase == nil && isSameMessage
        self.phase = phase
        self.commandCount = commandCount
        let now = now()
        lastInput = now
        guard !isSameMessage || waited else { return }
        since = now
        if !isSameMessage { octets = 0 }
    }

    /// Whether the client has had its time.
    ///
    /// A command has its time as a whole; a message for each of its pieces, and for each MiB of the whole.
    package func isDue(at now: NIODeadline) -> Bool {
        switch phase {
        case nil: return false
        case .command: return now - since >= command
        case .message:
            let mebibytes = Int64(octets >> 20) + 1
            return now - lastInput >= message || (now - since).nanoseconds / mebibytes >= message.nanoseconds
        }
    }
}
