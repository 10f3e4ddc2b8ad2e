// Writes a constant database with tinycdb: the compiler's output, which nobody reads before it is whole.

import Bytes
import CCDB
import Glibc
import Maps
import System

/// A constant database being written.
@safe
final class CDBWriter: MapFileWriter {
    // It stays where it is allocated, as the library demands.
    private let maker = UnsafeMutablePointer<cdb_make>.allocate(capacity: 1)
    private var descriptor: Int32
    private let path: String
    /// The records that were in the file before; what has one of their keys is not added.
    private let old: LoadedEntries?
    /// What ends keys and values.
    private let ending: [UInt8]
    /// The size that the file has when nothing more is added.
    private var size = CDBFile.headerSize
    private let sizeLimit: Int
    private var unused: [UInt8] = []

    /// Begins to fill a file anew.
    ///
    /// - Parameters:
    ///   - path: a file that the caller made for this purpose.
    ///   - old: what it held, and is to hold again before everything else.
    ///   - sizeLimit: what its size must not exceed.
    init(_ path: String, keeping old: CDBFile?, sizeLimit: Int) throws(MapFileError) {
        self.path = path
        self.old = old?.entries(ByteHash())
        self.sizeLimit = sizeLimit
        // Whoever reads a file whose keys end with a NUL asks with one.
        ending = old?.isTerminated == true ? [0] : []
        unsafe maker.initialize(to: cdb_make())
        descriptor = unsafe open(path, O_RDWR | O_TRUNC | O_CLOEXEC)
        guard descriptor >= 0, unsafe cdb_make_start(maker, descriptor) == 0 else { throw failure(errno) }
        try old?.forEachRecord { key, value throws(MapFileError) in try add(key, value) }
    }

    deinit {
        if descriptor >= 0 {
            // Only this frees what the library has allocated; the file that it writes is not wanted any more.
            _ = unsafe cdb_make_finish(maker)
            close(descriptor)
        }
        unsafe maker.deallocate()
    }

    /// Adds an entry; keys and values have no NUL behind them, as in the files of others, unless those of an old file have.
    func put(key: Span<UInt8>, value: Span<UInt8>) throws(MapFileError) -> Bool {
        if let old, old.find(key, into: &unused) { return false }
        try add(key, value)
        return true
    }

    func finish() throws(MapFileError) {
        let isWritten = unsafe cdb_make_finish(maker) == 0
        let code = errno
        let closed = close(descriptor)
        descriptor = -1
        guard isWritten else { throw failure(code) }
        guard closed == 0 else { throw failure(errno) }
    }

    private func add(_ key: Span<UInt8>, _ value: Span<UInt8>) throws(MapFileError) {
        if ending.isEmpty {
            try addRecord(key, value)
        } else {
            let (key, value) = ([UInt8](copying: key) + ending, [UInt8](copying: value) + ending)
            try addRecord(key.span, value.span)
        }
    }

    /// The size is counted, and each answer looked at: the library finishes a file that has grown past 4 GiB without a word.
    private func addRecord(_ key: Span<UInt8>, _ value: Span<UInt8>) throws(MapFileError) {
        // The record, and two slots of eight bytes for it.
        size += 8 + key.count + value.count + 16
        guard size <= sizeLimit else { throw Self.tooLarge }
        let code = unsafe key.withUnsafeBytes { key in
            unsafe value.withUnsafeBytes { value in
                // In range: the file that has both is not too large.
                unsafe cdb_make_add(
                    maker, key.baseAddress, UInt32(clamping: key.count), value.baseAddress,
                    UInt32(clamping: value.count))
            }
        }
        guard code == 0 else { throw failure(errno) }
    }

    private static let tooLarge = MapFileError("a cdb holds 4 GB at most; divide the map, or make it of another type")

    private func failure(_ code: Int32) -> MapFileError {
        guard code != ENOMEM else { return Self.tooLarge }
        return MapFileError(FileError(operation: "write", path: path, code: code))
    }
}
