// A disk that fails while a test tells it to, for what is to be kept meanwhile.

package import Spool
import Synchronization

/// A disk on which one kind of operation fails for a while.
package final class FailingDisk: Sendable {
    private let failing = Mutex<(operation: FileOperation, code: Int32)?>(nil)

    /// A disk on which nothing fails yet.
    package init() {}

    /// Lets every operation of a kind fail from now on.
    ///
    /// - Parameter code: the errno that it fails with.
    package func fail(_ operation: FileOperation, _ code: Int32) { failing.withLock { $0 = (operation, code) } }

    /// Lets everything succeed from now on.
    package func recover() { failing.withLock { $0 = nil } }

    /// The operations on this disk.
    package var operations: FileOperations {
        FileOperations { [self] operation, _ in
            failing.withLock { failing in
                failing?.operation == operation ? .fail(failing?.code ?? 0) : .proceed
            }
        }
    }
}
