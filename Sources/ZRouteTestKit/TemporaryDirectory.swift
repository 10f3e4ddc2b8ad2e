// A directory for one test, gone when the test is done.

import Foundation

/// A directory that is removed, with all in it, when the object goes.
package final class TemporaryDirectory: Sendable {
    /// Its absolute path, symbolic links resolved.
    package let path: String

    /// Makes a new, empty directory.
    ///
    /// - Parameter isInMemory: whether it may lie in memory, where there is room: a killed process loses nothing there
    ///   that it would keep on a disk, and syncing costs nothing.
    package init(isInMemory: Bool = false) throws {
        let isShared = isInMemory && FileManager.default.isWritableFile(atPath: "/dev/shm")
        let place =
            isShared
            ? URL(fileURLWithPath: "/dev/shm") : FileManager.default.temporaryDirectory.resolvingSymlinksInPath()
        let directory = place.appendingPathComponent("zroute-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        path = directory.path
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    /// The path of a name in the directory.
    package func file(_ name: String) -> String { path + "/" + name }

    /// Writes a file, in place; see ``write(_:to:isDatedBack:)-([UInt8],_,_)``.
    ///
    /// - Returns: its path.
    @discardableResult
    package func write(_ text: String, to name: String, isDatedBack: Bool = true) throws -> String {
        try write(Array(text.utf8), to: name, isDatedBack: isDatedBack)
    }

    /// Writes a file of bytes, in place.
    ///
    /// - Parameter isDatedBack: whether it is to look as if it had been there for long.
    /// - Returns: its path.
    @discardableResult
    package func write(_ bytes: [UInt8], to name: String, isDatedBack: Bool = true) throws -> String {
        try Data(bytes).write(to: URL(fileURLWithPath: file(name)))
        if isDatedBack { try Self.dateBack(file(name)) }
        return file(name)
    }

    /// The content of a file.
    package func read(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(fileURLWithPath: file(name))))
    }

    /// What a file holds.
    package func bytes(of name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(fileURLWithPath: file(name))))
    }

    /// Gives a file, or all files in a directory, a date of two hours ago.
    package static func dateBack(_ path: String) throws {
        let date = Date(timeIntervalSinceNow: -7200)
        let inside = (FileManager.default.enumerator(atPath: path)?.allObjects as? [String]) ?? []
        for file in [path] + inside.map({ path + "/" + $0 }) {
            try FileManager.default.setAttributes([.modificationDate: date], ofItemAtPath: file)
        }
    }

    /// Makes a directory inside it.
    ///
    /// - Returns: its path.
    @discardableResult
    package func makeDirectory(_ name: String) throws -> String {
        try FileManager.default.createDirectory(atPath: file(name), withIntermediateDirectories: true)
        return file(name)
    }

    /// The names of the files in it, or in a directory inside it, sorted.
    package func names(_ directory: String = ".") throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: file(directory)).sorted()
    }
}
