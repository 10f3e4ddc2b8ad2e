// Who watches calls that may never return: a killed process may leave a lock behind, for which Berkeley DB waits for ever.

import Maps

/// Is told of every call that may wait inside the library without end.
package protocol CallObserver: Sendable {
    /// A call begins.
    func callBegins()
    /// The call returned.
    func callEnded()
    /// Whether the work is to end before its next step, such as for a signal that came.
    var isStopRequested: Bool { get }
}

extension CallObserver? {
    /// Whether somebody watches, and wants the work to end.
    var isStopRequested: Bool { self?.isStopRequested ?? false }
}
