// The one gate that every file operation of the spool passes: nothing in production, a fault injector in tests.

import Synchronization
import System

/// The gate before every file operation of the spool.
package struct FileOperations: Sendable {
    private final class Faults: Sendable {
        let count = Atomic<Int>(0)
        let beforeOperation: @Sendable (FileOperation, Int) -> FaultAction

        init(_ beforeOperation: @escaping @Sendable (FileOperation, Int) -> FaultAction) {
            self.beforeOperation = beforeOperation
        }
    }

    private let faults: Faults?

    /// Operations that are carried out as asked.
    package init() {
        faults = nil
    }

    /// Operations that a test watches: it may let each go on, fail it, or kill the process there and then.
    ///
    /// - Parameter beforeOperation: called before each operation with its kind and its number, counted from 0.
    package init(beforeOperation: @escaping @Sendable (FileOperation, Int) -> FaultAction) {
        faults = Faults(beforeOperation)
    }

    /// The number of operations begun so far; always 0 where nobody watches.
    package var count: Int { faults?.count.load(ordering: .relaxed) ?? 0 }

    /// Passes the gate: the errno the operation must fail with, or nil to carry it out.
    func fault(_ operation: FileOperation) -> Int32? {
        guard let faults else { return nil }
        let number = faults.count.wrappingAdd(1, ordering: .relaxed).oldValue
        switch faults.beforeOperation(operation, number) {
        case .proceed: return nil
        case .fail(let code): return code
        }
    }

    /// Passes the gate, or throws the error the operation must fail with.
    func begin(_ operation: FileOperation, _ path: @autoclosure () -> String) throws(FileError) {
        if let code = fault(operation) {
            throw FileError(operation: operation.rawValue, path: path(), code: code)
        }
    }
}

// The kinds of file work the spool does, named so that a test can fail or kill a process at any one of them.

/// One kind of work on the file system.
package enum FileOperation: String, Sendable, Hashable, CaseIterable {
    /// Opening an existing file or directory.
    case open
    /// Creating a file that must not exist.
    case create
    /// Creating a directory.
    case makeDirectory
    /// Taking a file's lock.
    case lock
    /// Asking for a file's status.
    case status
    /// Reading a directory's names.
    case list
    /// Reading a file.
    case read
    /// Writing to a file.
    case write
    /// Making a file's content durable.
    case syncFile
    /// Making a directory's names durable.
    case syncDirectory
    /// Giving a file a second name.
    case link
    /// Changing a file's name.
    case rename
    /// Removing a file's name.
    case unlink
}

/// What a test wants to happen in the place of a file operation.
package enum FaultAction: Sendable, Hashable {
    /// The operation is carried out.
    case proceed
    /// The operation fails with this errno; a write has then written half of its bytes, as on a full disk.
    case fail(Int32)
}
