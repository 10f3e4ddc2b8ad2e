// What is to be done for a channel and host: scheduler.conf, or one endpoint for all LMTP channels.

public import Configuration
import LMTP
import Synchronization

/// Decides where recipients go.
public final class DeliveryPlan: Sendable {
    /// What is to be done for a channel and host.
    public enum Disposition: Sendable {
        /// Connect there.
        case deliver(Destination)
        /// The recipients stay queued for this reason.
        case keep(String)
    }

    /// The decision for a channel and host.
    public struct Decision: Sendable {
        /// What to do.
        public let disposition: Disposition
        /// When to do it again, and for how long.
        public let schedule: RetrySchedule
    }

    /// Where the commands come from.
    public enum Source: Sendable {
        /// The clauses of scheduler.conf.
        case scheduler(SchedulerConf)
        /// One server for the channels `smtp-lmtp*` and `local`, with options as the smtp command has them.
        case single(Endpoint, options: String, parameters: SchedulerParameters)
    }

    /// The connections to one endpoint where nothing else is said.
    public static let defaultConnections = 10

    private struct State {
        var decisions: [Key: Decision] = [:]
        var destinations: [DestinationKey: Destination] = [:]
        var secrets: [String: SecretsFile] = [:]
        var logs: [String: DialogueLog] = [:]
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

    private let source: Source
    private let settings: Settings
    private let state = Mutex(State())
    /// Hosts come with the mail; so many decisions are kept at most.
    private static let decisionLimit = 10_000

    /// A plan for a site.
    public init(_ source: Source, settings: Settings) {
        self.source = source
        self.settings = settings
    }

    /// The decision for a channel and host, fields as in a control file.
    public func decision(channel: [UInt8], host: [UInt8]) -> Decision {
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
        if parameters.isQueueOnly { return Decision(.keep("scheduler.conf says queueonly"), parameters) }
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
        }
        let key = DestinationKey(
            clause: agent.clause, channel: agent.channel, endpoint: agent.endpoint,
            secret: secret?.number, line: line)
        if let known = state.destinations[key] { return known }
        let made = try makeDestination(agent, secret?.credentials, &state)
        state.destinations[key] = made
        return made
    }

    private func hostNames(_ agent: AgentRequest) -> [String] {
        switch agent.endpoint {
        case .unix(let path): [agent.host, "UNIX:\(path)", path]
        case .tcp(let host, let port): [agent.host, host, "[\(host)]", "\(host):\(port)"]
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
        if let credentials {
            // A store's socket takes its peers as authenticated and offers nothing; over TCP that would be a trap.
            let isSocket = if case .unix = agent.endpoint { true } else { false }
            options.authentication = Authentication(credentials, isRequired: !isSocket, digest: KeyedMD5.digest)
        }
        var tls: TLSClient?
        if let path = line.tlsFile {
            let file = try TLSFile(path: path)
            tls = try TLSClient(file, path: path, endpoint: agent.endpoint)
            options.tls = file.isDemanded ? .required : .opportunistic
        }
        var log: DialogueLog?
        if let path = line.logFile {
            log = try state.logs[path] ?? DialogueLog(path: path)
            state.logs[path] = log
            options.recordsTranscript = true
        }
        return Destination(
            endpoint: agent.endpoint, options: options, limits: line.limits, channel: agent.channel, tls: tls,
            connectionLimits: connectionLimits(agent), messagesPerConnection: line.isOneMessage ? 1 : 10_000,
            maximumAge: TimeSpan(seconds: 600), idleLimit: agent.parameters.idleMaximum ?? TimeSpan(seconds: 10),
            log: log)
    }

    private func connectionLimits(_ agent: AgentRequest) -> [Destination.ConnectionLimit] {
        let parameters = agent.parameters
        var limits = [
            Destination.ConnectionLimit(
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
        self.init(
            disposition: disposition,
            schedule: RetrySchedule(
                interval: parameters.interval, retries: parameters.retries, expiry: parameters.expiry,
                reportTimes: parameters.reportTimes))
    }
}
