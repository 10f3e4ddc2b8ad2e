// What `serve` reads: the site, and what is delivered where.

import Bytes
import Configuration
import Delivery
import Maps
import Serve
import Service
import Site
import System

/// A site as it is served, until its configuration is read anew.
struct ServedConfiguration: Sendable {
    let site: LoggedSite
    /// Where mail goes; nil where nobody said, and nothing needs it.
    let plan: DeliveryPlan?
    private let transportTo: String?
    private let graph: ServedGraph

    /// Reads everything.
    ///
    /// - Throws: `ConfigurationError`.
    init(_ command: ServeCommand, log form: LogForm) throws {
        site = try LoggedSite(options: command.site, log: form, countingIn: command.usage.counts)
        transportTo = command.transportTo.map(Self.postfixName)
        plan = try Self.plan(command, site, form)
        graph = ServedGraph(site.base, plan: plan, files: command.site.files)
    }

    /// A server as Postfix names it: `unix:/path`, or `inet:host:port`.
    private static func postfixName(_ endpoint: String) -> String {
        endpoint.lowercased().hasPrefix("unix:") ? "unix:" + endpoint.dropFirst(5) : "inet:" + endpoint
    }

    /// Who only looks addresses up needs no scheduler.conf.
    private static func plan(_ command: ServeCommand, _ site: LoggedSite, _ form: LogForm) throws -> DeliveryPlan? {
        let isNamed = command.transport.lmtp != nil || command.site.scheduler != nil
        let isThere = site.settings.mailShare.map { (try? FileIdentity(path: "\($0)/scheduler.conf")) != nil } ?? false
        guard isNamed || isThere || command.takesMail || command.deliver else { return nil }
        return try command.transport.plan(command.site, settings: site.settings, log: form)
    }

    /// What is wrong where no plan was read anew and one is needed.
    var withoutPlan: ConfigurationError {
        site.settings.missing("MAILSHARE", "scheduler.conf, which names the servers, is not there any more")
    }

    /// The names of the maps that are answered to.
    var maps: ServedMaps { ServedMaps(relations: site.databases.relations) }

    /// What workers answer by.
    func service() -> LookupService {
        let served = ServedSite(site.base, plan: plan, transportTo: transportTo)
        let texts = site.makeTextLoader()
        let report = JSONReport(site: site.base)
        let health = ResourceHealth(
            deadline: min(.seconds(site.settings.lookupTimeout), LookupServerLimits.longestLookup))
        return LookupService(
            maps: served.maps, health: health,
            makeMemoryResolver: { MemoryResolver(served, texts: texts) }, copies: { texts.contents.copies }
        ) { [graph] watch in
            ServedEngine(
                served, texts: texts, watch: watch,
                writeRoutes: { address, answer, trace in
                    var output = TextArena(capacity: 1 << 10)
                    report.append(address: address, answer: answer, trace: trace, to: &output)
                    return output[0..<output.end]
                },
                showGraph: graph.show)
        }
    }

    /// What is in effect, for the log.
    func effect(_ listeners: [ListenOption]) -> ServiceEffect {
        var effect = ServiceEffect("serve")
        effect.add("config", site.settings.file)
        effect.add("dbases", site.databases.file)
        effect.add("listeners", listeners.map { "\($0.name)=\($0.endpoint)" })
        effect.add("maps", site.databases.definitions.map { "\($0.tableName)" })
        if let plan { effect.add("servers", plan.servers) }
        return effect
    }
}
