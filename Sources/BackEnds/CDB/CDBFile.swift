// A constant database in memory (D. J. Bernstein's cdb): 256 pairs of numbers, records, and a hash table for each pair. The
// format has no mark of its own and no checksum, and damage of most kinds reads as absence; so the whole file is checked
// before the first answer, and answers come from what was checked. That every record is found, and that the tables have room
// for no other, is what makes an absence certain.

import Bytes
import Maps
package import System

/// The content of a file, checked as a whole.
package struct CDBFile: Sendable {
    /// The size of the 256 pairs.
    static let headerSize = 2048

    /// The file that it was read from.
    package let identity: FileIdentity
    /// How many records it has; of those that share a key the first is found.
    package let count: Int
    private let bytes: [UInt8]
    /// Where the records end and the first hash table begins.
    private let endOfRecords: Int

    /// Reads a file and checks all of it: 0.2 s for a million records.
    ///
    /// - Throws: `FileError` for a file that cannot be read, and for one that is no constant database or a damaged one.
    package init(path: String) throws(FileError) {
        let (bytes, identity) = try readFile(path, limit: Int(UInt32.max))
        // Whoever writes into the file instead of replacing it may have written while it was read.
        guard try FileIdentity(path: path) == identity else {
            throw FileError(operation: "read", path: path, reason: "was changed while it was read; try again")
        }
        do throws(Damage) {
            try self.init(bytes, identity)
        } catch {
            throw FileError(
                operation: "check", path: path,
                reason: "no constant database, or a damaged one: \(error.text); compile the map again")
        }
    }

    private init(_ bytes: [UInt8], _ identity: FileIdentity) throws(Damage) {
        self.bytes = bytes
        self.identity = identity
        guard bytes.count >= Self.headerSize else {
            throw Damage(text: "it has \(bytes.count) bytes, and a header alone has \(Self.headerSize)")
        }
        let tables = try Self.tables(bytes.span)
        endOfRecords = tables.start
        count = tables.slots / 2
        var records = 0
        var position = Self.headerSize
        while position < endOfRecords {
            let record = try self.record(at: position)
            let found = try find(bytes.span.extracting(record.key))
            guard let found, found.position <= position else {
                throw Damage(text: "the record at byte \(position) is in no hash table")
            }
            records += 1
            position = record.value.upperBound
        }
        guard records == count else {
            throw Damage(text: "the hash tables are made for \(count) records, and there are \(records)")
        }
    }

    /// The value of a key; nil if the file has no such key.
    ///
    /// - Throws: where a hash table leads out of the records, which the check of the whole file leaves possible only for keys
    ///   that have no record.
    package func value(of key: Span<UInt8>) throws(Damage) -> Range<Int>? { try find(key)?.value }

    /// The bytes of a value.
    package func withBytes<Answer>(_ range: Range<Int>, _ body: (Span<UInt8>) -> Answer) -> Answer {
        body(bytes.span.extracting(range))
    }

    /// Gives every record in the order of the file.
    ///
    /// - Throws: what the function throws; and damage, which the check of the whole file would have found.
    func forEachRecord(
        _ body: (_ key: Span<UInt8>, _ value: Span<UInt8>) throws(MapFileError) -> Void
    ) throws(MapFileError) {
        var position = Self.headerSize
        while position < endOfRecords {
            let record: (key: Range<Int>, value: Range<Int>)
            do throws(Damage) {
                record = try self.record(at: position)
            } catch {
                throw MapFileError(error.text)
            }
            try body(bytes.span.extracting(record.key), bytes.span.extracting(record.value))
            position = record.value.upperBound
        }
    }

    /// How many records a file has by its header; nil for what is no header.
    static func entryCount(inHeader bytes: [UInt8]) -> Int? {
        guard bytes.count >= headerSize else { return nil }
        var slots = 0
        for index in 0..<256 { slots += number(bytes.span, 8 * index + 4) }
        return slots / 2
    }

    /// The header's rule, on which all writers agree: the tables lie one after another behind the records up to the end of the
    /// file, in the order of their numbers, those without slots among them, and have two slots for each record.
    private static func tables(_ bytes: Span<UInt8>) throws(Damage) -> (start: Int, slots: Int) {
        let start = number(bytes, 0)
        var end = max(start, headerSize)
        var slots = 0
        for index in 0..<256 {
            let count = number(bytes, 8 * index + 4)
            guard number(bytes, 8 * index) == end, end + 8 * count <= bytes.count else {
                throw Damage(text: "hash table \(index) is not where its header says")
            }
            end += 8 * count
            slots += count
        }
        guard end == bytes.count, slots % 2 == 0 else {
            throw Damage(text: "its hash tables do not end with the file")
        }
        return (start, slots)
    }

    private func record(at position: Int) throws(Damage) -> (key: Range<Int>, value: Range<Int>) {
        guard position >= Self.headerSize, position + 8 <= endOfRecords else {
            throw Damage(text: "a record at byte \(position) lies outside of the records")
        }
        let start = position + 8
        let middle = start + Self.number(bytes.span, position)
        let end = middle + Self.number(bytes.span, position + 4)
        guard end <= endOfRecords else {
            throw Damage(text: "the record at byte \(position) ends behind the records")
        }
        return (start..<middle, middle..<end)
    }

    private func find(_ key: Span<UInt8>) throws(Damage) -> (position: Int, value: Range<Int>)? {
        let bytes = self.bytes.span
        let hash = Self.hash(key)
        let header = 8 * Int(hash & 255)
        let count = Self.number(bytes, header + 4)
        guard count > 0 else { return nil }
        let table = Self.number(bytes, header)
        var slot = Int(hash >> 8) % count
        for _ in 0..<count {
            let place = table + 8 * slot
            let position = Self.number(bytes, place + 4)
            if position == 0 { return nil }
            if Self.number(bytes, place) == Int(hash) {
                let record = try self.record(at: position)
                if record.key.count == key.count, bytes.holds(key, at: record.key.lowerBound) {
                    return (position, record.value)
                }
            }
            slot = slot + 1 == count ? 0 : slot + 1
        }
        return nil
    }

    private static func hash(_ key: Span<UInt8>) -> UInt32 {
        var hash: UInt32 = 5381
        for index in key.indices { hash = ((hash << 5) &+ hash) ^ UInt32(key[index]) }
        return hash
    }

    /// Four bytes, the lowest first.
    @inline(__always)
    private static func number(_ bytes: Span<UInt8>, _ position: Int) -> Int {
        Int(bytes[position]) | Int(bytes[position + 1]) << 8 | Int(bytes[position + 2]) << 16
            | Int(bytes[position + 3]) << 24
    }

    /// What is wrong with a file.
    package struct Damage: Error {
        /// The cause, as a clause.
        package let text: String
    }
}
