// A constant database in memory (D. J. Bernstein's cdb): 256 pairs of numbers, records, and a hash table for each pair. The
// format has no mark of its own and no checksum, and damage of most kinds reads as absence; so the whole file is checked before
// the first answer: every byte of header and tables follows from the records. What of the records is not seen in this way,
// bytes of values above all, the sum tells that newdb writes beside the file.

import Bytes
package import Maps
package import System

/// The content of a file, checked as a whole.
package struct CDBFile: Sendable {
    /// The size of the 256 pairs.
    static let headerSize = 2048
    /// Its numbers have 32 bits.
    package static let sizeLimit = Int(UInt32.max)

    /// The file that it was read from.
    package let identity: FileIdentity
    /// How many records it has; of those that share a key the first is found.
    package let count: Int
    /// Whether a NUL stands behind every key and every value, as some programs write them.
    let isTerminated: Bool
    private let bytes: [UInt8]
    /// Where the records end and the first hash table begins.
    private let endOfRecords: Int

    /// Reads a file and checks all of it; docs/performance.md says how long that takes.
    ///
    /// - Parameter original: the file that it is a copy of, beside which the sum lies; itself where it is none.
    /// - Throws: `FileError` for a file that cannot be read, and for one that is no constant database or a damaged one.
    package init(path: String, copyOf original: String? = nil) throws(FileError) {
        for _ in 0..<Self.attempts {
            let (bytes, identity) = try readFile(path, limit: Self.sizeLimit)
            let sum = try CDBSum(beside: original ?? path)
            // What replaced the file meanwhile replaced the sum before; and whoever writes into it may have written while it
            // was read.
            guard try FileIdentity(path: path) == identity else { continue }
            do throws(Damage) {
                try self.init(bytes, identity, sum)
            } catch {
                throw FileError(
                    operation: "check", path: path,
                    reason: "no constant database, or a damaged one: \(error.text); compile the map again")
            }
            return
        }
        throw FileError(
            operation: "read", path: path, reason: "was changed while it was read; try again", isUnsettled: true)
    }

    private static let attempts = 5

    private init(_ bytes: [UInt8], _ identity: FileIdentity, _ sum: CDBSum?) throws(Damage) {
        self.bytes = bytes
        self.identity = identity
        let known = sum?.files(ofSize: bytes.count) ?? []
        let check = { () throws(Damage) in try CheckedRecords(bytes) }
        guard !known.isEmpty else {
            // There is no sum, or it is about files of another size: whoever wrote this one knows nothing of it.
            let checked = try check()
            (count, endOfRecords, isTerminated) = (checked.count, checked.end, checked.isTerminated)
            return
        }
        let (digest, checked) = try runTogether({ SHA256.digest(of: bytes.span) }, check)
        (count, endOfRecords, isTerminated) = (checked.count, checked.end, checked.isTerminated)
        guard known.contains(CDBSum.File(size: bytes.count, entries: checked.count, digest: digest)) else {
            throw Damage(
                text:
                    "its SHA-256 or its number of entries is not the one in the \(CDBSum.fileExtension) file beside it; if"
                    + " another program than newdb and makedb writes the map, remove that file")
        }
    }

    /// What newdb writes of the file beside it.
    var summed: CDBSum.File {
        CDBSum.File(size: bytes.count, entries: count, digest: SHA256.digest(of: bytes.span))
    }

    /// Its entries, ready for lookups: an index over the records that were checked.
    package func entries(_ hash: ByteHash) -> LoadedEntries {
        var bytes = bytes
        var index = EntryIndex(room: count, hash: hash)
        var position = Self.headerSize
        while position < endOfRecords {
            let (key, value) = (Int(bytes.number(position)), Int(bytes.number(position + 4)))
            let ending = isTerminated ? 1 : 0
            let start = position + 8
            if isTerminated {
                // A value stands right behind its key.
                for place in start + key..<start + key + value { bytes[place - 1] = bytes[place] }
            }
            // In range: these are parts of a file whose size has 32 bits. Of equal keys the first stays.
            _ = index.insert(
                at: UInt32(truncatingIfNeeded: start), keyLength: UInt32(truncatingIfNeeded: key - ending),
                valueLength: UInt32(truncatingIfNeeded: value - ending), in: bytes.span)
            position = start + key + value
        }
        return LoadedEntries(bytes, index, privilege: identity.privilege)
    }

    /// Gives every record in the order of the file, without the NUL that ends keys and values of some files.
    ///
    /// - Throws: what the function throws.
    func forEachRecord<Failure: Error>(
        _ body: (_ key: Span<UInt8>, _ value: Span<UInt8>) throws(Failure) -> Void
    ) throws(Failure) {
        let ending = isTerminated ? 1 : 0
        var position = Self.headerSize
        while position < endOfRecords {
            let middle = position + 8 + Int(bytes.number(position))
            let end = middle + Int(bytes.number(position + 4))
            try body(
                bytes.span.extracting(position + 8..<middle - ending), bytes.span.extracting(middle..<end - ending))
            position = end
        }
    }

    /// How many records a file has by its header; nil for what is no header.
    static func entryCount(inHeader bytes: [UInt8]) -> Int? {
        guard bytes.count >= headerSize else { return nil }
        var slots = 0
        for index in 0..<256 { slots += Int(bytes.number(8 * index + 4)) }
        return slots / 2
    }

    /// What is wrong with a file.
    struct Damage: Error {
        /// The cause, as a clause.
        let text: String
    }
}

