// Puts a new site in place: complete under its name, or not there at all.

import Glibc
import System

/// Writes the directory of a site.
struct SiteWriter {
    /// Where the site is to be.
    let directory: String

    /// - Throws: where there is something at the path that is no empty directory.
    init(_ path: String) throws(ConversionError) {
        var path = absolutePath(path)
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        directory = path
        guard !path.contains("'"), !path.contains(where: { $0.isBlank || $0 == "$" || $0 == "\"" }) else {
            throw .unusable(
                file: path, line: nil,
                text: "a path with blanks, quotes or '$' cannot stand in dbases.conf; name another one")
        }
        do throws(FileError) {
            let identity = try FileIdentity(path: path)
            guard identity.isDirectory else {
                throw FileError(operation: "write", path: path, reason: "is no directory; name a new one")
            }
            guard try Self.isEmpty(path) else {
                throw FileError(
                    operation: "write", path: path, reason: "is not empty; name a new directory, or empty this one")
            }
        } catch  where error.isMissing {
        } catch {
            throw .file(error)
        }
    }

    private static func isEmpty(_ path: String) throws(FileError) -> Bool {
        guard let stream = unsafe opendir(path) else {
            throw FileError(operation: "open", path: path, code: errno)
        }
        defer { unsafe closedir(stream) }
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
                unsafe $0.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if name != ".", name != ".." { return false }
        }
        return true
    }

    /// Where the files stand before they are in place.
    var temporary: String { "\(directory).\(getpid()).new" }

    /// Writes files below the temporary directory, durably.
    func prepare(_ files: [(path: String, content: [UInt8])]) throws(FileError) {
        try make(temporary)
        try make("\(temporary)/db")
        for file in files { try write(file.content, to: "\(temporary)/\(file.path)") }
        try syncDirectory("\(temporary)/db")
        try syncDirectory(temporary)
    }

    /// Writes one file of the temporary directory anew.
    func write(_ content: [UInt8], to path: String) throws(FileError) {
        let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw FileError(operation: "create", path: path, code: errno) }
        defer { close(descriptor) }
        var done = 0
        while done < content.count {
            // In bounds: done < count.
            let written = unsafe content.withUnsafeBytes { bytes in
                unsafe Glibc.write(descriptor, bytes.baseAddress.map { unsafe $0 + done }, content.count - done)
            }
            if written < 0, errno == EINTR { continue }
            guard written > 0 else {
                throw FileError(operation: "write", path: path, code: written < 0 ? errno : EIO)
            }
            done += written
        }
        guard fsync(descriptor) == 0 else { throw FileError(operation: "fsync", path: path, code: errno) }
    }

    private func make(_ path: String) throws(FileError) {
        guard unsafe mkdir(path, 0o755) == 0 else { throw FileError(operation: "create", path: path, code: errno) }
    }

    /// Gives the temporary directory its name.
    func publish() throws(FileError) {
        // An empty directory is replaced; one that has come to hold something is not.
        try renameFile(temporary, to: directory)
        try syncDirectory(System.directory(of: directory))
    }

    /// Removes what was prepared.
    func abandon(_ files: [(path: String, content: [UInt8])]) {
        for file in files { try? removeFile("\(temporary)/\(file.path)", missingIsFine: true) }
        _ = unsafe rmdir("\(temporary)/db")
        _ = unsafe rmdir(temporary)
    }
}
