// What an address comes to in Postfix, in words that an answer of ours can be compared with.

import Bytes
import Routing

/// The routes that an address is to have.
struct RouteExpectation {
    /// `channel!host!user`, in lower case: local parts reach the store as they were written, and are compared without regard
    /// to case.
    let routes: Set<String>

    /// - Returns: nil for an address whose way leads through local users, whose accounts this host may not have.
    init?(_ address: PostfixAddress, _ routing: PostfixRouting, _ channels: inout NextHopChannels) {
        guard routing.alias(of: address) != nil else {
            guard let route = Self.route(address, routing, &channels, asRecipient: true) else { return nil }
            routes = [route]
            return
        }
        let expansion = routing.expansion(of: address)
        // Such a key is noted by itself.
        guard expansion.problem == nil else { return nil }
        var routes: Set<String> = []
        for recipient in expansion.recipients {
            guard let route = Self.route(recipient, routing, &channels, asRecipient: false) else { return nil }
            routes.insert(route)
        }
        self.routes = routes
    }

    private static func route(
        _ address: PostfixAddress, _ routing: PostfixRouting, _ channels: inout NextHopChannels, asRecipient: Bool
    ) -> String? {
        let unknown = "error!nosuchuser"
        let text = string(address.text).lowercased()
        switch routing.target(of: address) {
        case .local: return nil
        case .unknown: return unknown
        case .hop(let hop):
            if hop == routing.defaultTransport, hop.transport == "smtp" {
                return "smtp!\(string(address.domain))!\(text)"
            }
            switch channels.channel(hop).way {
            case .refused(let isUnknown, _): return isUnknown ? unknown : "error!refused"
            case .waiting: return asRecipient && !routing.exists(address) ? unknown : "hold!retry"
            case .discarded: return asRecipient && !routing.exists(address) ? unknown : "bitbucket!-"
            case .route(let channel, let host):
                return asRecipient && !routing.exists(address) ? unknown : "\(channel)!\(host)!\(text)"
            case .ownDomain(let channel):
                return asRecipient && !routing.exists(address)
                    ? unknown : "\(channel)!\(string(address.domain))!\(text)"
            }
        }
    }

    /// An answer in the same words.
    static func routes(of answer: borrowing Answer) -> Set<String> {
        var routes: Set<String> = []
        for route in answer.routes {
            let channel = string(route.channel), host = string(route.host), user = string(route.user).lowercased()
            switch channel {
            case "error": routes.insert("error!\(host.prefix { $0 != "!" })")
            case "hold", "bitbucket": routes.insert("\(channel)!\(host)")
            default: routes.insert("\(channel)!\(host.lowercased())!\(user)")
            }
        }
        return routes
    }
}
