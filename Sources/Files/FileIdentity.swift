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

    /// A time as nanoseconds since 1970; the nearest that fits, past the year 2262.
    static func nanoseconds(_ time: timespec) -> Int64 {
        let (seconds, isOutside) = Int64(time.tv_sec).multipliedReportingOverflow(by: 1_000_000_000)
        let (nanoseconds, isOver) = seconds.addingReportingOverflow(Int64(time.tv_nsec))
        return isOutside || isOver ? (time.tv_sec < 0 ? .min : .max) : nanoseconds
    }

    /// Whether it is the same file, whatever became of it since.
    func isSameFile(as other: FileIdentity) -> Bool { device == other.device && inode == other.inode }

    /// Whether it is a regular file.
    public var isRegularFile: Bool { mode & S_IFMT == S_IFREG }

    /// Whether it is a directory.
    public var isDirectory: Bool { mode & S_IFMT == S_IFDIR }
}
