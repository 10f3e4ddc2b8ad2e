// The search drivers of a relation (flag -d): which keys of one map are tried, and in which order.

import Bytes

// The driver `pathalias`, made for domains. For a.b.c: a.b.c, .a.b.c, .b.c, .c, then the default keys.

extension MapView {
    /// Searches for a domain, the longest suffix first.
    ///
    /// - Parameter key: the domain with a dot before it.
    func searchPathalias(
        _ key: DottedKey, in block: inout TextArena, defaults: [[UInt8]]
    ) throws(MapError) -> MapHit? {
        if let hit = try lookUp(key.whole, in: &block) { return hit }
        guard mayHaveDottedKeys else { return try lookUpUndottedDefaults(defaults, for: key, in: &block) }
        if let hit = try lookUpSuffixes(of: key, from: key.dot, argumentZeroFrom: key.dot, in: &block) { return hit }
        return try lookUpDefaults(defaults, for: key, in: &block)
    }

    /// Looks up every suffix that begins with a dot, the longest first; of several dots in a row the last begins one.
    func lookUpSuffixes(
        of key: DottedKey, from first: Int, argumentZeroFrom start: Int, in block: inout TextArena
    ) throws(MapError) -> MapHit? {
        var from = first
        while let dot = key.nextLabel(from: from, in: block) {
            if mayHaveDottedKeys(ofLength: key.end - dot),
                let hit = try lookUp(dot..<key.end, argumentZero: start..<dot, in: &block)
            {
                return hit
            }
            from = dot + 1
        }
        return nil
    }

    /// Looks up those default keys that do not begin with a dot, which hardly any does.
    private func lookUpUndottedDefaults(
        _ defaults: [[UInt8]], for key: DottedKey, in block: inout TextArena
    ) throws(MapError) -> MapHit? {
        for other in defaults where other.first != UInt8(ascii: ".") {
            if let hit = try lookUp(other, argumentZero: key.whole, in: &block) { return hit }
        }
        return nil
    }

    /// Looks up the default keys in their order, as they stand.
    func lookUpDefaults(
        _ defaults: [[UInt8]], for key: DottedKey, in block: inout TextArena
    ) throws(MapError) -> MapHit? {
        for other in defaults {
            if let hit = try lookUp(other, argumentZero: key.whole, in: &block) { return hit }
        }
        return nil
    }
}

// The driver `pathalias.at`, made for addresses. For user@b.c: user@b.c, then as pathalias for b.c. For `user@`:
// user@, then @LOCAL@.

extension MapView {
    private static let local = Array("@LOCAL@".utf8)

    /// Searches for an address, then for its domain; a key without `@` is searched for as a domain.
    func searchPathaliasAt(
        _ key: DottedKey, in block: inout TextArena, folding: KeyFolding, defaults: [[UInt8]]
    ) throws(MapError) -> MapHit? {
        // The last one: a quoted local part may have others (RFC 5321, 4.1.2).
        guard let at = block.lastIndex(of: UInt8(ascii: "@"), in: key.whole) else {
            return try searchPathalias(key, in: &block, defaults: defaults)
        }
        if let hit = try lookUp(key.whole, in: &block) { return hit }
        guard at + 1 < key.end else {
            return try lookUp(Self.local.map(folding.fold), argumentZero: key.whole, in: &block)
        }
        let domain = DottedKey((at + 1)..<key.end, folding: .none, in: &block)
        return try searchPathalias(domain, in: &block, defaults: defaults)
    }
}

// The driver `pathalias.nodot`. For foo.bar.edu: bar.edu, edu; never the whole key, and no default keys.

extension MapView {
    /// Searches for the suffixes of a domain without their leading dot, the longest first.
    func searchPathaliasNoDot(_ key: DottedKey, in block: inout TextArena) throws(MapError) -> MapHit? {
        var from = key.whole.lowerBound
        while let dot = key.nextLabel(from: from, in: block) {
            if let hit = try lookUp((dot + 1)..<key.end, argumentZero: key.dot..<dot, in: &block) { return hit }
            from = dot + 1
        }
        return nil
    }
}

// The driver `longestmatch`. For foo.bar.edu: foo.bar.edu, .bar.edu, .edu, then the default keys. For an IPv4 address,
// brackets optional: 192.0.2.5/32, 192.0.2.4/31, and so on to 0.0.0.0/0.

extension MapView {
    /// Searches for a domain by its suffixes, or for an IPv4 address by its prefixes, the longest first.
    func searchLongestMatch(
        _ key: DottedKey, in block: inout TextArena, defaults: [[UInt8]]
    ) throws(MapError) -> MapHit? {
        if let address = ipv4Address(key, in: block) {
            return try searchPrefixes(of: address, for: key, in: &block)
        }
        if let hit = try lookUp(key.whole, in: &block) { return hit }
        let first = key.whole.lowerBound
        if let hit = try lookUpSuffixes(of: key, from: first, argumentZeroFrom: key.dot, in: &block) { return hit }
        return try lookUpDefaults(defaults, for: key, in: &block)
    }

    private func searchPrefixes(
        of address: UInt32, for key: DottedKey, in block: inout TextArena
    ) throws(MapError) -> MapHit? {
        var prefix: [UInt8] = []
        // As long as "255.255.255.255/32".
        prefix.reserveCapacity(18)
        for length in (UInt32(0)...32).reversed() {
            // A shift by the whole width gives 0 for Swift's >> and <<, so that 0.0.0.0/0 needs no case of its own.
            let masked = address & (UInt32.max << (32 - length))
            prefix.removeAll(keepingCapacity: true)
            for shift in [24, 16, 8, 0] as [UInt32] {
                prefix.append(decimal: UInt8(truncatingIfNeeded: masked >> shift))
                prefix.append(shift == 0 ? UInt8(ascii: "/") : UInt8(ascii: "."))
            }
            prefix.append(decimal: UInt8(truncatingIfNeeded: length))
            if let hit = try lookUp(prefix, argumentZero: key.whole, in: &block) { return hit }
        }
        return nil
    }
}

/// The IPv4 address that a key is, brackets optional; nil for any other key.
private func ipv4Address(_ key: DottedKey, in text: borrowing TextArena) -> UInt32? {
    var index = key.whole.lowerBound
    var end = key.end
    guard end - index >= 7 else { return nil }
    if text[index] == UInt8(ascii: "[") {
        guard text[end - 1] == UInt8(ascii: "]") else { return nil }
        index += 1
        end -= 1
    }
    var address: UInt32 = 0
    for octet in 0..<4 {
        if octet > 0 {
            guard index < end, text[index] == UInt8(ascii: ".") else { return nil }
            index += 1
        }
        let start = index
        var number: UInt32 = 0
        while index < end, index - start < 3, ASCII.isDigit(text[index]) {
            number = number * 10 + UInt32(text[index] - UInt8(ascii: "0"))
            index += 1
        }
        guard index > start, number <= 255 else { return nil }
        address = address << 8 | number
    }
    return index == end ? address : nil
}

extension [UInt8] {
    /// Appends a number in decimal, without leading zeros.
    fileprivate mutating func append(decimal number: UInt8) {
        let zero = UInt8(ascii: "0")
        if number >= 100 { append(zero + number / 100) }
        if number >= 10 { append(zero + number / 10 % 10) }
        append(zero + number % 10)
    }
}
