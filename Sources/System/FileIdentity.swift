// Tells one generation of a file from the next (relation flag -m: modification time, inode, link count, size).

public import Glibc

/// What distinguishes one generation of a file from another.
public struct FileIdentity: Sendable, Hashable {
    /// The device and inode.
    public let device: UInt64, inode: UInt64
    /// The size in bytes and the number of links.
    public let size: Int64, links: UInt64
    /// The time of the last modification, in nanoseconds since 1970; the nearest that fits, past the year 2262.
    public let modified: Int64
    /// The owner's and the group's number.
    public let owner: UInt32, group: UInt32
    /// The permission bits and the file type (`st_mode`).
    public let mode: UInt32

    /// The identity that a `stat` tells.
    public init(_ status: stat) {
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
        size = Int64(status.st_size)
        links = UInt64(status.st_nlink)
        modified = Self.nanoseconds(status.st_mtim)
        owner = status.st_uid
        group = status.st_gid
        mode = status.st_mode
    }

    /// The identity of the file that a path names.
    ///
    /// - Throws: `FileError` when the path cannot be examined, a missing file among the reasons.
    public init(path: String) throws(FileError) {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else {
            throw FileError(operation: "stat", path: path, code: errno)
        }
        self.init(status)
    }

    /// Whether there is certainly nothing at a path: one that cannot be examined may well have something.
    public static func isMissing(at path: String) -> Bool {
        do throws(FileError) {
            _ = try FileIdentity(path: path)
            return false
        } catch {
            return error.isMissing
        }
    }

    /// The identity of what a path names, a symbolic link itself among it.
    ///
    /// - Throws: `FileError` when the path cannot be examined, a missing file among the reasons.
    public init(linkAt path: String) throws(FileError) {
        var status = stat()
        guard unsafe lstat(path, &status) == 0 else {
            throw FileError(operation: "lstat", path: path, code: errno)
        }
        self.init(status)
    }

    /// A time as nanoseconds since 1970; the nearest that fits, past the year 2262.
    static func nanoseconds(_ time: timespec) -> Int64 {
        let (seconds, isOutside) = Int64(time.tv_sec).multipliedReportingOverflow(by: 1_000_000_000)
        let (nanoseconds, isOver) = seconds.addingReportingOverflow(Int64(time.tv_nsec))
        return isOutside || isOver ? (time.tv_sec < 0 ? .min : .max) : nanoseconds
    }

    /// Whether it is the same file, whatever became of it since.
    public func isSameFile(as other: FileIdentity) -> Bool { device == other.device && inode == other.inode }

    /// Whether it is a regular file.
    public var isRegularFile: Bool { mode & S_IFMT == S_IFREG }

    /// Whether it is a directory.
    public var isDirectory: Bool { mode & S_IFMT == S_IFDIR }

    /// Whether it is a socket.
    public var isSocket: Bool { mode & S_IFMT == S_IFSOCK }
}

// Tells whether a file was written to, where its size and dates say otherwise.

/// A file at one moment: which it is, and when it was changed last in any way.
///
/// Whoever keeps a file's date, as `cp -p` and `rsync` do, or writes as many bytes as there were within one tick of the
/// kernel's clock, leaves the identity as it was. The time of the last change nobody can set.
public struct FileState: Sendable, Hashable {
    /// Which generation of which file it is.
    public let identity: FileIdentity
    /// When content, owner, mode or links changed last (`st_ctim`), in nanoseconds since 1970.
    public let changed: Int64

    /// The state that a `stat` tells.
    public init(_ status: stat) {
        identity = FileIdentity(status)
        changed = FileIdentity.nanoseconds(status.st_ctim)
    }

    /// The state of the file that a path names.
    ///
    /// - Throws: `FileError` when the path cannot be examined, a missing file among the reasons.
    public init(path: String) throws(FileError) {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else {
            throw FileError(operation: "stat", path: path, code: errno)
        }
        self.init(status)
    }

    /// Whether the content may be another than it was.
    ///
    /// A link that was made or removed, as by a rename, dates a change too, and is none of the content.
    func isWritten(since earlier: FileState) -> Bool {
        identity.size != earlier.identity.size || identity.modified != earlier.identity.modified
            || (changed != earlier.changed && identity.links == earlier.identity.links)
    }
}

// Where a path leads, however it is spelled: through symbolic links, `.` and `..`, hard links or bind mounts.

/// The place of a file: equal for all paths that lead to it.
public enum FileLocation: Sendable, Hashable {
    /// A file that exists, by its device and inode.
    case existing(device: UInt64, inode: UInt64)
    /// A name that is still free, in a directory given by its device and inode.
    case free(device: UInt64, inode: UInt64, name: String)

    /// As many symbolic links as the system itself follows.
    private static let mostLinks = 40

    /// Finds out where a path leads.
    ///
    /// - Throws: `FileError` when a directory on the way is missing or cannot be examined.
    public init(_ path: String) throws(FileError) {
        var path = path
        for _ in 0..<Self.mostLinks {
            do {
                let identity = try FileIdentity(path: path)
                self = .existing(device: identity.device, inode: identity.inode)
                return
            } catch {
                guard error.isMissing else { throw error }
            }
            // A symbolic link to a name that is free yet is that name.
            guard let target = linkTarget(path) else { break }
            path = target.utf8.first == UInt8(ascii: "/") ? target : "\(System.directory(of: path))/\(target)"
        }
        let directory = try FileIdentity(path: System.directory(of: path))
        self = .free(device: directory.device, inode: directory.inode, name: fileName(of: path))
    }
}

/// What a symbolic link says; nil for anything else.
private func linkTarget(_ path: String) -> String? {
    var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
    let length = unsafe buffer.withUnsafeMutableBufferPointer { bytes in
        // Not nil: it has room for a path.
        guard let start = bytes.baseAddress else { return -1 }
        return unsafe start.withMemoryRebound(to: CChar.self, capacity: bytes.count) {
            unsafe readlink(path, $0, bytes.count)
        }
    }
    return length > 0 ? String(decoding: buffer[..<length], as: UTF8.self) : nil
}

/// The path from the root, as the process's directory is now.
public func absolutePath(_ path: String) -> String {
    guard path.utf8.first != UInt8(ascii: "/"), let current = unsafe getcwd(nil, 0) else { return path }
    defer { unsafe free(current) }
    return unsafe String(cString: current) + "/" + path
}
