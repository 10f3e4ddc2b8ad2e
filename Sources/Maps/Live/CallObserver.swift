// Who watches calls that may never return: a killed process may leave a lock behind, for which Berkeley DB waits for ever.

/// Is told of every call that may wait inside the library without end.
public protocol CallObserver: Sendable {
    /// A call begins.
    func callBegins()
    /// The call returned.
    func callEnded()
}
