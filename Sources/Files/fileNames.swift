// The names in a directory.

import Glibc

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
