// What the connections of one loop share: the connections to stores, the clock, the counts.

import Delivery
import NIOCore
import NIOPosix
package import Routing
import Service
import Spool

/// The part of a front that runs on one loop, and there alone.
final class FrontLoop {
    let sockets: SocketLoop
    let shared: FrontShared
    let pool: RelayPool
    private(set) var plan: DeliveryPlan
    private var connections: [ObjectIdentifier: FrontConnection] = [:]
    private var isTicking = false

    init(_ sockets: SocketLoop, shared: FrontShared, plan: DeliveryPlan, sharers: Int) {
        self.sockets = sockets
        self.shared = shared
        self.plan = plan
        pool = RelayPool(StoreLoop(sockets), limits: shared.settings.stores, sharers: sharers)
    }

    /// Recipients that are named from now on go by another plan.
    func follow(_ plan: DeliveryPlan) {
        self.plan = plan
        for connection in connections.values { connection.follow(plan) }
    }

    func add(_ connection: FrontConnection) {
        connections[ObjectIdentifier(connection)] = connection
        startTicking()
    }

    func remove(_ connection: FrontConnection) { connections[ObjectIdentifier(connection)] = nil }

    /// Asks each client to go, now or after the transaction that it is in.
    func finish() {
        for connection in connections.values { connection.finish() }
    }

    // MARK: Reports

    /// What was said of whom since he was last well.
    private var reported: [String: String] = [:]

    /// Tells an administrator of something, once as long as nothing changes.
    func report(_ text: String, about subject: String) {
        guard reported[subject] != text else { return }
        if reported.count >= Self.reportLimit { reported = [:] }
        reported[subject] = text
        shared.report(text)
    }

    /// There is nothing to say about somebody any more.
    func isWell(_ subject: @autoclosure () -> String) {
        if !reported.isEmpty { reported[subject()] = nil }
    }

    /// So many subjects are remembered.
    private static let reportLimit = 1000

    private func startTicking() {
        guard !isTicking else { return }
        isTicking = true
        sockets.schedule(after: Self.tick) { self.look() }
    }

    private static let tick = TimeAmount.milliseconds(500)

    private func look() {
        let now = NIODeadline.now()
        for connection in connections.values { connection.tick(now) }
        isTicking = false
        if !connections.isEmpty { startTicking() }
    }
}

/// What all loops of a front share.
final class FrontShared: Sendable {
    let settings: FrontSettings
    let postOffice: PostOffice?
    let threads: NIOThreadPool
    let resolve: ResolveRecipient
    let report: @Sendable (String) -> Void
    let counts = FrontCounts()
    let connections = OpenConnections()

    init(
        settings: FrontSettings, postOffice: PostOffice?, threads: NIOThreadPool, resolve: @escaping ResolveRecipient,
        report: @escaping @Sendable (String) -> Void
    ) {
        self.settings = settings
        self.postOffice = postOffice
        self.threads = threads
        self.resolve = resolve
        self.report = report
    }
}

/// Finds out where an address leads.
///
/// The completion is called once, on any thread, within the time that lookups have.
package typealias ResolveRecipient =
    @Sendable (
        _ address: [UInt8], _ request: Routing.Resolver.Request, _ completion: @escaping @Sendable (Resolution) -> Void
    ) -> Void
