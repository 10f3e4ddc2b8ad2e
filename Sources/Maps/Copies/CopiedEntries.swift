// All entries of a copy as its writer has them: in parts, of which a change touches a few, and with the items that they came from.
// A value, as long as none of its parts is open: to go back to what was published is to take the value of then.

import Bytes

/// What becomes of a key that several items of a source have.
package enum SharedKeyRule: Sendable, Hashable {
    /// Its lookups fail: which of the values is meant is not known.
    case refused
    /// Its values are a list, in the order in which they came.
    ///
    /// - Parameter limit: of more values than these the lookup fails.
    case joined(limit: Int)
}

/// The entries of a copy, by items and by keys.
struct CopiedEntries {
    /// An item, and the hash of a key that it has.
    private struct Ownership {
        let item: CopiedItem
        let hash: UInt32
    }

    /// What one item says of a key that others have, too.
    private struct Claim {
        let tag: UInt64
        let value: [UInt8]
    }

    /// The parts as they were last published, by the highest bits of the keys' hashes, without those that are open.
    ///
    /// In pages, so that an exchange of one does not touch all.
    private var pages: [LoadedEntries] = []
    /// What has changed since.
    private var open: [Int: CopyPart] = [:]
    /// By the highest bits of the items' tags, in pages too.
    private var ownerships: [[[Ownership]]] = [[[]]]
    /// How many bits number the parts, and how many of them the pages.
    private var bits = 0, pageBits = 0
    private var count = 0
    /// Of the keys that several items have, with ``sharedTag`` in their entries.
    private var claims: [[UInt8]: [Claim]] = [:]
    /// The keys that came since the last generation.
    private var added: [UInt32] = []
    private let rule: SharedKeyRule
    private let hash: ByteHash
    private let history: EntryHistory
    private let secret: (UInt64, UInt64)

    private static let sharedTag: UInt64 = 0
    /// A change copies a part, and a generation has a reference to each.
    private static let partSize = 400, mostBits = 20

    /// No entries yet.
    ///
    /// - Parameters:
    ///   - hash: the hash function of whoever looks keys up.
    ///   - history: notes the keys that come.
    init(_ rule: SharedKeyRule, hash: ByteHash, history: EntryHistory) {
        self.rule = rule
        self.hash = hash
        self.history = history
        secret = (UInt64.random(in: 1 ... .max), UInt64.random(in: 1 ... .max))
        // Frozen, as whatever a copy of this value is made of must be.
        let part = CopyPart(hash: hash).frozen(privilege: nobody)
        pages = [LoadedEntries(parts: [part], hash: hash, privilege: nobody)]
    }

    /// Gives an item its entries, in the place of those that it had.
    mutating func put(_ item: CopiedItem, _ entries: [(key: [UInt8], value: [UInt8])]) {
        remove(item)
        add(item, entries)
    }

    /// Gives an item more entries.
    mutating func add(_ item: CopiedItem, _ entries: [(key: [UInt8], value: [UInt8])]) {
        for entry in entries { add(entry.key, entry.value, of: item) }
    }

    /// Takes an item out; one that is not there is none.
    mutating func remove(_ item: CopiedItem) {
        let tag = tag(of: item)
        let (page, place) = ownershipIndex(tag)
        guard ownerships[page][place].contains(where: { $0.item == item }) else { return }
        let hashes = Set(ownerships[page][place].lazy.filter { $0.item == item }.map(\.hash))
        ownerships[page][place].removeAll { $0.item == item }
        for hash in hashes {
            let part = openPart(hash)
            for entry in part.entries(ofHash: hash) {
                if entry.tag == tag {
                    part.remove(entry.key)
                    count -= 1
                } else if entry.tag == Self.sharedTag {
                    withdraw(entry.key, tag, part)
                }
            }
        }
    }

    /// The items.
    var items: Set<CopiedItem> { Set(ownerships.lazy.joined().joined().map(\.item)) }

    /// Gives each item with one of its entries, as often as it has entries; those of one key in the order in which they came.
    func forEach(_ body: (CopiedItem, _ key: [UInt8], _ value: [UInt8]) -> Void) {
        var sharing: [UInt64: CopiedItem] = [:]
        for ownership in ownerships.lazy.joined().joined() {
            let tag = tag(of: ownership.item)
            for entry in entries(ofHash: ownership.hash) {
                if entry.tag == tag {
                    body(ownership.item, entry.key, entry.value)
                } else if entry.tag == Self.sharedTag {
                    sharing[tag] = ownership.item
                }
            }
        }
        for (key, claims) in claims {
            for claim in claims {
                if let item = sharing[claim.tag] { body(item, key, claim.value) }
            }
        }
    }

    /// The entries as they are now, for lookups.
    ///
    /// - Returns: with them the keys whose value is not known, each with the count of the items that have it.
    mutating func freeze(privilege: UInt32) -> (entries: LoadedEntries, doubtful: [[UInt8]: Int]) {
        let pageSize = 1 << (bits - pageBits)
        for page in Set(open.keys.map { $0 / pageSize }).sorted() {
            var parts = page < pages.count ? pages[page].parts : []
            for index in 0..<pageSize {
                // Let go at once: what it took serves for the next.
                guard let part = open.removeValue(forKey: page * pageSize + index) else { continue }
                let frozen = part.frozen(privilege: privilege)
                if index < parts.count { parts[index] = frozen } else { parts.append(frozen) }
            }
            let frozen = LoadedEntries(parts: parts, skip: UInt32(pageBits), hash: hash, privilege: privilege)
            if page < pages.count { pages[page] = frozen } else { pages.append(frozen) }
        }
        let end = history.add(added)
        added = []
        return (
            LoadedEntries(parts: pages, hash: hash, privilege: privilege, history: history, end: end),
            claims.compactMapValues { isRefused($0) ? $0.count : nil }
        )
    }

