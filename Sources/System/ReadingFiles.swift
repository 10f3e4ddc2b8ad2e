// Reads parts of a file, where reading it whole would cost too much.

import Glibc

/// A regular file that is open for reading; closed when the value goes.
public struct ReadableFile: ~Copyable, Sendable {
    /// The very file that is open, as it was when it was opened.
    public let state: FileState
    /// Which generation of which file that is.
    public var identity: FileIdentity { state.identity }

    private let path: String
    private let descriptor: Int32

    /// Opens a file.
    ///
    /// - Throws: `FileError` when it cannot be opened, or is no regular file.
    public init(_ path: String) throws(FileError) {
        // O_NONBLOCK: a fifo in the place of a file must not hang the reader; for regular files it has no effect.
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard descriptor >= 0 else { throw FileError(operation: "open", path: path, code: errno) }
        var status = stat()
        let code = unsafe fstat(descriptor, &status) == 0 ? 0 : errno
        let state = FileState(status)
        guard code == 0, state.identity.isRegularFile else {
            close(descriptor)
            throw code == 0
                ? FileError(operation: "read", path: path, reason: "not a regular file")
                : FileError(operation: "stat", path: path, code: code)
        }
        self.path = path
        self.descriptor = descriptor
        self.state = state
    }

    deinit { close(descriptor) }

    /// The state that the very file has now.
    ///
    /// - Throws: `FileError` when it cannot be examined.
    public func currentState() throws(FileError) -> FileState {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else {
            throw FileError(operation: "stat", path: path, code: errno)
        }
        return FileState(status)
    }

    /// Whether somebody has the file open for writing; nil where the system does not tell, as about a file of another's.
    ///
    /// The kernel leases a file to a reader only while nobody can write to it (fcntl(2), F_SETLEASE). The lease is given
    /// back at once: who opens the file in that moment waits for some microseconds, and is announced by a signal that
    /// does nothing.
    func isOpenForWriting() -> Bool? {
        // Linux's numbers, which Glibc shows to programs that define _GNU_SOURCE alone.
        let setSignal: Int32 = 10, setLease: Int32 = 1024
        guard fcntl(descriptor, setSignal, SIGURG) == 0 else { return nil }
        guard fcntl(descriptor, setLease, F_RDLCK) == 0 else { return errno == EAGAIN ? true : nil }
        _ = fcntl(descriptor, setLease, F_UNLCK)
        return false
    }

    /// Reads the whole file into memory.
    ///
    /// Reading, not mapping: a file that shrinks under a mapping kills the process.
    ///
    /// - Parameter limit: the largest number of bytes accepted.
    /// - Throws: `FileError` when reading fails, or there is more than the limit.
    public func readWhole(limit: Int) throws(FileError) -> [UInt8] {
        let tooLarge = FileError(operation: "read", path: path, reason: "larger than \(limit) bytes")
        guard identity.size <= Int64(limit) else { throw tooLarge }
        var failure: FileError?
        var bytes: [UInt8] = []
        var capacity = max(Int(identity.size) + 1, 4096)
        while true {
            let done = bytes.count
            let room = capacity - done
            let chunk = unsafe [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
                var got = unsafe pread(descriptor, buffer.baseAddress, room, off_t(done))
                while got < 0, errno == EINTR {
                    got = unsafe pread(descriptor, buffer.baseAddress, room, off_t(done))
                }
                if got < 0 { failure = FileError(operation: "read", path: path, code: errno) }
                count = max(got, 0)
            }
            if let failure { throw failure }
            if chunk.isEmpty { return bytes }
            if done == 0 { bytes = chunk } else { bytes.append(contentsOf: chunk) }
            guard bytes.count <= limit else { throw tooLarge }
            if bytes.count == capacity { capacity = min(capacity &* 2, limit &+ 1) }
        }
    }

