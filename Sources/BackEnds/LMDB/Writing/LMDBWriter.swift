// Writes a new file of LMDB in one transaction: the compiler's output, which nobody reads before it is whole.

import CLMDB
import Glibc
import Maps
import System

/// A file being written.
final class LMDBWriter: MapFileWriter {
    private let path: String
    private var environment: LibraryEnvironment?
    private let endsWithNUL: Bool
    /// Whether keys may be there already, and come in any order.
    private let isAddedTo: Bool
    /// Hold a key and a value, each with its NUL, during a put.
    private var key: [UInt8] = [], value: [UInt8] = []

    /// Begins to fill a file anew.
    ///
    /// - Parameters:
    ///   - path: a file that the caller made for this purpose.
    ///   - old: what it is to hold before everything else, as it is stored, in the order of the keys.
    ///   - endsWithNUL: whether keys and values get a NUL, as Postfix's files have it.
    init(_ path: String, keeping old: [TreeWalk.Entry], endsWithNUL: Bool) throws(MapFileError) {
        self.path = path
        self.endsWithNUL = endsWithNUL
        isAddedTo = !old.isEmpty
        do throws(LMDBFailure) {
            let environment = try LibraryEnvironment(try Self.emptied(path), .alone)
            self.environment = environment
            _ = try environment.begin()
            try environment.openDatabase(nil, creating: true)
            for entry in old {
                _ = try unsafe entry.key.span.withUnsafeBytes { key throws(LMDBFailure) in
                    try unsafe entry.value.span.withUnsafeBytes { value throws(LMDBFailure) in
                        unsafe try environment.put(key, value, flags: MDB_APPEND)
                    }
                }
            }
        } catch {
            throw error.asWritten
        }
    }

    private static func emptied(_ path: String) throws(LMDBFailure) -> String {
        guard unsafe truncate(path, 0) == 0 else {
            throw LMDBFailure(FileError(operation: "truncate", path: path, code: errno))
        }
        return path
    }

    /// Adds an entry; a new file is given its keys in their order.
    func put(key newKey: Span<UInt8>, value newValue: Span<UInt8>) throws(MapFileError) -> Bool {
        guard let environment else { return false }
        fill(&key, newKey)
        fill(&value, newValue)
        do throws(LMDBFailure) {
            let (key, value) = (key, value)
            if isAddedTo, try environment.get(otherForm(of: key)) != nil { return false }
            return try unsafe key.span.withUnsafeBytes { key throws(LMDBFailure) in
                try unsafe value.span.withUnsafeBytes { value throws(LMDBFailure) in
                    unsafe try environment.put(key, value, flags: isAddedTo ? MDB_NOOVERWRITE : MDB_APPEND)
                }
            }
        } catch {
            throw error.asWritten
        }
    }

    func finish() throws(MapFileError) {
        guard let finishing = environment else { return }
        environment = nil
        do throws(LMDBFailure) {
            try finishing.commit()
            finishing.close()
            try settle()
        } catch {
            throw error.asWritten
        }
    }

    /// Lets both meta pages describe the same state.
    ///
    /// The lock file belongs to the path, and counts the transactions of the file that had the path before: which of the two
    /// meta pages a program of the library reads depends on that number, until the file was opened by one alone.
    private func settle() throws(LMDBFailure) {
        let file = try MapFile(path: path, database: nil)
        let newest = Int(file.snapshot.meta.transaction & 1)
        var page = unsafe [UInt8](
            UnsafeRawBufferPointer(start: file.mapping.start(at: newest * file.pageSize), count: file.pageSize))
        for number in 0...1 {
            for (offset, value) in [(0, UInt64(number)), (MetaPage.transactionOffset, UInt64(number))] {
                for index in 0..<8 { page[offset + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index)) }
            }
            do throws(FileError) {
                try overwrite(path, at: number * file.pageSize, with: page)
            } catch {
                throw LMDBFailure(error)
            }
        }
    }

    private func overwrite(_ path: String, at offset: Int, with bytes: [UInt8]) throws(FileError) {
        let descriptor = unsafe open(path, O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileError(operation: "open", path: path, code: errno) }
        defer { close(descriptor) }
        let count = unsafe bytes.withUnsafeBytes { unsafe pwrite(descriptor, $0.baseAddress, $0.count, off_t(offset)) }
        guard count == bytes.count else {
            throw FileError(operation: "write", path: path, code: count < 0 ? errno : ENOSPC)
        }
    }

    private func fill(_ buffer: inout [UInt8], _ bytes: Span<UInt8>) {
        buffer.removeAll(keepingCapacity: true)
        unsafe bytes.withUnsafeBufferPointer { unsafe buffer.append(contentsOf: $0) }
        if endsWithNUL { buffer.append(0) }
    }
}

/// A key without its NUL, or with one where it has none.
func otherForm(of stored: [UInt8]) -> [UInt8] { stored.last == 0 ? Array(stored.dropLast()) : stored + [0] }
