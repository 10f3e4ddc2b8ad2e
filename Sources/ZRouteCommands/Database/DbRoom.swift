// Makes sure that a live map has room to grow before anything is stored: when the disk is full in the middle of a load,
// pages of the live file cannot be written out, and are lost with the environment.

import Glibc
import Maps
import System

/// The room that the entries of a dump need.
struct DbLoadRoom {
    private let map: any LiveMap
    /// The most bytes by which the file grows for what is still to be stored.
    private(set) var needed = 0

    /// Nothing is to be stored yet.
    init(_ map: any LiveMap) { self.map = map }

    /// A few pages, for inner pages and the first ones of a file.
    private static let reserve = 16 * 4096
    /// As much as a shared cache may hold back, so that all of it can be written out.
    private static let batch = 16 << 20

    /// Counts an entry that is to be stored.
    mutating func add(key: [UInt8], value: [UInt8]) { needed = Self.sum(needed, room(key, value)) }

    /// Counts an entry as stored.
    mutating func remove(key: [UInt8], value: [UInt8]) { needed = max(needed - room(key, value), 0) }

    /// - Returns: whether there is room for everything.
    func isEnough() throws(MapError) -> Bool { try free() >= Self.sum(needed, Self.reserve) }

    /// Refuses to go on where the next entries may not find room.
    ///
    /// - Parameter wholly: whether there must be room for everything, not only for what is stored next.
    func check(wholly: Bool) throws(MapError) {
        let wanted = Self.sum(wholly ? needed : min(needed, Self.batch), Self.reserve)
        let free = try free()
        guard free < wanted else { return }
        throw MapError(
            table: map.name, code: ENOSPC,
            text: "No space left on device: \(wanted >> 10) KiB are needed at most, and \(free >> 10) KiB are free; "
                + "make room in \(directory(of: map.name.file))")
    }

    private func free() throws(MapError) -> Int {
        do {
            return try freeSpace(at: map.name.file)
        } catch {
            throw MapError(table: map.name, code: error.code, text: "\(error)")
        }
    }

    private func room(_ key: [UInt8], _ value: [UInt8]) -> Int { map.room(key: key.count, value: value.count) }

    private static func sum(_ left: Int, _ right: Int) -> Int {
        let (sum, isOverflow) = left.addingReportingOverflow(right)
        return isOverflow ? .max : sum
    }
}
