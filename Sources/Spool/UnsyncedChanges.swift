// Changes of a control file that are not known to be on the disk: some perhaps not even written.

import Files

/// The changes since the last sync, in their order.
///
/// A change is written only after all before it, so that whatever a crash leaves is a state the file could have had.
struct UnsyncedChanges: Sendable {
    /// Bytes at a place of the file.
    struct Change: Sendable {
        let offset: Int
        let bytes: [UInt8]
        /// Whether they make the file longer: a part of them must not be left in it.
        var isAtEnd = false
    }

    private var changes: [Change] = []
    private var writtenCount = 0

    /// Whether the file has taken all of them.
    var areWritten: Bool { writtenCount == changes.count }

    /// Adds a change, to be written by the next `write` or `make`.
    mutating func append(_ change: Change) { changes.append(change) }

    /// Writes a change after all before it, and keeps it only if that succeeds.
    mutating func make(_ change: Change, to file: OpenFile) throws(FileError) {
        try write(to: file)
        try Self.write(change, to: file)
        changes.append(change)
        writtenCount += 1
    }

    /// Writes what is not written yet; what fails is kept.
    mutating func write(to file: OpenFile) throws(FileError) {
        while writtenCount < changes.count {
            try Self.write(changes[writtenCount], to: file)
            writtenCount += 1
        }
    }

    /// Forgets that anything was written.
    mutating func writeAllAgain() { writtenCount = 0 }

    private static func write(_ change: Change, to file: OpenFile) throws(FileError) {
        do throws(FileError) {
            try file.write(change.bytes, at: change.offset)
        } catch {
            // Where that fails too, a torn diagnostic is left, which every reader puts up with, and which is written over.
            if change.isAtEnd { try? file.truncate(to: change.offset) }
            throw error
        }
    }
}
