// Where another mailer is to hand a recipient over: the plan's decision without the connection that this program would make.

import Bytes
import Configuration
import LMTP

extension Endpoint {
    /// The host of a route as a server's name, brackets and all that ZMailer puts around addresses taken off; nil where it is
    /// none.
    package static func mailHost(_ host: [UInt8]) -> String? {
        let text = String(decoding: host, as: UTF8.self)
        guard let name = Self.host(text) else { return nil }
        return text.hasPrefix("[") ? "[\(name)]" : name
    }
}

/// The server for a channel and host, as another mailer is told of it.
package enum NextHop: Sendable, Hashable {
    /// A server that speaks LMTP.
    case lmtp(Endpoint)
    /// A server that speaks SMTP.
    case smtp(Endpoint)
    /// Whatever host takes mail for this domain by its MX records, which this program does not look up.
    case exchanger(String)
    /// None is known, for this reason, which an administrator has to mend or to end.
    case none(String)

    /// The server, where it is a store: where it speaks LMTP.
    package var store: Endpoint? {
        if case .lmtp(let endpoint) = self { endpoint } else { nil }
    }
}

extension DeliveryPlan {
    /// Where another mailer is to hand over what has this channel and host.
    ///
    /// Waiting (`queueonly`) is the other mailer's to do, and is no reason to refuse an answer here: it is `.none`, as whoever
    /// asks is told to ask again.
    package func nextHop(channel: [UInt8], host: [UInt8]) -> NextHop {
        switch decision(channel: channel, host: host).disposition {
        case .deliver(let destination):
            return destination.options.dialect == .lmtp ? .lmtp(destination.endpoint) : .smtp(destination.endpoint)
        case .wait(let reason):
            return .none(reason)
        case .keep(let reason):
            return exchanger(channel: channel, host: host).map { .exchanger($0) } ?? .none(reason)
        }
    }

    /// The same as far as scheduler.conf alone says it: no file that a command names is opened or made, so that a site can be
    /// shown without touching it.
    package func statedNextHop(channel: [UInt8], host: [UInt8]) -> NextHop {
        guard case .scheduler(let conf) = source else { return nextHop(channel: channel, host: host) }
        let parameters = conf.match(channel: channel, host: host).parameters
        let name = String(decoding: channel, as: UTF8.self)
        let hostName = String(decoding: host, as: UTF8.self)
        guard let command = parameters.command else { return .none("no clause with a command fits channel '\(name)'") }
        if parameters.isQueueOnly { return .none("scheduler.conf says queueonly") }
        var variables = settings.variables
        variables["channel"] = name
        variables["host"] = hostName
        do throws(SMTPCommandLine.Unusable) {
            let line = try SMTPCommandLine(command, variables: variables)
            let endpoint = try line.endpoint(host: hostName)
            return line.isLMTP ? .lmtp(endpoint) : .smtp(endpoint)
        } catch {
            return exchanger(channel: channel, host: host).map { .exchanger($0) } ?? .none(error.description)
        }
    }

    /// The domain whose MX records a command needs; nil where it needs none.
    private func exchanger(channel: [UInt8], host: [UInt8]) -> String? {
        guard case .scheduler(let conf) = source,
            let command = conf.match(channel: channel, host: host).parameters.command
        else { return nil }
        var variables = settings.variables
        variables["channel"] = String(decoding: channel, as: UTF8.self)
        variables["host"] = String(decoding: host, as: UTF8.self)
        guard let line = try? SMTPCommandLine(command, variables: variables) else { return nil }
        return line.exchanger(host: String(decoding: host, as: UTF8.self))
    }

    /// Whether the host of a route decides where it goes, and not its channel alone.
    package func needsHost(channel: [UInt8]) -> Bool {
        guard case .scheduler(let conf) = source else { return false }
        for clause in conf.clauses where clause.channel.matches(channel) {
            let host = clause.selector.drop { $0 != "/" }
            guard host.isEmpty || host == "/" || host == "/*" else { return true }
            guard let command = clause.parameters.command else { continue }
            // With a host that no address has, a command that needs one leads nowhere, or there.
            let other = "host.invalid"
            var variables = settings.variables
            variables["channel"] = String(decoding: channel, as: UTF8.self)
            variables["host"] = other
            guard command.utf8Offset(of: "$host") == nil, command.utf8Offset(of: "${host") == nil,
                let line = try? SMTPCommandLine(command, variables: variables)
            else {
                return true
            }
            return line.nextHop == nil
        }
        return false
    }

    /// The channels that stores may be served by, in the order in which a host alone is looked for among them: those that
    /// clauses name in full, and ZMailer's own.
    package var storeChannels: [[UInt8]] {
        var names = ["smtp-lmtp", "local"]
        if case .scheduler(let conf) = source {
            for clause in conf.clauses {
                let name = String(clause.selector.prefix { $0 != "/" })
                let isPattern = name.contains { "*?{}[]".contains($0) }
                if !isPattern, !names.contains(name) { names.append(name) }
            }
        }
        return names.map { Array($0.utf8) }
    }
}
