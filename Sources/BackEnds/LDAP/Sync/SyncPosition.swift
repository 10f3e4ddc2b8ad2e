// How far a copy has come. The cookies of OpenLDAP's providers (`rid=001,sid=002,csn=...;...`) have the number of the last change (CSN) of
// each server that is written to; those of other providers are what they are, and are only given back.

import Bytes

/// How far the changes of each server are known.
struct SyncPosition: Equatable {
    /// The number of the last change that is known of a server, by what names the server in it.
    ///
    /// It is `time#count#server#modification`: those of one server compare as bytes, and so do the times of any.
    private var changes: [[UInt8]: [UInt8]] = [:]

    /// A position by numbers of changes, such as the values of `contextCSN`; what is no such number counts for nothing.
    init(_ numbers: some Sequence<[UInt8]>) { for number in numbers { note(number) } }

    /// Reads a cookie.
    ///
    /// - Returns: nil for one that has no numbers of changes.
    init?(cookie: [UInt8]) {
        guard cookie.starts(with: "rid=".utf8) else { return nil }
        let parts = cookie.split(separator: UInt8(ascii: ","))
        guard let list = parts.first(where: { $0.starts(with: "csn=".utf8) }) else { return nil }
        self.init(list.dropFirst(4).split(separator: UInt8(ascii: ";")).map { Array($0) })
        if changes.isEmpty { return nil }
    }

    private mutating func note(_ number: [UInt8]) {
        let parts = number.split(separator: UInt8(ascii: "#"), omittingEmptySubsequences: false)
        guard parts.count == 4, !parts[2].isEmpty else { return }
        let server = Array(parts[2])
        if let known = changes[server], !known.lexicographicallyPrecedes(number) { return }
        changes[server] = number
    }

    /// Whether changes are missing here that are known there.
    ///
    /// A server that knows nothing of another one, and all of whose changes are younger than what is known of that, was filled anew: it is
    /// not behind.
    func isBehind(_ known: SyncPosition) -> Bool {
        let oldest = changes.values.min { $0.lexicographicallyPrecedes($1) }
        return known.changes.contains { server, number in
            guard let own = changes[server] ?? oldest else { return false }
            return own.lexicographicallyPrecedes(number)
        }
    }

    /// The cookie of a copy that has all up to one cookie, and then got another one.
    ///
    /// What comes with a change names only the server at which it was made.
    static func cookie(_ cookie: [UInt8]?, followedBy next: [UInt8]) -> [UInt8] {
        guard let cookie, let known = SyncPosition(cookie: cookie), var position = SyncPosition(cookie: next) else {
            return next
        }
        for number in known.changes.values { position.note(number) }
        let numbers = position.changes.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map(\.value)
        let identity = next.prefix { $0 != UInt8(ascii: ",") }
        return Array(identity) + Array(",csn=".utf8) + Array(numbers.joined(separator: [UInt8(ascii: ";")]))
    }
}
