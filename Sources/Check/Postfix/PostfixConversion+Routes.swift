// Transports of a Postfix as routes, and as clauses of scheduler.conf.

import Bytes

extension PostfixConversion {
    /// The value of a route; nil for none.
    mutating func value(
        _ target: PostfixRouting.Target, of domain: [UInt8], isWholeDomain: Bool
    ) -> [UInt8]? {
        guard case .hop(let hop) = target else { return target == .unknown ? Array("error!nosuchuser".utf8) : nil }
        if hop == routing.defaultTransport, isPlainSMTP(hop) {
            clauses["smtp/*"] = .some(channels.channel(hop).command)
            return Array("smtp!".utf8)
        }
        let channel = channels.channel(hop)
        if let obstacle = channel.obstacle { noteTransport(hop, obstacle, isLost: channel.command == nil) }
        switch channel.way {
        case .route(let name, let host):
            clauses["\(name)/\(host)"] = .some(channel.command)
            return Array("\(name)!\(host)".utf8)
        case .ownDomain(let name):
            clauses["\(name)/*"] = .some(channel.command)
            return Array("\(name)!".utf8) + domain
        case .refused(let isUnknown, let text):
            // In routesdb a text would take the place of the address.
            let code = isUnknown ? "nosuchuser" : "refused"
            return Array((isWholeDomain || text.isEmpty ? "error!\(code)" : "error!\(code)!\(Self.inRoute(text))").utf8)
        case .waiting: return Array("hold!retry".utf8)
        case .discarded: return Array("bitbucket!-!-".utf8)
        }
    }

    static func inRoute(_ text: String) -> String {
        String(text.map { $0 == "!" || $0 == "%" || !$0.isASCII || $0.isBlank ? " " : $0 }).trimmingBlanks
    }

    mutating func finishClauses() {
        // Strangers' domains: step E of the chain.
        let standard = channels.channel(routing.defaultTransport)
        if isPlainSMTP(routing.defaultTransport) {
            clauses["smtp/*"] = .some(standard.command)
            if let obstacle = standard.obstacle {
                noteTransport(routing.defaultTransport, obstacle, isLost: standard.command == nil)
            }
        }
        for (selector, command) in clauses.sorted(by: { $0.key < $1.key }) {
            draft.clauses.append(
                (selector, command, command == nil ? SiteDraft.unknownServer : nil))
        }
    }

    mutating func carryLocalAliases() {
        guard routing.deliversLocally, !routing.local.named.domains.isEmpty else { return }
        carryLocalLists()
        let hop: PostfixRouting.Hop?
        if let text = try? parameters.value("mailbox_transport"), !text.isEmpty {
            let (transport, nextHop) = PostfixRouting.divided(text)
            hop = PostfixRouting.Hop(transport: transport, nextHop: nextHop.isEmpty ? nil : nextHop)
        } else {
            hop = nil
        }
        let channel = hop.map { channels.channel($0) }
        if let hop, let obstacle = channel?.obstacle { noteTransport(hop, obstacle, isLost: channel?.command == nil) }
        if hop == nil {
            note(
                .leftOut, "mailbox_transport",
                "local(8) writes mailboxes itself, which zroute does not; mail for local users stays queued until the clause"
                    + " local/* of scheduler.conf has a command, such as one for LMTP")
        }
        clauses["local/*"] = .some(channel?.command)
    }
}
