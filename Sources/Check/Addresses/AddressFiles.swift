// The files that addresses are read from: one, all in a directory, or standard input.

import Glibc
package import System

/// Files with addresses.
package enum AddressFiles {
    /// So many addresses are handed on at once.
    private static let batchSize = 1_024

    /// Reads a file.
    ///
    /// - Parameters:
    ///   - path: a file; a directory for all files in it and below; `-` for standard input.
    ///   - reader: counts what was found.
    ///   - signals: those that are held back; when one comes, reading ends.
    ///   - body: takes the addresses out of a list.
    /// - Throws: `FileError` when something cannot be read; what was read before was handed on.
    package static func read(
        _ path: String, with reader: inout AddressReader, signals: TerminationSignals? = nil,
        _ body: (inout FoundAddresses) -> Void
    ) throws(FileError) {
        if path == "-" { return try read(STDIN_FILENO, "standard input", &reader, signals, body) }
        if try FileIdentity(path: path).isDirectory {
            for name in try fileNames(in: path).sorted() where name.utf8.first != UInt8(ascii: ".") {
                try read("\(path)/\(name)", with: &reader, signals: signals, body)
            }
            return
        }
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY)
        guard descriptor >= 0 else { throw FileError(operation: "open", path: path, code: errno) }
        defer { close(descriptor) }
        try read(descriptor, path, &reader, signals, body)
    }

    private static func read(
        _ descriptor: Int32, _ name: String, _ reader: inout AddressReader, _ signals: TerminationSignals?,
        _ body: (inout FoundAddresses) -> Void
    ) throws(FileError) {
        var list = FoundAddresses()
        var lines = LineBlockReader(descriptor: descriptor, name: name, signals: signals)
        reader.begin(name)
        while let block = try lines.next() {
            reader.take(block, to: &list)
            if list.count >= batchSize { body(&list) }
        }
        reader.end(&list)
        if list.count > 0 { body(&list) }
    }
}
