// Whether scheduler.conf serves a route, found out without connecting to anything, opening a log or asking for mail: for
// whoever judges a site before mail comes.

import Bytes
package import Configuration
import LMTP
import System

/// What scheduler.conf has for a channel and host.
package enum RouteService: Sendable, Hashable {
    /// A command that can be obeyed, or the word to let the mail wait.
    case served
    /// A command that nobody can obey, whatever the host: a finding about the command says so.
    case clauseAtFault
    /// Nothing, for this reason.
    case unserved(String)
}

extension SchedulerConf {
    /// The clauses that a channel and host come to, in order, up to the first with a command.
    ///
    /// - Parameter host: nil for any host: what may be the host of some route of the channel.
    package func clauses(reachedBy channel: [UInt8], host: [UInt8]?) -> [Int] {
        var reached: [Int] = []
        for (index, clause) in clauses.enumerated() where clause.channel.matches(channel) {
            if let host, !clause.host.matches(host) { continue }
            reached.append(index)
            if clause.parameters.command != nil, host != nil || clause.takesAnyHost { break }
        }
        return reached
    }
}

extension SchedulerConf.Clause {
    /// Whether every host comes to the clause.
    package var takesAnyHost: Bool {
        let host = selector.drop { $0 != "/" }
        return host.isEmpty || host == "/" || host == "/*"
    }

    /// The channel and the host, where the clause is for one of each.
    package var only: (channel: [UInt8], host: [UInt8])? {
        let parts = selector.split(separator: "/", maxSplits: 1)
        guard parts.count == 2, !selector.contains(where: { "*?{}[]\\".contains($0) }) else { return nil }
        return (Array(parts[0].utf8), Array(parts[1].utf8))
    }
}

extension DeliveryPlan {
    /// What scheduler.conf has for a channel and host.
    package func service(channel: [UInt8], host: [UInt8]) -> RouteService {
        guard case .scheduler(let conf) = source else { return .served }
        let parameters = conf.match(channel: channel, host: host).parameters
        let name = String(decoding: channel, as: UTF8.self)
        guard let command = parameters.command else {
            return .unserved(
                "no clause of \(conf.file) with a command fits channel '\(name)' and host '"
                    + "\(String(decoding: host, as: UTF8.self))'")
        }
        if parameters.isQueueOnly { return .served }
        func failure(host: String) -> String? {
            var variables = settings.variables
            variables["channel"] = name
            variables["host"] = host
            do throws(SMTPCommandLine.Unusable) {
                _ = try SMTPCommandLine(command, variables: variables).endpoint(host: host)
                return nil
            } catch {
                return error.description
            }
        }
        guard let reason = failure(host: String(decoding: host, as: UTF8.self)) else { return .served }
        let line = parameters.commandLine.map { ":\($0)" } ?? ""
        return failure(host: "host.invalid") == nil
            ? .unserved("the command in \(conf.file)\(line) cannot serve it: \(reason)") : .clauseAtFault
    }

    /// What is wrong where a server of a channel and host is to be authenticated to, and the file of secrets has no line for it.
    package func missingSecret(channel: [UInt8], host: [UInt8]) -> Finding? {
        guard case .scheduler(let conf) = source,
            let command = conf.match(channel: channel, host: host).parameters.command
        else { return nil }
        let (name, hostName) = (String(decoding: channel, as: UTF8.self), String(decoding: host, as: UTF8.self))
        var variables = settings.variables
        variables["channel"] = name
        variables["host"] = hostName
        guard let line = try? SMTPCommandLine(command, variables: variables), let path = line.secretsFile,
            let endpoint = try? line.endpoint(host: hostName)
        else { return nil }
        let secrets = SecretsFile(reading: path)
        // Of a file with mistakes its own findings tell.
        guard secrets.findings.isEmpty else { return nil }
        let names = Self.names(of: endpoint, host: hostName)
        guard secrets.credentials(channel: name, hosts: names) == nil else { return nil }
        return Finding(
            .missingSecret, .warning, file: path,
            text:
                "no line is for channel '\(name)' (or *) and host \(names.map { "'\($0)'" }.joined(separator: " or "))"
                + " (or *), so \(endpoint) is spoken to without authentication; add a line CHANNEL HOST USER SECRET, or take"
                + " -A out of the command")
    }
}

extension Finding.Name {
    /// A server that is to be authenticated to, and that no line of the file of secrets is for.
    static let missingSecret = Finding.Name("missing-secret")
}
