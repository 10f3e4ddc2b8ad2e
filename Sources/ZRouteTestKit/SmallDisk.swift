// A real file system with little room, for what becomes of a full disk.

import Foundation
import Glibc

/// A small file system in memory, mounted while this object lives.
package final class SmallDisk {
    private let path: String

    /// Mounts one over a directory; nil where that cannot be done, which is printed.
    ///
    /// - Parameter test: the name in what is printed.
    package init?(at path: String, kibibytes: Int, for test: String) throws {
        guard geteuid() == 0 else {
            print("\(test): not run: only the superuser can mount a small file system")
            return nil
        }
        let options = ["-t", "tmpfs", "-o", "size=\(kibibytes)k", "tmpfs", path]
        let mounting = try runCommand("/bin/mount", options)
        guard mounting.status == 0 else {
            print("\(test): not run: \(mounting.errorText)")
            return nil
        }
        self.path = path
    }

    deinit { _ = try? runCommand("/bin/umount", ["-l", path]) }

    /// Takes all the room that is left.
    package func fill() throws {
        guard try runCommand("/bin/sh", ["-c", "cat /dev/zero > '\(path)/filler'"]).status != 0 else {
            throw CommandFailure("\(path) has no end")
        }
    }

    /// Gives the room back that `fill` took.
    package func empty() throws { try FileManager.default.removeItem(atPath: "\(path)/filler") }
}
