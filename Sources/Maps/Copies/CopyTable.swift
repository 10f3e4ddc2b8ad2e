// Lookups in the copy of a map, and the copies that the workers of a process share.

import Bytes
import Glibc

/// A copy, and the map that it is a copy of.
package struct NamedCopy: Sendable {
    /// What messages call the map.
    package let name: TableName
    /// Its copy.
    package let copy: MapCopy
}

extension SharedContents {
    /// The copy of a map, which is begun where there is none yet.
    package func copy(
        of name: TableName, begin: () throws(CopyFailure) -> MapCopy
    ) throws(CopyFailure) -> MapCopy {
        let named: NamedCopy = try content(of: "copy of \(name.backEnd):\(name.file)") { _ in
            true
        } load: { () throws(CopyFailure) in
            NamedCopy(name: name, copy: try begin())
        }
        return named.copy
    }

    /// All copies that were begun.
    package var copies: [NamedCopy] { all(NamedCopy.self) }
}

/// A map that is copied whole, for one worker.
package final class CopyTable: MemoryTable {
    /// What messages call the map.
    package let name: TableName
    /// The hash function of the entries.
    package let hash: ByteHash
    /// Nobody's: who wrote the entries is not known.
    package let privilege: UInt32 = nobody

    private let open: () throws(CopyFailure) -> MapCopy
    private var time: LookupTime
    private var copy: MapCopy?
    /// What the worker sees, and the version of the copy at that time.
    private var seen: (generation: MapCopy.Generation, version: Int)?

    /// Names a map; nothing is copied before it is asked.
    ///
    /// - Parameters:
    ///   - hash: the hash function of the copy.
    ///   - deadline: after so long a worker is given up.
    ///   - open: gives the copy, which the workers of a process share.
    package init(
        _ name: TableName, hash: ByteHash, deadline: Duration?, open: @escaping () throws(CopyFailure) -> MapCopy
    ) {
        self.name = name
        self.hash = hash
        self.open = open
        time = LookupTime(deadline: deadline)
    }

    /// Keys are looked up as they are given.
    package var asksAsGiven: Bool { true }

    /// Looks a key up; only where the copy is not whole yet it waits.
    package func lookUp(_ key: Span<UInt8>, into value: inout [UInt8]) throws(MapError) -> Bool {
        let generation = try current(for: { Array(copying: key) })
        if !generation.doubtful.isEmpty, let count = generation.doubtful[Array(copying: key)] {
            let key = Array(copying: key)
            throw MapError(table: name, key: key, text: CopyFailure.doubtful(count, key).text)
        }
        return generation.entries.find(key, into: &value)
    }

    /// The entries; nil as long as the value of some key is not known.
    package func loaded(for key: [UInt8]) throws(MapError) -> LoadedEntries? {
        let generation = try current(for: { key })
        return generation.doubtful.isEmpty ? generation.entries : nil
    }

    /// Turns to the next generation.
    package func refresh() -> Bool {
        guard let seen, let copy else { return false }
        guard seen.version != copy.version || copy.isTooOld else { return false }
        self.seen = nil
        return true
    }

    /// It changes by itself.
    package var isLive: Bool { true }

    private func current(for key: () -> [UInt8]) throws(MapError) -> MapCopy.Generation {
        if let seen { return seen.generation }
        do throws(CopyFailure) {
            let copy = if let copy { copy } else { try open() }
            self.copy = copy
            // Read before the generation: whatever comes between is seen at the next refresh.
            let version = copy.version
            let generation = try found(copy)
            seen = (generation, version)
            return generation
        } catch {
            throw MapError(table: name, key: key(), text: error.text)
        }
    }

    private func found(_ copy: MapCopy) throws(CopyFailure) -> MapCopy.Generation {
        // Whoever has just waited in vain does not wait again.
        guard copy.version == 0, (try? time.begin()) != nil else { return try copy.current(within: .zero) }
        defer { if copy.version == 0 { time.noteExhaustion() } }
        return try copy.current(within: time.limit)
    }
}