/// What was found by checking a whole file.
private struct CheckedRecords {
    /// How many records it has.
    private(set) var count = 0
    /// Where they end.
    let end: Int
    /// Whether a NUL stands behind every key and every value.
    private(set) var isTerminated = false

    /// Checks the rule on which all writers agree: the records lie behind the header, one after another; then the tables up to
    /// the end of the file, in the order of their numbers, those without slots among them, with two slots for each record;
    /// every record has a slot of its own, reached from where its hash says, and the others are empty.
    init(_ content: [UInt8]) throws(CDBFile.Damage) {
        let bytes = content.span
        guard bytes.count >= CDBFile.headerSize else {
            throw CDBFile.Damage(text: "it has \(bytes.count) bytes, and a header alone has \(CDBFile.headerSize)")
        }
        end = Int(bytes.number(0))
        let slots = try Self.slots(bytes)
        try checkRecords(bytes)
        guard count == slots / 2 else {
            throw CDBFile.Damage(text: "the hash tables are made for \(slots / 2) records, and there are \(count)")
        }
        // Each record has one.
        var used = 0
        var slot = end
        while slot < bytes.count {
            if bytes.number(slot) != 0 || bytes.number(slot + 4) != 0 { used += 1 }
            slot += 8
        }
        guard used == count else {
            throw CDBFile.Damage(text: "the hash tables name \(used) records, and there are \(count)")
        }
    }

    /// How many slots the header says that there are.
    private static func slots(_ bytes: Span<UInt8>) throws(CDBFile.Damage) -> Int {
        var end = max(Int(bytes.number(0)), CDBFile.headerSize)
        var slots = 0
        for index in 0..<256 {
            let count = Int(bytes.number(8 * index + 4))
            guard Int(bytes.number(8 * index)) == end, end + 8 * count <= bytes.count else {
                throw CDBFile.Damage(text: "hash table \(index) is not where its header says")
            }
            end += 8 * count
            slots += count
        }
        guard end == bytes.count, slots % 2 == 0 else {
            throw CDBFile.Damage(text: "its hash tables do not end with the file")
        }
        return slots
    }

    private mutating func checkRecords(_ bytes: Span<UInt8>) throws(CDBFile.Damage) {
        var position = CDBFile.headerSize
        while position < end {
            guard position + 8 <= end else {
                throw CDBFile.Damage(text: "the record at byte \(position) ends behind the records")
            }
            let middle = position + 8 + Int(bytes.number(position))
            let next = middle + Int(bytes.number(position + 4))
            guard next <= end else {
                throw CDBFile.Damage(text: "the record at byte \(position) ends behind the records")
            }
            let key = bytes.extracting(position + 8..<middle)
            if count == 0 { isTerminated = !key.isEmpty && key[key.count - 1] == 0 }
            guard Self.hasSlot(key, position, bytes) else {
                throw CDBFile.Damage(text: "the record at byte \(position) is in no hash table")
            }
            guard isEnded(key), isEnded(bytes.extracting(middle..<next)) else {
                throw CDBFile.Damage(
                    text: isTerminated
                        ? "at byte \(position) a key or a value lacks the NUL that ends others, or has another one"
                        : "at byte \(position) a key or a value has a NUL, and others have none")
            }
            count += 1
            position = next
        }
    }

    /// Whether a key or a value has a NUL at its end and nowhere else, or none at all, like the first key.
    private func isEnded(_ text: Span<UInt8>) -> Bool {
        text.firstIndex(of: 0) == (isTerminated ? text.count - 1 : nil)
    }

    /// Whether a search for a key passes a slot of its record.
    private static func hasSlot(_ key: Span<UInt8>, _ position: Int, _ bytes: Span<UInt8>) -> Bool {
        let hash = hash(key)
        let header = 8 * Int(hash & 255)
        let (table, count) = (Int(bytes.number(header)), Int(bytes.number(header + 4)))
        guard count > 0 else { return false }
        var slot = Int(hash >> 8) % count
        for _ in 0..<count {
            let place = table + 8 * slot
            let found = Int(bytes.number(place + 4))
            if found == position { return bytes.number(place) == hash }
            if found == 0 { return false }
            slot = slot + 1 == count ? 0 : slot + 1
        }
        return false
    }

    private static func hash(_ key: Span<UInt8>) -> UInt32 {
        var hash: UInt32 = 5381
        for index in key.indices { hash = ((hash << 5) &+ hash) ^ UInt32(key[index]) }
        return hash
    }
}

extension Span<UInt8> {
    /// Four bytes, the lowest first.
    @inline(__always)
    fileprivate func number(_ position: Int) -> UInt32 {
        UInt32(self[position]) | UInt32(self[position + 1]) << 8 | UInt32(self[position + 2]) << 16
            | UInt32(self[position + 3]) << 24
    }
}

extension [UInt8] {
    /// Four bytes, the lowest first.
    fileprivate func number(_ position: Int) -> UInt32 { span.number(position) }
}
