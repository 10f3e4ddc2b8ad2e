// The one gate that every file operation of the spool passes: nothing in production, a fault injector in tests.

import Files
import Synchronization

/// The gate before every file operation of the spool.
public struct FileOperations: Sendable {
    private final class Faults: Sendable {
        let count = Atomic<Int>(0)
        let beforeOperation: @Sendable (FileOperation, Int) -> FaultAction

        init(_ beforeOperation: @escaping @Sendable (FileOperation, Int) -> FaultAction) {
            self.beforeOperation = beforeOperation
        }
    }

    private let faults: Faults?

    /// Operations that are carried out as asked.
    public init() {
        faults = nil
    }

    /// Operations that a test watches: it may let each go on, fail it, or kill the process there and then.
    ///
    /// - Parameter beforeOperation: called before each operation with its kind and its number, counted from 0.
    public init(beforeOperation: @escaping @Sendable (FileOperation, Int) -> FaultAction) {
        faults = Faults(beforeOperation)
    }

    /// The number of operations begun so far; always 0 where nobody watches.
    public var count: Int { faults?.count.load(ordering: .relaxed) ?? 0 }

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
