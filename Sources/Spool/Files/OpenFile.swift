// An open file of the spool: reads, writes in place, syncs, and the lock that the kernel drops when its process dies.

import CFileAttributes
import Glibc
import Synchronization
import System

/// An open regular file, closed with its last reference.
///
/// A class because it stands for a resource that several values (a claim, a batch) refer to; it is immutable itself.
final class OpenFile: Sendable {
    let path: String
    private let descriptor: Int32
    private let operations: FileOperations
    private let isLocked = Atomic(false)

    /// Takes over an open descriptor.
    init(descriptor: Int32, path: String, operations: FileOperations) {
        self.descriptor = descriptor
        self.path = path
        self.operations = operations
    }

    deinit {
        // A child that a process around this library has forked shares the lock until it has become a program of its own.
        if isLocked.load(ordering: .relaxed) { _ = flock(descriptor, LOCK_UN) }
        close(descriptor)
    }

    /// The file's status as it is now.
    func identity() throws(FileError) -> FileIdentity {
        try operations.identity(of: descriptor, path)
    }

    /// Takes the file's lock (flock) unless somebody else has it.
    ///
    /// The lock belongs to this open file: it goes with the last reference, and with the process however it ends.
    func tryLock() throws(FileError) -> Bool {
        try operations.begin(.lock, path)
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            if errno == EWOULDBLOCK { return false }
            guard errno == EINTR else { throw FileError(operation: "lock", path: path, code: errno) }
        }
        isLocked.store(true, ordering: .relaxed)
        return true
    }

    /// Notes beside the content which process has the file's lock, and writes its number into it.
    ///
    /// A file system without extended attributes keeps no note, and readers have to do with the number alone.
    func noteHolder(_ number: [UInt8]) {
        _ = unsafe number.withUnsafeBytes { unsafe fsetxattr(descriptor, Self.holder, $0.baseAddress, $0.count, 0) }
    }

    /// The number that the last holder of the lock noted; nil where none did.
    func notedHolder() -> [UInt8]? {
        var number = [UInt8](repeating: 0, count: 16)
        let count = unsafe number.withUnsafeMutableBytes {
            unsafe fgetxattr(descriptor, Self.holder, $0.baseAddress, $0.count)
        }
        return count > 0 ? Array(number[..<count]) : nil
    }

    private static let holder = "user.zroute.holder"

    /// Reads up to `count` bytes at an offset; fewer only at the end of the file.
    func read(at offset: Int, count: Int) throws(FileError) -> [UInt8] {
        try operations.begin(.read, path)
        var failure: FileError?
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            var done = 0
            while done < count, let base = buffer.baseAddress {
                // `base + done ..< base + count` lies inside the buffer: done < count, its capacity.
                let got = unsafe pread(descriptor, base + done, count - done, offset + done)
                if got > 0 {
                    done += got
                } else if got == 0 {
                    break
                } else if errno != EINTR {
                    failure = FileError(operation: "read", path: path, code: errno)
                    break
                }
            }
            initialized = done
        }
        if let failure { throw failure }
        return bytes
    }

    /// Reads the whole file, whose size is known.
    ///
    /// - Throws: `FileError` also where the file is larger than `limit`.
    func readAll(size: Int, limit: Int) throws(FileError) -> [UInt8] {
        guard size <= limit else {
            throw FileError(operation: "read", path: path, reason: "larger than \(limit) bytes")
        }
        return try read(at: 0, count: size)
    }

    /// Writes all bytes at an offset.
    func write(_ bytes: [UInt8], at offset: Int) throws(FileError) {
        var end = bytes.count
        let fault = operations.fault(.write)
        if fault != nil { end /= 2 }
        var done = 0
        while done < end {
            let wrote = unsafe bytes.withUnsafeBytes { buffer in
                guard let base = buffer.baseAddress else { return 0 }
                // `base + done ..< base + end` lies inside the buffer: done < end <= bytes.count.
                return unsafe pwrite(descriptor, base + done, end - done, offset + done)
            }
            if wrote > 0 {
                done += wrote
            } else if wrote == 0 || errno != EINTR {
                throw FileError(operation: "write", path: path, code: wrote == 0 ? EIO : errno)
            }
        }
        if let fault { throw FileError(operation: "write", path: path, code: fault) }
    }

    /// Cuts the file to a size.
    func truncate(to size: Int) throws(FileError) {
        try operations.begin(.write, path)
        while ftruncate(descriptor, off_t(size)) != 0 {
            guard errno == EINTR else { throw FileError(operation: "truncate", path: path, code: errno) }
        }
    }

    /// Makes the contents of files durable, with little more waiting than for one of them.
    ///
    /// - Returns: the failures, in the files' order.
    static func sync(_ files: [OpenFile]) -> [FileError?] {
        for file in files.dropLast() { file.startWriteback() }
        return files.map { file in
            do throws(FileError) {
                try file.sync()
                return nil
            } catch {
                return error
            }
        }
    }

    /// Asks the kernel to start writing the content out, so that a later sync of many files waits but once.
    private func startWriteback() {
        // The one portable call that starts it without waiting (Linux does so for pages it is asked to drop); it doubled
        // the rate of many small files. A hint: only the answer of `sync` counts.
        _ = posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED)
    }

    /// Gives the file another group; the caller has to be in it.
    ///
    /// - Parameter remedy: what to do where this is refused, as the end of the message.
    func changeGroup(to group: UInt32, remedy: String) throws(FileError) {
        try operations.begin(.changeOwner, path)
        guard fchown(descriptor, .max, group) == 0 else {
            throw FileError(operation: "chgrp", path: path, code: errno, remedy: remedy)
        }
    }

    /// Gives the file other permissions, whatever the umask.
    func changeMode(to mode: mode_t) throws(FileError) {
        try operations.begin(.changeMode, path)
        guard fchmod(descriptor, mode) == 0 else { throw FileError(operation: "chmod", path: path, code: errno) }
    }

    /// Makes content and size durable.
    func sync() throws(FileError) {
        try operations.begin(.syncFile, path)
        while fdatasync(descriptor) != 0 {
            guard errno == EINTR else { throw FileError(operation: "fdatasync", path: path, code: errno) }
        }
    }
}

// The one gate that every file operation of the spool passes: nothing in production, a fault injector in tests.

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

    /// The status of an open file or directory as it is now.
    ///
    /// - Parameter path: what messages call it.
    func identity(of descriptor: Int32, _ path: String) throws(FileError) -> FileIdentity {
        try begin(.status, path)
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else {
            throw FileError(operation: "stat", path: path, code: errno)
        }
        return FileIdentity(status)
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
    /// Changing a file's owner or group.
    case changeOwner
    /// Changing a file's permissions.
    case changeMode
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
