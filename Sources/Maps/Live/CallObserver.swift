// Who watches calls that may never return: a process that was killed or stopped may hold a lock, for which libraries wait for
// ever.

import Glibc
import Synchronization
import System

/// Is told of every call that may wait inside the library without end.
public protocol CallObserver: Sendable {
    /// A call begins.
    func callBegins()
    /// The call returned.
    func callEnded()
    /// Whether the work is to end before its next step, such as for a signal that came.
    var isStopRequested: Bool { get }
}

extension CallObserver? {
    /// Whether somebody watches, and wants the work to end.
    public var isStopRequested: Bool { self?.isStopRequested ?? false }
}

extension MapError {
    /// The error of work that was to end.
    public static func stopped(_ table: TableName) -> MapError {
        MapError(table: table, code: ECANCELED, text: stopText)
    }

    /// What is said of work that was to end.
    package static let stopText = "ended by a signal"

    /// Whether there is no answer because the work was to end (`CallObserver.isStopRequested`).
    public var isStop: Bool { code == ECANCELED }
}

// Long calls that cannot be interrupted, and that hold nothing which others wait for: they are left to themselves.

/// Makes a call in a thread of its own, and waits for it as long as nobody wants the work to end.
///
/// - Parameter body: nobody may mind if it goes on until the process ends.
/// - Returns: nil if the work is to end; the call goes on then.
package func runUnlessStopped<Answer: Sendable>(
    _ observer: (any CallObserver)?, _ body: @escaping @Sendable () -> Answer
) -> Answer? {
    guard let observer else { return body() }
    // Reading it ends with the end of the call: the thread closes the writing end.
    var ends: [Int32] = [-1, -1]
    guard unsafe pipe(&ends) == 0 else { return body() }
    let (reading, writing) = (ends[0], ends[1])
    defer { close(reading) }
    let answer = LateAnswer<Answer>()
    var thread = pthread_t()
    let code = startThread(&thread) {
        answer.set(body())
        close(writing)
    }
    guard code == 0 else {
        close(writing)
        return body()
    }
    pthread_detach(thread)
    while !observer.isStopRequested {
        var wanted = pollfd(fd: reading, events: Int16(POLLIN), revents: 0)
        if unsafe poll(&wanted, 1, 20) > 0 { return answer.value }
    }
    return nil
}

/// What a call answers that may come too late.
private final class LateAnswer<Answer: Sendable>: Sendable {
    private let answer = Mutex<Answer?>(nil)

    var value: Answer? { answer.withLock { $0 } }

    func set(_ value: Answer) { answer.withLock { $0 = value } }
}
