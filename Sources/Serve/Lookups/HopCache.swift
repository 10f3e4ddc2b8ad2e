// The servers that routes lead to, in the words of other mailers, remembered: scheduler.conf says the same of a channel and host
// until the configuration is read anew.

import Bytes
import Delivery

/// What is answered for a channel and host.
struct KnownHop {
    /// The channel, and the host where it matters.
    let key: [UInt8]
    /// Where they lead.
    let hop: NextHop
    /// The same as transport_maps has it; nil where it cannot be said, for the reason in ``failure``.
    let transport: [UInt8]?
    /// `@HOST.STOREDOMAIN` of a store; nil where there is none.
    let suffix: [UInt8]?
    /// Why one of them is nil.
    let failure: String
}

/// What one worker knows of servers.
struct HopCache {
    private let plan: DeliveryPlan?
    private let stores: StoreAddresses?
    /// By a hash of the key: one that has the same place takes it.
    private var known: [KnownHop?] = Array(repeating: nil, count: 1 << 10)
    /// The channels whose hosts do not matter, and those whose do.
    private var channels: [(name: [UInt8], needsHost: Bool)] = []

    init(_ site: ServedSite) {
        plan = site.plan
        stores = site.stores
    }

    /// The place of what is known of a channel and host.
    ///
    /// - Parameters:
    ///   - channel: the channel; an empty one for the host of an address of `storedomain`.
    ///   - isWritten: whether the host is wanted in an address of `storedomain`.
    mutating func find(channel: Span<UInt8>, host: Span<UInt8>, isWritten: Bool = false) -> Int {
        // The host of a local route is the address that was asked for, and is in no other.
        let usesHost = channel.isEmpty || (isWritten && !channel.isEqual(to: "local")) || needsHost(channel)
        let host = usesHost ? host : host.extracting(0..<0)
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for index in channel.indices { hash = (hash ^ UInt64(channel[index])) &* 0x100_0000_01B3 }
        hash = (hash ^ 0xFF) &* 0x100_0000_01B3
        for index in host.indices { hash = (hash ^ UInt64(host[index])) &* 0x100_0000_01B3 }
        let place = Int(truncatingIfNeeded: (hash ^ hash >> 32) & UInt64(known.count - 1))
        if let entry = known[place], Self.isKey(entry.key, channel, host) { return place }
        known[place] = make([UInt8](copying: channel), [UInt8](copying: host))
        return place
    }

    /// What is known, by its place.
    subscript(place: Int) -> KnownHop? { known[place] }

    private static func isKey(_ key: [UInt8], _ channel: Span<UInt8>, _ host: Span<UInt8>) -> Bool {
        key.count == channel.count + 1 + host.count && key.span.holds(channel, at: 0)
            && key[channel.count] == 0 && key.span.holds(host, at: channel.count + 1)
    }

    private mutating func needsHost(_ channel: Span<UInt8>) -> Bool {
        for known in channels where channel.isEqual(to: known.name.span) { return known.needsHost }
        let name = [UInt8](copying: channel)
        let needsHost = plan?.needsHost(channel: name) ?? true
        // Channels come out of maps, which have a few.
        if channels.count < 64 { channels.append((name, needsHost)) }
        return needsHost
    }

    private func make(_ channel: [UInt8], _ host: [UInt8]) -> KnownHop {
        let hop = nextHop(channel, host)
        let transport: [UInt8]?
        var failure = ""
        switch PostfixTransport.text(of: hop) {
        case .success(let text): transport = text
        case .failure(let reason):
            transport = nil
            failure = reason.text
        }
        var suffix: [UInt8]?
        if let store = hop.store, let stores, !channel.isEmpty {
            suffix = stores.suffix(channel: channel, host: host, store: store, by: plan)
            if suffix == nil, failure.isEmpty {
                failure =
                    "no domain below storedomain leads to the store of channel '\(String(decoding: channel, as: UTF8.self))'"
                    + " and host '\(String(decoding: host, as: UTF8.self))'; give the route a host that is a name"
            }
        }
        return KnownHop(
            key: channel + [0] + host, hop: hop, transport: transport, suffix: suffix, failure: failure)
    }

    private func nextHop(_ channel: [UInt8], _ host: [UInt8]) -> NextHop {
        if channel.isEmpty, let stores { return stores.hop(to: host, by: plan) }
        guard let plan else {
            // ZMailer's channel smtp is what every mailer does without being told how.
            guard channel.elementsEqual("smtp".utf8), let host = Endpoint.mailHost(host) else {
                return .none(
                    "there is no scheduler.conf, which says where channel '\(String(decoding: channel, as: UTF8.self))'"
                        + " goes; name one with --scheduler")
            }
            return .exchanger(host)
        }
        // In a queue file a host that is empty is written so.
        return plan.nextHop(channel: channel, host: host.isEmpty ? [UInt8(ascii: "-")] : host)
    }
}

/// Servers as Postfix names them in transport_maps (transport(5)).
enum PostfixTransport {
    /// Why a server cannot be named.
    struct Unnamed: Error {
        let text: String
    }

    /// `lmtp:unix:/path`, `lmtp:inet:host:port`, `smtp:[host]:port`, and `smtp:domain` for the exchangers of a domain.
    static func text(of hop: NextHop) -> Result<[UInt8], Unnamed> {
        switch hop {
        case .lmtp(.unix(let path)):
            // Commas and blanks separate next hops.
            guard path.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: ",") }) else {
                return .failure(
                    Unnamed(
                        text: "the socket's path '\(path)' cannot stand in transport_maps; give it one without blanks"))
            }
            return .success(Array("lmtp:unix:\(path)".utf8))
        case .lmtp(.tcp(let host, let port)):
            return .success(Array("lmtp:inet:\(host.contains(":") ? "[\(host)]" : host):\(port)".utf8))
        case .smtp(.tcp(let host, let port)):
            return .success(Array("smtp:[\(host)]:\(port)".utf8))
        case .smtp(.unix(let path)):
            return .failure(
                Unnamed(text: "SMTP over the socket '\(path)' is nothing that Postfix does; add -M for LMTP"))
        case .exchanger(let domain):
            return .success(Array("smtp:\(domain)".utf8))
        case .none(let reason):
            return .failure(Unnamed(text: reason))
        }
    }
}
