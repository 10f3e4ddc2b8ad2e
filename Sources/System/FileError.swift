// The one error of file work: what was attempted, on which path, and the system's reason.

import Glibc

/// A file operation that failed.
public struct FileError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What was attempted, such as `open` or `rename`.
    public let operation: String
    /// The path it was attempted on.
    public let path: String
    /// The system's errno; 0 where a limit of ours was passed.
    public let code: Int32
    /// The reason as text.
    public let reason: String
    /// Whether the file is being written, and may be fine in a moment.
    public let isUnsettled: Bool

    /// Records a failed system call.
    ///
    /// - Parameters:
    ///   - code: errno as the call left it.
    ///   - remedy: what to do, as the end of the reason; nil where the reason says it.
    public init(operation: String, path: String, code: Int32, remedy: String? = nil) {
        self.operation = operation
        self.path = path
        self.code = code
        self.reason = unsafe String(cString: strerror(code)) + (remedy.map { "; \($0)" } ?? "")
        self.isUnsettled = false
    }

    /// Records a refusal of ours, such as a file over a limit.
    ///
    /// - Parameter isUnsettled: whether the file may be fine in a moment.
    public init(operation: String, path: String, reason: String, isUnsettled: Bool = false) {
        self.operation = operation
        self.path = path
        self.code = 0
        self.reason = reason
        self.isUnsettled = isUnsettled
    }

    /// The form of messages: `/etc/zmailer.conf: open: No such file or directory`.
    public var description: String { "\(path): \(operation): \(reason)" }

    /// Whether the file does not exist (ENOENT).
    public var isMissing: Bool { code == ENOENT }

    /// Whether nothing can be at the path: it does not exist, or what should be a directory on the way to it is none.
    public var isUnreachable: Bool { code == ENOENT || code == ENOTDIR }
}