    /// Fills a buffer from a place in the file.
    ///
    /// - Returns: how many bytes were read: as many as the buffer holds, fewer only at the end of the file.
    /// - Throws: `FileError` when reading fails.
    public func read(into buffer: inout [UInt8], at offset: Int) throws(FileError) -> Int {
        var done = 0
        var code: Int32 = 0
        unsafe buffer.withUnsafeMutableBytes { bytes in
            while done < bytes.count {
                // In bounds: done is smaller than the buffer's count.
                let place = unsafe bytes.baseAddress.map { unsafe $0 + done }
                let got = unsafe pread(descriptor, place, bytes.count - done, off_t(offset + done))
                if got > 0 { done += got }
                if got == 0 { return }
                if got < 0, errno != EINTR {
                    code = errno
                    return
                }
            }
        }
        guard code == 0 else { throw FileError(operation: "read", path: path, code: code) }
        return done
    }
}

// Reads what another program sends, such as standard input, as a whole and with a limit.

/// Reads what a path names, which may be a pipe or a device, to its end.
///
/// - Parameter limit: the largest number of bytes accepted.
/// - Throws: `FileError` when it cannot be opened or read, or there is more than the limit.
public func readInput(_ path: String, limit: Int) throws(FileError) -> [UInt8] {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY)
    guard descriptor >= 0 else { throw FileError(operation: "open", path: path, code: errno) }
    defer { close(descriptor) }
    return try readDescriptor(descriptor, name: path, limit: limit)
}

/// Reads a descriptor to its end.
///
/// - Parameters:
///   - name: what errors call it.
///   - limit: the largest number of bytes accepted.
/// - Throws: `FileError` when reading fails, or there is more than the limit.
public func readDescriptor(_ descriptor: Int32, name: String, limit: Int) throws(FileError) -> [UInt8] {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
        let got = unsafe chunk.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, $0.count) }
        if got < 0, errno == EINTR { continue }
        guard got >= 0 else { throw FileError(operation: "read", path: name, code: errno) }
        guard got > 0 else { return bytes }
        bytes.append(contentsOf: chunk[..<got])
        guard bytes.count <= limit else {
            throw FileError(operation: "read", path: name, reason: "larger than \(limit) bytes")
        }
    }
}

// Reads whole files, with a limit: everything read from outside has one.

/// Reads a whole file into memory, as it is at this moment.
///
/// A file that others save in place is for `SettlingFile`.
///
/// - Parameters:
///   - path: the file.
///   - limit: the largest number of bytes accepted.
/// - Returns: the bytes, and the identity of the very file they came from.
/// - Throws: `FileError` when the file cannot be opened or read, is no regular file, or is larger than the limit.
public func readFile(_ path: String, limit: Int) throws(FileError) -> (bytes: [UInt8], identity: FileIdentity) {
    let file = try ReadableFile(path)
    return (try file.readWhole(limit: limit), file.identity)
}

// Looks at the beginning of a file, where formats say what they are.

/// Reads the first bytes of a file.
///
/// - Parameters:
///   - path: the file.
///   - count: how many bytes are wanted.
/// - Returns: those bytes; fewer where the file is shorter.
/// - Throws: `FileError` when the file cannot be opened or read, or is no regular file.
public func readHead(of path: String, count: Int) throws(FileError) -> [UInt8] {
    let file = try ReadableFile(path)
    var bytes = [UInt8](repeating: 0, count: max(count, 0))
    let got = try file.read(into: &bytes, at: 0)
    return Array(bytes.prefix(got))
}

// The names in a directory.

/// The names of the entries of a directory, in no order, without `.` and `..`.
///
/// - Throws: `FileError` when the directory cannot be opened or read.
public func fileNames(in path: String) throws(FileError) -> [String] {
    guard let stream = unsafe opendir(path) else { throw FileError(operation: "opendir", path: path, code: errno) }
    defer { unsafe closedir(stream) }
    var names: [String] = []
    while true {
        errno = 0
        guard let entry = unsafe readdir(stream) else {
            guard errno == 0 else { throw FileError(operation: "readdir", path: path, code: errno) }
            return names
        }
        // d_name ends with a NUL, inside the entry.
        let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { name in
            unsafe name.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
        }
        if name != "." && name != ".." { names.append(name) }
    }
}
