// The name under which a database is written before it takes the place of the old one: in the same directory, so that
// the rename is atomic, and unlike any other, so that two runs never write into one file.

import Glibc
import System

/// Names of files that are to replace a target.
public struct TemporaryName {
    private let directory: String
    private let prefix: String

    /// Names for the replacement of a file.
    public init(for target: String) {
        directory = System.directory(of: target)
        prefix = ".\(fileName(of: target)).zroute-"
    }

    /// One of the names that this process may take.
    public func path(attempt: Int) -> String {
        "\(directory)/\(prefix)\(getpid())-\(attempt)"
    }

    /// Removes what runs left behind that did not live to remove it themselves.
    public func removeLeftovers() {
        guard let stream = unsafe opendir(directory) else { return }
        defer { unsafe closedir(stream) }
        while let entry = unsafe readdir(stream) {
            // d_name ends with a NUL, inside the entry.
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { name in
                unsafe name.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            guard name.hasPrefix(prefix), let process = Self.process(name.dropFirst(prefix.count)) else { continue }
            if process != getpid(), kill(process, 0) != 0, errno == ESRCH { unsafe unlink("\(directory)/\(name)") }
        }
    }

    private static func process(_ text: Substring) -> pid_t? {
        guard let number = text.split(separator: "-").first.flatMap({ pid_t($0) }), number > 0 else { return nil }
        return number
    }
}
