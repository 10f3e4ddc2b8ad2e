// Domain literals (RFC 5321 4.1.3): [192.0.2.1] and [IPv6:2001:db8::1], compared as addresses and not as text.

import Glibc

/// An IP address as a domain literal writes it.
public struct AddressLiteral: Sendable, Hashable {
    /// 4 or 16 bytes, in network order.
    public let bytes: [UInt8]

    /// Reads an IPv4 or IPv6 address: with or without brackets, with or without the tag `IPv6:`.
    ///
    /// - Returns: nil if the text is neither.
    public init?(_ text: some Collection<UInt8>) {
        var inner = Array(text)
        if inner.first == UInt8(ascii: "["), inner.last == UInt8(ascii: "]") {
            inner = Array(inner[1..<inner.count - 1])
        }
        let tag = Array("ipv6:".utf8)
        if inner.prefix(tag.count).map(ASCII.lowercase) == tag { inner.removeFirst(tag.count) }
        // The longest textual IPv6 address has 45 bytes.
        guard !inner.isEmpty, inner.count <= 45, !inner.contains(0) else { return nil }
        let string = String(decoding: inner, as: Unicode.UTF8.self)
        var result = [UInt8](repeating: 0, count: 16)
        // inet_pton writes 4 bytes for AF_INET and 16 for AF_INET6, never more.
        if unsafe inet_pton(AF_INET, string, &result) == 1 {
            bytes = Array(result[..<4])
        } else if unsafe inet_pton(AF_INET6, string, &result) == 1 {
            bytes = result
        } else {
            return nil
        }
    }
}
