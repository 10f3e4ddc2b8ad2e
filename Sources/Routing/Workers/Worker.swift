// One thread with an engine of its own. What it owns can be taken from it while it hangs inside a lookup.

import Maps

/// A batch of addresses at work.
///
/// `@unchecked`: it belongs to the queue, under its lock; then to one worker; then to the queue again, or to whoever
/// abandoned the worker.
final class Job<Product: Sendable>: @unchecked Sendable {
    let number: Int
    let batch: AddressBatch
    let request: Resolver.Request
    /// Behind the address that is being resolved.
    var place = AddressBatch.Place()
    /// The address that is being resolved.
    var current = 0..<0
    /// What became of the addresses before that one.
    var product: Product

    init(number: Int, batch: AddressBatch, request: Resolver.Request, product: Product) {
        self.number = number
        self.batch = batch
        self.request = request
        self.product = product
    }

    /// The same work at the same point, for somebody else to go on with.
    init(continuing job: Job) {
        number = job.number
        batch = job.batch
        request = job.request
        place = job.place
        current = job.current
        product = job.product
    }

    /// Goes on to the next address.
    func advance() -> Bool {
        guard let next = batch.next(after: &place) else { return false }
        current = next
        return true
    }
}

/// A thread of a pool.
///
/// `@unchecked`: job and trace belong to the thread. Only whoever abandoned it while it hangs reads them, and only as
/// long as `CallWatch.abandon` lasts.
final class Worker<Product: Sendable>: @unchecked Sendable {
    let watch: CallWatch
    private(set) var job: Job<Product>?
    private(set) var trace: Trace?

    init(health: ResourceHealth) {
        watch = CallWatch(health: health)
    }

    /// Takes one job after another until there is none left; ends early, and silently, when it was abandoned.
    ///
    /// Its maps are closed before this returns, also under the supervisor's eyes. Those of an abandoned worker are not:
    /// closing them could hang as well, so they are leaked.
    func run(_ work: ResolverPool<Product>.Work, next: () -> Job<Product>?, finish: (Job<Product>) -> Void) {
        var resolver = work.makeResolver(watch)
        trace = resolver.trace
        while let job = next() {
            self.job = job
            let bytes = job.batch.bytes
            while job.advance() {
                let address = bytes.span.extracting(job.current)
                trace?.clear()
                let resolution = resolver.resolve(address, job.request)
                // From here on everything of this job would belong to somebody else.
                guard !watch.isAbandoned else { return }
                work.report(address, resolution, trace, &job.product)
            }
            self.job = nil
            finish(job)
        }
    }
}
