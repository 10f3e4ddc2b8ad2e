// What delivery from the spool works with.

import Glibc
public import Spool

/// What workers share.
public struct DeliveryEnvironment: Sendable {
    /// The spool.
    public let postOffice: PostOffice
    /// Where recipients go.
    public let plan: DeliveryPlan
    /// The connections.
    public let pool: ConnectionPool
    /// This host's name, for reports.
    public let hostname: [UInt8]
    /// The counts.
    public let metrics: DeliveryMetrics
    /// Is told what happens.
    public let log: @Sendable (DeliveryEvent) -> Void
    /// The present in seconds since 1970.
    public let clock: @Sendable () -> Int

    /// An environment.
    public init(
        postOffice: PostOffice, plan: DeliveryPlan, pool: ConnectionPool, hostname: [UInt8],
        metrics: DeliveryMetrics = DeliveryMetrics(), clock: @escaping @Sendable () -> Int = DeliveryEnvironment.now,
        log: @escaping @Sendable (DeliveryEvent) -> Void
    ) {
        self.postOffice = postOffice
        self.plan = plan
        self.pool = pool
        self.hostname = hostname
        self.metrics = metrics
        self.clock = clock
        self.log = log
    }

    /// The system's time, in seconds since 1970.
    @Sendable public static func now() -> Int { Int(time(nil)) }

    /// The same with another plan, after the configuration was read anew.
    public func with(plan: DeliveryPlan) -> DeliveryEnvironment {
        DeliveryEnvironment(
            postOffice: postOffice, plan: plan, pool: pool, hostname: hostname, metrics: metrics, clock: clock, log: log
        )
    }
}
