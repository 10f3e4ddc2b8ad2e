// Where a route of a map leads, as far as its value alone says: for whoever compares all routes of a site with its servers,
// without asking for addresses.

import Bytes
import Maps

/// The channel and host of a value of fqdnroutes or routesdb (SEMANTICS 5).
public struct RouteHop: Sendable, Hashable {
    /// The channel.
    public let channel: [UInt8]
    /// The host; nil where it depends on the address.
    public let host: [UInt8]?

    /// A channel and host.
    public init(channel: [UInt8], host: [UInt8]?) {
        self.channel = channel
        self.host = host
    }

    /// Reads a value.
    ///
    /// - Parameters:
    ///   - relation: the relation that has it.
    ///   - substitutes: whether `%N` in it is replaced.
    /// - Returns: nil where the value is no route, or is routed anew.
    public init?(value: Span<UInt8>, relation: RelationName, substitutes: Bool) {
        let bang = UInt8(ascii: "!")
        guard let first = value.firstIndex(of: bang), first > 0, !value.begins(with: "ignore!") else { return nil }
        let channel = [UInt8](copying: value.extracting(..<first))
        let isDomainRoute = relation == .routesdb
        if channel.elementsEqual("error".utf8) {
            self.init(channel: channel, host: nil)
        } else if isDomainRoute, channel.elementsEqual("delay".utf8) {
            self.init(channel: Array("hold".utf8), host: nil)
        } else if isDomainRoute, channel.starts(with: "bsmtp3".utf8) || channel.elementsEqual("defrt1".utf8) {
            self.init(channel: channel, host: nil)
        } else if value[value.count - 1] == bang {
            self.init(alone: [UInt8](copying: value.extracting(..<(value.count - 1))))
        } else if channel.elementsEqual("lotusgw".utf8),
            let last = (first..<value.count).last(where: { value[$0] == bang }),
            last > first
        {
            self.init(channel: Array("smtp".utf8), host: [UInt8](copying: value.extracting((last + 1)...)))
        } else {
            let end = value.firstIndex(of: bang, from: first + 1) ?? value.count
            guard end > first + 1 else { return nil }
            let host = [UInt8](copying: value.extracting((first + 1)..<end))
            let isReplaced = substitutes && host.contains(UInt8(ascii: "%"))
            self.init(channel: channel, host: isReplaced ? nil : host)
        }
        if substitutes, self.channel.contains(UInt8(ascii: "%")) { return nil }
    }

    /// A channel without a host: the address gives it for a channel of SMTP, and others have none.
    private init(alone channel: [UInt8]) {
        if channel.elementsEqual("dns".utf8) {
            self.init(channel: Array("smtp".utf8), host: nil)
        } else {
            self.init(channel: channel, host: channel.starts(with: "smtp".utf8) ? nil : [UInt8(ascii: "-")])
        }
    }
}
