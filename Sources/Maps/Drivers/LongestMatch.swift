// The driver `longestmatch`. For foo.bar.edu: foo.bar.edu, .bar.edu, .edu, then the default keys. For an IPv4 address,
// brackets optional: 192.0.2.5/32, 192.0.2.4/31, and so on to 0.0.0.0/0.

import MailAddress

extension Probe {
    /// Searches for a domain by its suffixes, or for an IPv4 address by its prefixes, the longest first.
    func searchLongestMatch(
        _ dottedKey: borrowing DottedKey, defaults: [[UInt8]], into hit: inout MapHit
    ) throws(MapError) -> Bool {
        if let address = ipv4Address(dottedKey) {
            return try searchPrefixes(of: address, for: dottedKey, into: &hit)
        }
        let whole = dottedKey.whole
        if try lookUp(whole, of: dottedKey, argumentZero: whole, into: &hit) { return true }
        if try lookUpSuffixes(of: dottedKey, from: 1, argumentZeroFrom: 0, into: &hit) { return true }
        return try lookUpDefaults(defaults, for: dottedKey, into: &hit)
    }

    private func searchPrefixes(
        of address: UInt32, for dottedKey: borrowing DottedKey, into hit: inout MapHit
    ) throws(MapError) -> Bool {
        var key: [UInt8] = []
        // As long as "255.255.255.255/32".
        key.reserveCapacity(18)
        for length in (UInt32(0)...32).reversed() {
            // A shift by the whole width gives 0 for Swift's >> and <<, so that 0.0.0.0/0 needs no case of its own.
            let masked = address & (UInt32.max << (32 - length))
            key.removeAll(keepingCapacity: true)
            for shift in [24, 16, 8, 0] as [UInt32] {
                key.append(decimal: UInt8(truncatingIfNeeded: masked >> shift))
                key.append(shift == 0 ? UInt8(ascii: "/") : UInt8(ascii: "."))
            }
            key.append(decimal: UInt8(truncatingIfNeeded: length))
            if try lookUp(key, for: dottedKey, into: &hit) { return true }
        }
        return false
    }
}

/// The IPv4 address that a key is, brackets optional; nil for any other key.
private func ipv4Address(_ dottedKey: borrowing DottedKey) -> UInt32? {
    var index = 1
    var end = dottedKey.end
    guard end - index >= 7 else { return nil }
    if dottedKey.bytes[index] == UInt8(ascii: "[") {
        guard dottedKey.bytes[end - 1] == UInt8(ascii: "]") else { return nil }
        index += 1
        end -= 1
    }
    var address: UInt32 = 0
    for octet in 0..<4 {
        if octet > 0 {
            guard index < end, dottedKey.bytes[index] == UInt8(ascii: ".") else { return nil }
            index += 1
        }
        let start = index
        var number: UInt32 = 0
        while index < end, index - start < 3, ASCII.isDigit(dottedKey.bytes[index]) {
            number = number * 10 + UInt32(dottedKey.bytes[index] - UInt8(ascii: "0"))
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
