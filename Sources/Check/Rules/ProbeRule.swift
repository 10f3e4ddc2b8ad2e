// Asking the servers themselves (`--probe`): whether each can be connected to, agrees to TLS and authentication, and takes some of
// the mailboxes that routes lead to. Nothing is sent.

import Bytes
import Configuration
import Delivery
import LMTP
import Maps
import Routing

/// Asks every server of a site.
struct ProbeRule {
    let site: CheckedSite
    private let plan: DeliveryPlan
    private let conf: SchedulerConf
    /// So many mailboxes are asked for at each server.
    private static let sample = 3

    /// A server with what it is asked.
    private struct Target {
        let destination: Destination
        /// The line of its command in scheduler.conf.
        let line: Int?
        var users: [(user: [UInt8], entry: EntryPlace)] = []
    }

    /// - Returns: nil for a site without a scheduler.conf.
    init?(_ site: CheckedSite) {
        guard let plan = site.plan, case .scheduler(let conf) = plan.source else { return nil }
        (self.site, self.plan, self.conf) = (site, plan, conf)
    }

    /// What the servers refuse.
    func findings(_ found: (Finding?) -> Void) {
        let targets = targets()
        let answers = RecipientProbe.ask(
            targets.map { target in ProbeRequest(target.destination, users: target.users.map(\.user)) })
        for (target, answer) in zip(targets, answers) {
            if let failure = answer.failure, !answer.hasBegun {
                found(finding(failure, target))
                continue
            }
            for (asked, reply) in zip(target.users, answer.replies) {
                guard let reply, reply.code >= 400, !reply.isLocal else { continue }
                let severity: Finding.Severity = reply.code >= 500 ? .error : .warning
                found(
                    site.finding(
                        .refusedRecipient, severity, at: asked.entry,
                        "\(target.destination.endpoint) refuses the mailbox '\(string(asked.user))', which '\(string(site.key(asked.entry)))'"
                            + " leads to: \(reply); make the mailbox, or correct the route"))
            }
        }
    }

    private func finding(_ failure: ClientFailure, _ target: Target) -> Finding {
        let isAbsence =
            switch failure {
            case .connectionFailed, .timedOut(.connect), .timedOut(.greeting), .closed: true
            default: false
            }
        let remedy =
            isAbsence
            ? "see that a server listens there, or correct -F and -p" : "correct -S, -A and the files that they name"
        return Finding(
            isAbsence ? .unreachableServer : .refusedSession, .error, file: conf.file, line: target.line,
            text: "\(target.destination.endpoint): \(failure); its mail would wait; \(remedy)")
    }

    // MARK: Whom to ask what

    private func targets() -> [Target] {
        var targets: [ObjectIdentifier: Target] = [:]
        var order: [ObjectIdentifier] = []
        func add(_ channel: [UInt8], _ host: [UInt8], _ user: [UInt8] = [], _ entry: EntryPlace? = nil) {
            guard RouteVerdict(channel: channel.span, user: user.span) == .delivers,
                case .deliver(let destination) = plan.decision(channel: channel, host: host).disposition
            else { return }
            let name = ObjectIdentifier(destination)
            if targets[name] == nil {
                order.append(name)
                let line = conf.match(channel: channel, host: host).parameters.commandLine
                targets[name] = Target(destination: destination, line: line)
            }
            guard let entry, !user.isEmpty, let known = targets[name]?.users, known.count < Self.sample,
                !known.contains(where: { $0.user == user })
            else { return }
            targets[name]?.users.append((user, entry))
        }
        let mailboxes = mailboxes()
        let questions = AddressQuestions(site: site)
        let answers = questions.ask(mailboxes.count, address: { site.key(mailboxes[$0]) }) { answer -> [Route]? in
            answer.failure == nil ? answer.routes : nil
        }
        for (number, routes) in answers {
            for route in routes { add(Array(route.channel), Array(route.host), Array(route.user), mailboxes[number]) }
        }
        for hop in hops(of: .routesdb).keys { if let host = hop.host { add(hop.channel, host) } }
        for channel in plan.storeChannels where !plan.needsHost(channel: channel) {
            add(channel, Array("host.invalid".utf8))
        }
        return order.compactMap { targets[$0] }
    }

    /// Some mailboxes for each channel and host of fqdnroutes.
    private func mailboxes() -> [EntryPlace] {
        hops(of: .fqdnroutes).values.flatMap { $0 }
    }

    private func hops(of relation: RelationName) -> [RouteHop: [EntryPlace]] {
        var hops: [RouteHop: [EntryPlace]] = [:]
        for map in site.maps(of: relation) {
            let checked = site.maps[map]
            for index in 0..<checked.count {
                let entry = checked.source.place(of: index)
                let isMailbox = relation == .routesdb || checked.source.bytes[entry.key].first != UInt8(ascii: "@")
                guard isMailbox,
                    let hop = RouteHop(
                        value: checked.source.bytes.span.extracting(entry.value), relation: relation,
                        substitutes: checked.substitutes),
                    hops[hop, default: []].count < Self.sample
                else { continue }
                hops[hop, default: []].append(EntryPlace(map: map, entry: index))
            }
        }
        return hops
    }
}

extension Finding.Name {
    /// A server that cannot be connected to.
    static let unreachableServer = Finding.Name("unreachable-server")
    /// A server that refuses the greeting, TLS or authentication.
    static let refusedSession = Finding.Name("refused-session")
    /// A server that refuses a mailbox that a route leads to.
    static let refusedRecipient = Finding.Name("refused-recipient")
}