    /// Whether all of it has changed, as in a copy from nothing.
    var isWhollyOpen: Bool { pages.isEmpty }

    private func isRefused(_ claims: [Claim]) -> Bool {
        switch rule {
        case .refused: true
        case .joined(let limit): claims.count > limit || claims.contains { $0.value.first == 0 }
        }
    }

    // MARK: One entry

    private mutating func add(_ key: [UInt8], _ value: [UInt8], of item: CopiedItem) {
        let tag = tag(of: item)
        let hash = hash(key.span).value
        let part = openPart(hash)
        if let present = part.entry(key) {
            var claims = claims[key] ?? [Claim(tag: present.tag, value: present.value)]
            // An item that says the same twice says it once.
            guard !claims.contains(where: { $0.tag == tag && $0.value == value }) else { return }
            claims.append(Claim(tag: tag, value: value))
            share(key, claims, part)
        } else {
            part.put(key, value, tag: tag)
            added.append(hash)
            count += 1
        }
        let (page, place) = ownershipIndex(tag)
        if !ownerships[page][place].contains(where: { $0.item == item && $0.hash == hash }) {
            ownerships[page][place].append(Ownership(item: item, hash: hash))
        }
        if count > Self.partSize << bits, bits < Self.mostBits { divide() }
    }

    /// Takes back what an item says of a key that others have, too.
    private mutating func withdraw(_ key: [UInt8], _ tag: UInt64, _ part: CopyPart) {
        guard var claims = claims[key], claims.contains(where: { $0.tag == tag }) else { return }
        claims.removeAll { $0.tag == tag }
        guard claims.count < 2 else { return share(key, claims, part) }
        self.claims[key] = nil
        if let last = claims.first {
            part.put(key, last.value, tag: last.tag)
        } else {
            part.remove(key)
            count -= 1
        }
    }

    private mutating func share(_ key: [UInt8], _ claims: [Claim], _ part: CopyPart) {
        self.claims[key] = claims
        part.put(key, Array(claims.map(\.value).joined(separator: Array(", ".utf8))), tag: Self.sharedTag)
    }

    // MARK: Parts

    private func tag(of item: CopiedItem) -> UInt64 {
        let tag = ByteHash.mix(
            ByteHash.mix(item.high ^ secret.0, item.low ^ secret.1) ^ ByteHash.first, item.low ^ secret.0)
        return max(tag, Self.sharedTag + 1)
    }

    private func partIndex(_ hash: UInt32) -> Int { Int(UInt64(hash) >> UInt64(32 - bits)) }

    private func ownershipIndex(_ tag: UInt64) -> (page: Int, place: Int) {
        let index = bits == 0 ? 0 : Int(tag >> UInt64(64 - bits))
        return (index >> (bits - pageBits), index & (1 << (bits - pageBits) - 1))
    }

    /// A part as it was last published.
    private func frozenPart(_ index: Int) -> LoadedEntries {
        pages[index >> (bits - pageBits)].parts[index & (1 << (bits - pageBits) - 1)]
    }

    private mutating func openPart(_ hash: UInt32) -> CopyPart {
        let index = partIndex(hash)
        if let part = open[index] { return part }
        let part = CopyPart(frozenPart(index), hash: self.hash)
        open[index] = part
        return part
    }

    private func entries(ofHash hash: UInt32) -> [CopyPart.Entry] {
        let index = partIndex(hash)
        if let part = open[index] { return part.entries(ofHash: hash) }
        var found: [CopyPart.Entry] = []
        frozenPart(index).forEachSlot(ofHash: hash) { found.append(CopyPart.Entry($0, in: $1)) }
        return found
    }

    /// Makes two parts of each.
    private mutating func divide() {
        let old = self
        bits += 1
        pageBits = bits / 2
        let shift = UInt32(32 - bits)
        var divided: [Int: CopyPart] = [:]
        for index in 0..<1 << old.bits {
            // Room for what comes until they are divided again.
            let size = open[index]?.used ?? 0
            let halves = (
                CopyPart(room: Self.partSize / 2, size: size, hash: hash),
                CopyPart(room: Self.partSize / 2, size: size, hash: hash)
            )
            let place = { (slot: EntryIndex.Slot, bytes: [UInt8]) in
                (slot.hash >> shift & 1 == 0 ? halves.0 : halves.1).insert(slot, of: bytes)
            }
            if let part = open.removeValue(forKey: index) {
                part.forEachSlot(place)
            } else {
                old.frozenPart(index).forEachSlot(place)
            }
            (divided[2 * index], divided[2 * index + 1]) = halves
        }
        pages = []
        open = divided
        ownerships = Array(repeating: Array(repeating: [], count: 1 << (bits - pageBits)), count: 1 << pageBits)
        for ownership in old.ownerships.lazy.joined().joined() {
            let (page, place) = ownershipIndex(tag(of: ownership.item))
            ownerships[page][place].append(ownership)
        }
    }
}
