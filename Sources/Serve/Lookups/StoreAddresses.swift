// Addresses `USER@HOST.STOREDOMAIN`, by which another mailer asks a store for the user of a route, and what they lead to.
//
// HOST alone says which store it is: it is looked for among the channels of scheduler.conf, in order. Where that leads to
// another server than the route's own channel does, the channel stands in the address, too: `USER@HOST._CHANNEL.STOREDOMAIN`.

import Bytes
import Delivery

/// How the addresses of stores are written and read.
struct StoreAddresses: Sendable {
    /// The setting `storedomain`, in lower case.
    let domain: [UInt8]
    /// The name of this host, which stands for the host of a route that has none that is a name.
    let hostname: [UInt8]
    /// The channels among which a host is looked for.
    let channels: [[UInt8]]

    private static let dot = UInt8(ascii: ".")
    private static let channelMark = UInt8(ascii: "_")

    /// What stands before the `.` and the domain in the domain of an address, where it is an address of a store.
    ///
    /// - Returns: the range within the address, empty where nothing stands there; nil for all other addresses.
    func host(of address: Span<UInt8>) -> Range<Int>? {
        let start = address.count - domain.count
        guard start > 1 else { return nil }
        for place in domain.indices where ASCII.lowercase(address[start + place]) != domain[place] { return nil }
        // What is quoted may look like a domain; behind it stands the last @.
        if address[start - 1] == UInt8(ascii: "@") { return start..<start }
        guard address[start - 1] == Self.dot else { return nil }
        var place = start - 1
        while place > 0 {
            if address[place - 1] == UInt8(ascii: "@") { return place < start - 1 ? place..<(start - 1) : nil }
            if address[place - 1] == UInt8(ascii: "\"") { return nil }
            place -= 1
        }
        return nil
    }

    /// Where the addresses of a host lead.
    ///
    /// - Parameter host: HOST or HOST._CHANNEL.
    func hop(to host: [UInt8], by plan: DeliveryPlan?) -> NextHop {
        guard let plan else { return .none(Self.withoutPlan) }
        let host = host.map(ASCII.lowercase)
        if let mark = host.lastIndex(of: Self.dot), mark + 2 < host.count, host[mark + 1] == Self.channelMark {
            return plan.nextHop(channel: Array(host[(mark + 2)...]), host: Array(host[..<mark]))
        }
        for channel in channels {
            let hop = plan.nextHop(channel: channel, host: host)
            if hop.store != nil { return hop }
        }
        return .none(
            "scheduler.conf has no store for host '\(String(decoding: host, as: UTF8.self))' of storedomain; give it a clause whose command has -M"
        )
    }

    /// The part of an address behind its user, `@HOST.STOREDOMAIN`, that leads to a store.
    ///
    /// - Returns: nil where no domain says it.
    func suffix(channel: [UInt8], host: [UInt8], store: Endpoint, by plan: DeliveryPlan?) -> [UInt8]? {
        var name = host.map(ASCII.lowercase)
        if name.first == UInt8(ascii: "["), name.last == UInt8(ascii: "]") { name = Array(name.dropFirst().dropLast()) }
        // The host of a local route is the address that was asked for.
        if channel.elementsEqual("local".utf8) || !Self.isName(name) { name = hostname }
        let marked = name + [Self.dot, Self.channelMark] + channel.map(ASCII.lowercase)
        for host in [name, marked] where Self.isName(host) && host.count + 1 + domain.count <= 255 {
            if let found = hop(to: host, by: plan).store, Self.isSame(found, store) {
                return [UInt8(ascii: "@")] + host + [Self.dot] + domain
            }
        }
        return nil
    }

    /// Whether a text may stand before the dot of a domain: labels of letters, digits, hyphens and underscores.
    private static func isName(_ host: [UInt8]) -> Bool {
        host.split(separator: dot, omittingEmptySubsequences: false).allSatisfy { label in
            (1...63).contains(label.count) && label.first != UInt8(ascii: "-") && label.last != UInt8(ascii: "-")
                && label.allSatisfy { byte in
                    ASCII.isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                        || byte == UInt8(ascii: "-") || byte == channelMark
                }
        }
    }

    private static func isSame(_ first: Endpoint, _ second: Endpoint) -> Bool {
        guard case .tcp(let host, let port) = first, case .tcp(let other, port) = second else { return first == second }
        return host.lowercased() == other.lowercased()
    }

    /// Why nothing is known of stores.
    static let withoutPlan = "there is no scheduler.conf, which says where stores are; name one with --scheduler"
}
