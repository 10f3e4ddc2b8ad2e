// What is to be done for a channel and host: scheduler.conf, or one endpoint for all LMTP channels.

package import Configuration
import LMTP
import Synchronization
import System

/// Decides where recipients go.
package final class DeliveryPlan: Sendable {
    /// What is to be done for a channel and host.
    package enum Disposition: Sendable {
        /// Connect there.
        case deliver(Destination)
        /// The recipients stay queued for this reason, which is a fault of the configuration.
        case keep(String)
        /// The recipients stay queued because the configuration says so (`queueonly`).
        case wait(String)
    }

    /// The decision for a channel and host.
    package struct Decision: Sendable {
        /// What to do.
        package let disposition: Disposition
        /// When to do it again, and for how long.
        package let schedule: RetrySchedule
    }

    /// Where the commands come from.
    package enum Source: Sendable {
        /// The clauses of scheduler.conf.
        case scheduler(SchedulerConf)
        /// One server for the channels `smtp-lmtp*` and `local`, with options as the smtp command has them.
        case single(Endpoint, options: String, parameters: SchedulerParameters)
    }

    /// The connections to one endpoint where nothing else is said.
    package static let defaultConnections = 10

    private struct State {
        var decisions: [Key: Decision] = [:]
        var destinations: [DestinationKey: Destination] = [:]
        var secrets: [String: SecretsFile] = [:]
        var logs: [String: DialogueLog] = [:]
        var unusableLogs: [String: FileError] = [:]
        /// The missing lines of secrets files that were told of.
        var missingSecrets: Set<String> = []
    }

    private struct Key: Hashable {
        let channel: [UInt8]
        let host: [UInt8]
    }

    private struct DestinationKey: Hashable {
        let clause: Int
        let channel: String
        let endpoint: Endpoint
        /// Which of the secrets are used; the host, which decides that, is otherwise only a name of the endpoint.
        let secret: Int?
        let line: SMTPCommandLine
    }

    /// Where the commands come from.
    package let source: Source
    /// What zmailer.conf says.
    package let settings: Settings
    private let report: @Sendable (String) -> Void
    private let state = Mutex(State())
    /// Hosts come with the mail; so many decisions are kept at most.
    private static let decisionLimit = 10_000

    /// A plan for a site.
    ///
    /// - Parameter report: is told of what an administrator should mend although mail is delivered, each once.
    package init(
        _ source: Source, settings: Settings, report: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.source = source
        self.report = report
        self.settings = settings
    }

    /// Where mail goes, for people: `channel/host: server` for each clause with a command, or the one server.
    package var servers: [String] {
        switch source {
        case .single(let endpoint, _, _): return ["smtp-lmtp*, local: \(endpoint)"]
        case .scheduler(let conf):
            return conf.clauses.compactMap { clause in
                guard let command = clause.parameters.command else { return nil }
                do {
                    let line = try SMTPCommandLine(command, variables: settings.variables)
                    guard line.nextHop != nil else { return "\(clause.selector): the route's host" }
                    return "\(clause.selector): \(try line.endpoint(host: ""))"
                } catch {
                    return "\(clause.selector): none (\(error))"
                }
            }
        }
    }

    /// The decision for a channel and host, fields as in a control file.
    package func decision(channel: [UInt8], host: [UInt8]) -> Decision {
        let key = Key(channel: channel, host: host)
        return state.withLock { state in
            if let known = state.decisions[key] { return known }
            let decision = decide(channel: channel, host: host, &state)
            if state.decisions.count >= Self.decisionLimit { state.decisions = [:] }
            state.decisions[key] = decision
            return decision
        }
    }

    private func decide(channel: [UInt8], host: [UInt8], _ state: inout State) -> Decision {
        let command: String
        let parameters: SchedulerParameters
        let clause: Int
        var fixed: Endpoint?
        let name = String(decoding: channel, as: UTF8.self)
        switch source {
        case .scheduler(let conf):
            let match = conf.match(channel: channel, host: host)
            (parameters, clause) = (match.parameters, match.clause)
            guard let found = parameters.command else {
                let text = "no clause with a command fits channel '\(name)'; add one"
                return Decision(.keep(ConfigurationError(file: conf.file, text: text).description), parameters)
            }
            command = found
        case .single(let endpoint, let options, let singleParameters):
            (parameters, clause) = (singleParameters, 0)
            guard name == "local" || name.hasPrefix("smtp-lmtp") else {
                return Decision(
                    .keep("--lmtp serves the channels smtp-lmtp* and local; '\(name)' needs a scheduler.conf"),
                    parameters)
            }
            (command, fixed) = ("smtp -M \(options)", endpoint)
        }
        if parameters.isQueueOnly { return Decision(.wait("scheduler.conf says queueonly"), parameters) }
        do {
            var variables = settings.variables
            variables["channel"] = name
            variables["host"] = String(decoding: host, as: UTF8.self)
            let line = try SMTPCommandLine(command, variables: variables)
            let endpoint = try fixed ?? line.endpoint(host: String(decoding: host, as: UTF8.self))
            let agent = AgentRequest(
                line: line, endpoint: endpoint, channel: name, host: String(decoding: host, as: UTF8.self),
                clause: clause,
                parameters: parameters)
            return Decision(.deliver(try destination(agent, &state)), parameters)
        } catch {
            return Decision(.keep(place(parameters) + "\(error)"), parameters)
        }
    }

    private func place(_ parameters: SchedulerParameters) -> String {
        guard case .scheduler(let conf) = source, let line = parameters.commandLine else { return "--lmtp: " }
        return "\(conf.file):\(line): "
    }

    private struct AgentRequest {
        let line: SMTPCommandLine
        let endpoint: Endpoint
        let channel: String
        let host: String
        let clause: Int
        let parameters: SchedulerParameters
    }

    private func destination(_ agent: AgentRequest, _ state: inout State) throws -> Destination {
        let line = agent.line
        var secret: (number: Int, credentials: Credentials)?
        if let path = line.secretsFile {
            let secrets = try state.secrets[path] ?? SecretsFile(path: path)
            state.secrets[path] = secrets
            secret = secrets.entry(channel: agent.channel, hosts: hostNames(agent))
            if secret == nil, state.missingSecrets.insert("\(path) \(agent.channel) \(agent.endpoint)").inserted {
                let names = hostNames(agent).map { "'\($0)'" }.joined(separator: " or ")
                report(
                    "\(path): no line is for channel '\(agent.channel)' (or *) and host \(names) (or *): \(agent.endpoint)"
                        + " is spoken to without authentication; add a line CHANNEL HOST USER SECRET")
            }
        }
        let key = DestinationKey(
            clause: agent.clause, channel: agent.channel, endpoint: agent.endpoint,
            secret: secret?.number, line: line)
        if let known = state.destinations[key] { return known }
        let made = try makeDestination(agent, secret?.credentials, &state)
        state.destinations[key] = made
        return made
    }

    private func hostNames(_ agent: AgentRequest) -> [String] { Self.names(of: agent.endpoint, host: agent.host) }

    /// The names that a line of a file of secrets may have for a server.
    ///
    /// - Parameter host: the host of the route.
    static func names(of endpoint: Endpoint, host: String) -> [String] {
        switch endpoint {
        case .unix(let path): [host, "UNIX:\(path)", path]
        case .tcp(let name, let port): [host, name, "[\(name)]", "\(name):\(port)"]
        }
    }

    private func makeDestination(
        _ agent: AgentRequest, _ credentials: Credentials?, _ state: inout State
    ) throws -> Destination {
        let line = agent.line
        var options = try ClientOptions(
            dialect: line.isLMTP ? .lmtp : .smtp, helloName: Array((line.helloName ?? settings.hostname).utf8))
        options.usesPipelining = !line.avoidsPipelining
        options.forcesEightBit = line.forcesEightBit
        options.forcesSevenBit = line.forcesSevenBit
        options.prefersChunking = line.prefersChunking
        if let credentials {
            // A store's socket takes its peers as authenticated and offers nothing; over TCP that would be a trap.
            let isSocket = if case .unix = agent.endpoint { true } else { false }
            options.authentication = Authentication(credentials, isRequired: !isSocket, digest: KeyedMD5.digest)
        }
        var tls: TLSClient?
        if let path = line.tlsFile {
            let file = try TLSFile(path: path)
            tls = try TLSClient(file, endpoint: agent.endpoint)
            options.tls = file.isDemanded ? .required : .opportunistic
        }
        var log: DialogueLog?
        if let path = line.logFile {
            log = dialogueLog(path, &state)
            options.recordsTranscript = log != nil
        }
        return Destination(
            endpoint: agent.endpoint, options: options,
            terms: ConnectionTerms(
                messagesPerConnection: line.isOneMessage ? 1 : 10_000, maximumAge: TimeSpan(seconds: 600),
                idleLimit: agent.parameters.idleMaximum ?? TimeSpan(seconds: 10), limits: line.limits),
            channel: agent.channel, tls: tls, connectionLimits: connectionLimits(agent), log: log)
    }

    /// The log of dialogues; nil, after saying so, where it cannot be opened: that is no reason not to deliver.
    private func dialogueLog(_ path: String, _ state: inout State) -> DialogueLog? {
        if let known = state.logs[path] { return known }
        guard state.unusableLogs[path] == nil else { return nil }
        do throws(FileError) {
            let log = try DialogueLog(path: path, report: report)
            state.logs[path] = log
            return log
        } catch {
            state.unusableLogs[path] = error
            let remedy = error.isMissing ? "make its directory" : "name another file with -l"
            report("\(error): mail is delivered without the dialogues being logged; \(remedy), and reload")
            return nil
        }
    }

    private func connectionLimits(_ agent: AgentRequest) -> [ConnectionLimit] {
        let parameters = agent.parameters
        var limits = [
            ConnectionLimit(
                scope: "endpoint \(agent.endpoint)", maximum: parameters.maximumPerEndpoint ?? Self.defaultConnections)
        ]
        if let maximum = parameters.maximumPerClause {
            limits.append(.init(scope: "clause \(agent.clause)", maximum: maximum))
        }
        if let maximum = parameters.maximumPerChannel {
            limits.append(.init(scope: "channel \(agent.channel)", maximum: maximum))
        }
        if let maximum = parameters.maximumTotal { limits.append(.init(scope: "total", maximum: maximum)) }
        return limits
    }
}

extension DeliveryPlan.Decision {
    fileprivate init(_ disposition: DeliveryPlan.Disposition, _ parameters: SchedulerParameters) {
        self.init(disposition: disposition, schedule: parameters.schedule)
    }
}
