// The values of RFC 4533 (content synchronisation) in BER, as far as they are written and read here: few of them, of definite
// length, and none deeper than a set in a sequence.

import Bytes

/// What a server says about the synchronisation beside entries.
enum SyncInformation: Equatable {
    /// How an entry came to be sent.
    enum Change: UInt8 {
        case present = 0, add, modify, delete
    }

    /// A new place to go on from.
    case cookie([UInt8])
    /// A phase of the refresh has ended: one in which what is gone was named, or one in which all that is there was.
    case phaseEnd(isDelete: Bool, cookie: [UInt8]?, isRefreshed: Bool)
    /// Entries that are gone, or that are there and unchanged.
    case entries([[UInt8]], areGone: Bool, cookie: [UInt8]?)

    /// Reads a syncInfoValue.
    ///
    /// - Returns: nil for what is none.
    init?(_ bytes: [UInt8]) {
        var reader = BERReader(rest: bytes[...])
        guard let (tag, content) = reader.next(), reader.rest.isEmpty else { return nil }
        var inside = BERReader(rest: content)
        switch tag {
        case 0x80: self = .cookie(Array(content))
        case 0xA1, 0xA2:
            let cookie = inside.bytes()
            self = .phaseEnd(isDelete: tag == 0xA1, cookie: cookie, isRefreshed: inside.flag() ?? true)
        case 0xA3:
            let cookie = inside.bytes()
            let areGone = inside.flag() ?? false
            guard case (0x31, let set)? = inside.next() else { return nil }
            var members = BERReader(rest: set)
            var entries: [[UInt8]] = []
            while let entry = members.bytes() { entries.append(entry) }
            guard members.rest.isEmpty else { return nil }
            self = .entries(entries, areGone: areGone, cookie: cookie)
        default: return nil
        }
    }

    /// Reads a syncStateValue.
    ///
    /// - Returns: nil for what is none.
    static func state(_ bytes: [UInt8]) -> (change: Change, entry: [UInt8], cookie: [UInt8]?)? {
        var reader = BERReader(rest: bytes[...])
        guard case (0x30, let content)? = reader.next() else { return nil }
        var inside = BERReader(rest: content)
        guard case (0x0A, let number)? = inside.next(), number.count == 1,
            let change = number.first.flatMap(Change.init),
            let entry = inside.bytes()
        else { return nil }
        return (change, entry, inside.bytes())
    }

    /// A cookie as this consumer may send it.
    ///
    /// OpenLDAP puts the number of the server into it that gave it (`rid=001,sid=002,csn=...`), and takes it in a request for that of
    /// the consumer: changes that were made at that server would not be sent, as to one who knows them. A consumer that is no
    /// server has no number.
    private static func ownCookie(_ cookie: [UInt8]) -> [UInt8] {
        guard cookie.starts(with: "rid=".utf8) else { return cookie }
        let comma = UInt8(ascii: ",")
        let parts = cookie.split(separator: comma, omittingEmptySubsequences: false)
        return Array(parts.filter { !$0.starts(with: "sid=".utf8) }.joined(separator: CollectionOfOne(comma)))
    }

    /// A syncRequestValue: refresh, then persist.
    static func request(cookie: [UInt8]?) -> [UInt8] {
        var content: [UInt8] = [0x0A, 1, 3]
        if let cookie { content += BERReader.element(0x04, ownCookie(cookie)) }
        return BERReader.element(0x30, content)
    }
}

/// Reads elements of BER one after another.
private struct BERReader {
    var rest: ArraySlice<UInt8>

    /// The next element; nil where there is none, or it is cut short.
    mutating func next() -> (tag: UInt8, content: ArraySlice<UInt8>)? {
        var bytes = rest
        guard let tag = bytes.popFirst(), let first = bytes.popFirst() else { return nil }
        var count = Int(first)
        if first >= 0x80 {
            let octets = Int(first & 0x7F)
            guard 1...4 ~= octets, bytes.count >= octets else { return nil }
            count = bytes.prefix(octets).reduce(0) { $0 << 8 | Int($1) }
            bytes = bytes.dropFirst(octets)
        }
        guard bytes.count >= count else { return nil }
        rest = bytes.dropFirst(count)
        return (tag, bytes.prefix(count))
    }

    /// An OCTET STRING, where one is next.
    mutating func bytes() -> [UInt8]? {
        guard rest.first == 0x04 else { return nil }
        return next().map { Array($0.content) }
    }

    /// A BOOLEAN, where one is next.
    mutating func flag() -> Bool? {
        guard rest.first == 0x01, let content = next()?.content else { return nil }
        return content.first.map { $0 != 0 }
    }

    /// An element.
    static func element(_ tag: UInt8, _ content: [UInt8]) -> [UInt8] {
        var length: [UInt8] = []
        if content.count < 0x80 {
            length = [UInt8(content.count)]
        } else {
            var rest = content.count
            while rest > 0 {
                length.insert(UInt8(rest & 0xFF), at: 0)
                rest >>= 8
            }
            length.insert(0x80 | UInt8(length.count), at: 0)
        }
        return [tag] + length + content
    }
}
