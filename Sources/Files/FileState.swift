// Tells whether a file was written to, where its size and dates say otherwise.

public import Glibc

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
