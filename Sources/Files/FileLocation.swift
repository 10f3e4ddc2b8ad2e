// Where a path leads, however it is spelled: through symbolic links, `.` and `..`, hard links or bind mounts.

import Glibc

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
            path = target.utf8.first == UInt8(ascii: "/") ? target : "\(Files.directory(of: path))/\(target)"
        }
        let directory = try FileIdentity(path: Files.directory(of: path))
        let name = path.utf8.lastIndex(of: UInt8(ascii: "/")).map { path[path.utf8.index(after: $0)...] } ?? path[...]
        self = .free(device: directory.device, inode: directory.inode, name: String(name))
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
