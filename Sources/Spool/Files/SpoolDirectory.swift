// One directory of POSTOFFICE, held open: names are looked up below it, never through a path that may change meanwhile.

import Glibc
import System

/// An open directory of the spool.
final class SpoolDirectory: Sendable {
    let path: String
    private let descriptor: Int32
    private let operations: FileOperations

    /// Opens a directory.
    init(path: String, operations: FileOperations) throws(FileError) {
        try operations.begin(.open, path)
        let descriptor = unsafe Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileError(operation: "open", path: path, code: errno) }
        self.path = path
        self.descriptor = descriptor
        self.operations = operations
    }

    deinit {
        close(descriptor)
    }

    /// The path of a name in this directory, for messages.
    func path(of name: String) -> String { "\(path)/\(name)" }

    /// The directory's own status.
    func identity() throws(FileError) -> FileIdentity {
        try operations.identity(of: descriptor, path)
    }

    /// Whether the path still leads to this directory.
    ///
    /// - Throws: `FileError` also where it leads nowhere.
    func isInPlace() throws(FileError) -> Bool {
        let own = try identity()
        let there = try FileIdentity(path: path)
        return own.device == there.device && own.inode == there.inode
    }

    /// Goes on in another directory, which is open already.
    ///
    /// Whoever works here meanwhile would find the names of the one in the other.
    func takePlace(of other: SpoolDirectory) throws(FileError) {
        guard dup2(other.descriptor, descriptor) >= 0, fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0 else {
            throw FileError(operation: "open", path: path, code: errno)
        }
    }

    /// Opens a regular file; nil where there is none of that name.
    func open(_ name: String) throws(FileError) -> OpenFile? {
        guard let file = try openAnything(name) else { return nil }
        _ = try Self.regular(file)
        return file
    }

    /// What came of opening a file to have it to oneself.
    enum LockedFile {
        /// It is locked, and this is its status.
        case locked(OpenFile, FileIdentity)
        /// Somebody else has it locked.
        case busy
        /// There is none of that name, or it lost the name before it could be locked.
        case gone
    }

    /// Opens a regular file and takes its lock.
    func openLocked(_ name: String, forWriting: Bool = false) throws(FileError) -> LockedFile {
        guard let file = try openAnything(name, forWriting: forWriting) else { return .gone }
        guard try file.tryLock() else { return .busy }
        // Between opening and locking another run may have finished with the file, and the name may be another's.
        let identity = try Self.regular(file)
        return try status(name)?.inode == identity.inode ? .locked(file, identity) : .gone
    }

    private static func regular(_ file: OpenFile) throws(FileError) -> FileIdentity {
        let identity = try file.identity()
        guard identity.isRegularFile else {
            throw FileError(operation: "open", path: file.path, reason: "not a regular file; remove it")
        }
        return identity
    }

    /// Opens what has a name; nil where nothing has it.
    ///
    /// A symbolic link is refused, and a fifo or device in the place of a file cannot hang the caller.
    private func openAnything(_ name: String, forWriting: Bool = false) throws(FileError) -> OpenFile? {
        try operations.begin(.open, path(of: name))
        let flags = (forWriting ? O_RDWR : O_RDONLY) | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC
        let opened = unsafe openat(descriptor, name, flags)
        guard opened >= 0 else {
            if errno == ENOENT { return nil }
            if errno == ELOOP {
                throw FileError(operation: "open", path: path(of: name), reason: "a symbolic link; remove it")
            }
            throw FileError(operation: "open", path: path(of: name), code: errno)
        }
        return OpenFile(descriptor: opened, path: path(of: name), operations: operations)
    }

    /// Creates a file that must not exist, readable and writable by the owner alone.
    func create(_ name: String) throws(FileError) -> OpenFile {
        try operations.begin(.create, path(of: name))
        let flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
        let opened = unsafe openat(descriptor, name, flags, 0o600)
        guard opened >= 0 else { throw FileError(operation: "create", path: path(of: name), code: errno) }
        return OpenFile(descriptor: opened, path: path(of: name), operations: operations)
    }

    /// Creates a file in the place of what a run that died may have left under the name.
    ///
    /// Whoever calls has the message's lock, so that nobody else is writing what is there.
    func createAnew(_ name: String) throws(FileError) -> OpenFile {
        do throws(FileError) {
            return try create(name)
        } catch {
            guard error.code == EEXIST else { throw error }
            try unlink(name)
            return try create(name)
        }
    }

    /// The status of a name, of the link itself where it is one; nil where there is none.
    func status(_ name: String) throws(FileError) -> FileIdentity? {
        try operations.begin(.status, path(of: name))
        var status = stat()
        guard unsafe fstatat(descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
            if errno == ENOENT { return nil }
            throw FileError(operation: "stat", path: path(of: name), code: errno)
        }
        return FileIdentity(status)
    }

    /// Gives a file a further name, in this or another directory; an existing name is an error (EEXIST).
    func link(_ name: String, to target: SpoolDirectory, as newName: String) throws(FileError) {
        try operations.begin(.link, path(of: name))
        guard unsafe linkat(descriptor, name, target.descriptor, newName, 0) == 0 else {
            throw FileError(operation: "link to \(target.path(of: newName))", path: path(of: name), code: errno)
        }
    }

    /// Renames within the directory, replacing what has the new name.
    func rename(_ name: String, to newName: String) throws(FileError) {
        try operations.begin(.rename, path(of: name))
        guard unsafe renameat(descriptor, name, descriptor, newName) == 0 else {
            throw FileError(operation: "rename to \(newName)", path: path(of: name), code: errno)
        }
    }

    /// Gives a file a name in another directory in place of the one it has here, in one step; what has that name is replaced.
    func move(_ name: String, to target: SpoolDirectory, as newName: String) throws(FileError) {
        try operations.begin(.rename, path(of: name))
        guard unsafe renameat(descriptor, name, target.descriptor, newName) == 0 else {
            throw FileError(operation: "rename to \(target.path(of: newName))", path: path(of: name), code: errno)
        }
    }

    /// Removes a name; one that is already gone counts as removed.
    func unlink(_ name: String) throws(FileError) {
        try operations.begin(.unlink, path(of: name))
        guard unsafe unlinkat(descriptor, name, 0) == 0 || errno == ENOENT else {
            throw FileError(operation: "unlink", path: path(of: name), code: errno)
        }
    }

    /// Makes the names in the directory durable.
    func sync() throws(FileError) {
        try operations.begin(.syncDirectory, path)
        while fsync(descriptor) != 0 {
            guard errno == EINTR else { throw FileError(operation: "fsync", path: path, code: errno) }
        }
    }

    /// One name of a directory, as `readdir` tells it.
    struct Entry {
        var name: [UInt8]
        var inode: UInt64
        /// DT_REG and the like; DT_UNKNOWN where the file system does not say.
        var type: Int32
    }

    /// All names but `.` and `..`, in the directory's own order.
    func list() throws(FileError) -> [Entry] {
        try operations.begin(.list, path)
        // A description of its own: the position of the held one is shared by all users of this value.
        let opened = unsafe openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard opened >= 0 else { throw FileError(operation: "open", path: path, code: errno) }
        guard let stream = unsafe fdopendir(opened) else {
            let code = errno
            close(opened)
            throw FileError(operation: "list", path: path, code: code)
        }
        defer { unsafe closedir(stream) }
        var entries: [Entry] = []
        while true {
            errno = 0
            guard let record = unsafe readdir(stream) else {
                if errno != 0 { throw FileError(operation: "list", path: path, code: errno) }
                return entries
            }
            let name = unsafe Self.name(of: record)
            if name == [UInt8(ascii: ".")] || name == [UInt8(ascii: "."), UInt8(ascii: ".")] { continue }
            entries.append(
                Entry(
                    name: name, inode: UInt64(unsafe record.pointee.d_ino), type: Int32(unsafe record.pointee.d_type)))
        }
    }

    private static func name(of record: UnsafeMutablePointer<dirent>) -> [UInt8] {
        // d_name is a C string inside a record that may be shorter than `dirent`: it is walked in place up to its NUL,
        // which readdir guarantees, and never copied as the 256-byte tuple that Swift sees.
        let offset = MemoryLayout<dirent>.offset(of: \.d_name) ?? 0
        let start = unsafe UnsafeRawPointer(record) + offset
        var name: [UInt8] = []
        while true {
            let byte = unsafe start.load(fromByteOffset: name.count, as: UInt8.self)
            if byte == 0 { return name }
            name.append(byte)
        }
    }
}

// What a directory of the spool holds: files that may be messages, and things that cannot be.

/// The names in a directory of the spool.
package struct SpoolListing: Sendable, Hashable {
    /// A name that is passed over.
    package struct Refused: Sendable, Hashable {
        /// The name as bytes.
        package let name: [UInt8]
        /// Why, for a person.
        package let reason: String
    }

    /// Files that may be messages, in alphabetical order.
    package var names: [MessageName] = []
    /// Names that are no message and are never opened.
    ///
    /// Names beginning with a dot, files still being written, are in neither list.
    package var refused: [Refused] = []
    /// Messages on hold, and those that an attempt is asked for; in `transport` alone.
    package var onHold: [MessageName] = [], toRetry: Set<MessageName> = []
}
