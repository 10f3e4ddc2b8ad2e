// What can still be read of a database file: a dump beside it, and how much is in the dump.

import Glibc
import Maps
import System

/// The dump of a database that may be damaged.
struct SalvagedDatabase {
    /// The dump, in the format of db5.3_dump, which `db load` reads.
    let path: String
    /// The file it was made of, as it was.
    let identity: FileIdentity
    /// Whether that file is not damaged at all.
    let isWhole: Bool
    /// How many entries are in the dump.
    let entries: Int
    /// How many entries had lost their key or their value.
    let fragments: Int
    /// About how many entries of the file are not in the dump; nil where the file does not tell.
    let missing: Int?

    /// Dumps a file that no environment uses.
    ///
    /// - Parameters:
    ///   - kind: what the file is or was.
    ///   - dump: the path of the dump, which must not exist.
    ///   - observer: may want the work to end before it is done.
    init(
        _ file: String, _ identity: FileIdentity, kind: DatabaseKind, dump: String, observer: (any CallObserver)?
    ) throws {
        self.identity = identity
        path = dump
        var isWhole = true
        do {
            try DatabaseCheck.verify(file, observer: observer)
        } catch {
            guard error.code != ECANCELED else { throw error }
            isWhole = false
        }
        let census = isWhole ? nil : try LeafCensus(file)
        do {
            isWhole = try DatabaseCheck.salvage(file, kind: kind, to: dump, observer: observer) && isWhole
        } catch {
            if error.code == ECANCELED { try? removeFile(dump, missingIsFine: true) }
            // Not even its first page says what it is: nothing can be read.
            guard error.code == EINVAL else { throw error }
            isWhole = false
        }
        self.isWhole = isWhole
        var count = 0
        var fragments = 0
        try Self.forEach(dump, fragments: &fragments) { _, _ in count += 1 }
        entries = count
        self.fragments = fragments
        missing = isWhole ? 0 : census?.missing(having: count)
    }

    /// Hands on every entry of the dump.
    func forEach(_ body: (_ key: [UInt8], _ value: [UInt8]) throws -> Void) throws {
        var fragments = 0
        try Self.forEach(path, fragments: &fragments, body)
    }

    private static func forEach(
        _ path: String, fragments: inout Int, _ body: (_ key: [UInt8], _ value: [UInt8]) throws -> Void
    ) throws {
        let bytes = try readFile(path, limit: Int(UInt32.max)).bytes
        guard !bytes.isEmpty else { return }
        var reader = try EntryReader(bytes, file: path)
        while let entry = try reader.next() {
            // What the library writes in the place of a missing half.
            if entry.key.starts(with: "UNKNOWN_KEY".utf8) || entry.value.starts(with: "UNKNOWN_DATA".utf8) {
                fragments += 1
            } else {
                try body(entry.key, entry.value)
            }
        }
    }
}
