// Whether scheduler.conf serves the routes of the maps and the mail that is queued, and whether each of its clauses has some.

import Bytes
import Configuration
import Delivery
import Maps
import QueueRouting
import Routing
import Spool
import System

/// Compares routes with the clauses of scheduler.conf.
struct ServiceRule {
    let site: CheckedSite
    private let plan: DeliveryPlan
    private let conf: SchedulerConf

    /// The routes to a channel and host.
    private struct Use {
        var first: EntryPlace
        var line: Int
        var count: Int
    }

    /// Channels on which nothing is delivered.
    private static let ends = ["error", "hold", "bitbucket"].map { Array($0.utf8) }

    /// - Returns: nil for a site without a scheduler.conf that can be understood.
    init?(_ site: CheckedSite) {
        guard let plan = site.plan, case .scheduler(let conf) = plan.source, !conf.clauses.isEmpty,
            !conf.findings.contains(where: { $0.severity == .error })
        else { return nil }
        (self.site, self.plan, self.conf) = (site, plan, conf)
    }

    /// What is not served, and what serves nothing.
    func findings(_ found: (Finding?) -> Void) {
        let uses = uses()
        unserved(uses, found)
        if site.isComplete(.fqdnroutes, .routesdb) { unreached(uses, found) }
        var told: Set<Finding> = []
        for hop in uses.keys {
            guard !Self.ends.contains(hop.channel), let host = hop.host,
                let finding = plan.missingSecret(channel: hop.channel, host: host), told.insert(finding).inserted
            else { continue }
            found(finding)
        }
    }

    /// Whether mail for users of this host is delivered, or left to whoever reads the clause's findings.
    var servesLocalUsers: Bool { isServed(Array("local".utf8)) }

    /// Whether some clause is for a channel, whatever the host.
    private func isServed(_ channel: [UInt8]) -> Bool {
        conf.clauses(reachedBy: channel, host: nil).contains {
            conf.clauses[$0].parameters.command != nil || conf.clauses[$0].parameters.isQueueOnly
        }
    }

    private func uses() -> [RouteHop: Use] {
        var uses: [RouteHop: Use] = [:]
        for relation in [RelationName.fqdnroutes, .routesdb] {
            for map in site.maps(of: relation) {
                let checked = site.maps[map]
                let bytes = checked.source.bytes
                for index in 0..<checked.count {
                    let entry = checked.source.place(of: index)
                    guard
                        let hop = RouteHop(
                            value: bytes.span.extracting(entry.value), relation: relation,
                            substitutes: checked.substitutes)
                    else { continue }
                    let line = entry.line ?? 0
                    let place = EntryPlace(map: map, entry: index)
                    var use = uses[hop] ?? Use(first: place, line: line, count: 0)
                    use.count += 1
                    if use.first.map == map, line < use.line { (use.first, use.line) = (place, line) }
                    uses[hop] = use
                }
            }
        }
        return uses
    }

    private func unserved(_ uses: [RouteHop: Use], _ found: (Finding?) -> Void) {
        // A channel that no clause is for is said once, whatever the hosts.
        var channels: [[UInt8]: (use: Use, reason: String)] = [:]
        for (hop, use) in uses where !Self.ends.contains(hop.channel) {
            guard isServed(hop.channel) else {
                let reason = "no clause of \(conf.file) with a command fits channel '\(string(hop.channel))'"
                var known = channels[hop.channel] ?? (use, reason)
                if known.use.first != use.first {
                    let isEarlier = (use.first.map, use.line) < (known.use.first.map, known.use.line)
                    known.use = Use(
                        first: isEarlier ? use.first : known.use.first, line: isEarlier ? use.line : known.use.line,
                        count: known.use.count + use.count)
                }
                channels[hop.channel] = known
                continue
            }
            guard let host = hop.host, case .unserved(let reason) = plan.service(channel: hop.channel, host: host)
            else { continue }
            found(finding(use, reason))
        }
        for (use, reason) in channels.values { found(finding(use, reason)) }
    }

    private func finding(_ use: Use, _ reason: String) -> Finding? {
        let others = use.count > 1 ? ", like that of \(counted(use.count - 1, "more entry", "more entries"))" : ""
        return site.finding(
            .unservedRoute, .error, at: use.first,
            "mail for '\(string(site.key(use.first)))'\(others) would stay queued: \(reason); correct the route, or add a clause"
        )
    }

    private func unreached(_ uses: [RouteHop: Use], _ found: (Finding?) -> Void) {
        var reached: Set<Int> = []
        for hop in uses.keys { reached.formUnion(conf.clauses(reachedBy: hop.channel, host: hop.host)) }
        // Strangers' domains leave by smtp, and local users have their channel, whatever the maps have.
        for channel in ["smtp", "local"] + Self.ends.map(string) + ["expired"] {
            reached.formUnion(conf.clauses(reachedBy: Array(channel.utf8), host: nil))
        }
        // What is wrong with a command is said, and its clause may be another program's.
        let faulty = Set(plan.findings.filter { $0.file == conf.file }.compactMap(\.line))
        for (index, clause) in conf.clauses.enumerated() where !reached.contains(index) {
            if let line = clause.parameters.commandLine, faulty.contains(line) { continue }
            let reason: String
            if let only = clause.only, let taker = conf.clauses(reachedBy: only.channel, host: only.host).last,
                taker < index
            {
                reason =
                    "the clause '\(conf.clauses[taker].selector)' in line \(conf.clauses[taker].line) takes its mail before it"
            } else {
                reason = "no route of the maps leads to it"
            }
            found(
                Finding(
                    .unreachedClause, .warning, file: conf.file, line: clause.line,
                    text:
                        "nothing comes to the clause '\(clause.selector)': \(reason); remove it, or correct its selector"
                ))
        }
    }

    /// Mail that is queued and that no clause serves: each channel and host once.
    func queuedMail(_ postOffice: PostOffice, _ found: (Finding?) -> Void) throws(FileError) {
        var waiting: [RouteHop: (message: MessageName, count: Int)] = [:]
        try postOffice.eachWaitingRecipient { recipient in
            guard recipient.state == .routed, !Self.ends.contains(recipient.channel) else { return }
            let hop = RouteHop(channel: recipient.channel, host: recipient.host)
            waiting[hop] = (waiting[hop]?.message ?? recipient.message, (waiting[hop]?.count ?? 0) + 1)
        } failed: { _, _ in
        }
        for (hop, mail) in waiting {
            guard case .unserved(let reason) = plan.service(channel: hop.channel, host: hop.host ?? []) else {
                continue
            }
            found(
                Finding(
                    .unservedMail, .error, file: postOffice.controlPath(of: mail.message),
                    text:
                        "\(counted(mail.count, "recipient waits", "recipients wait")) in the queue without end: \(reason); add a clause,"
                        + " or correct the maps and route the mail anew"))
        }
    }
}

extension Finding.Name {
    /// A clause of scheduler.conf that nothing comes to.
    static let unreachedClause = Finding.Name("unreached-clause")
    /// Mail in the queue that no clause serves.
    static let unservedMail = Finding.Name("unserved-mail")
}
