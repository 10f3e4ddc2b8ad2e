// The kinds of file work the spool does, named so that a test can fail or kill a process at any one of them.

/// One kind of work on the file system.
public enum FileOperation: String, Sendable, Hashable, CaseIterable {
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
public enum FaultAction: Sendable, Hashable {
    /// The operation is carried out.
    case proceed
    /// The operation fails with this errno; a write has then written half of its bytes, as on a full disk.
    case fail(Int32)
}
