// One thread with an engine of its own. What it owns can be taken from it while it hangs inside a lookup.

import Maps

/// A batch of addresses at work.
///
/// `@unchecked`: it belongs to the queue, under its lock; then to one worker; then to the queue again, or to whoever
/// abandoned the worker.
@safe
final class Job<Product: Sendable>: @unchecked Sendable {
    /// How far the work is.
    struct Position {
        /// Behind the address that is being resolved.
        var place = AddressBatch.Place()
        /// The address that is being resolved.
        var current = 0..<0
    }

    let number: Int
    let batch: AddressBatch
    let request: Resolver.Request
    /// In memory of their own, which lives as long as this object: they change at every address, and as properties of
    /// the object each change would be checked for another at the same time.
    private let position: UnsafeMutablePointer<Position>
    private let memory: UnsafeMutablePointer<Product>

    init(number: Int, batch: AddressBatch, request: Resolver.Request, product: Product) {
        self.number = number
        self.batch = batch
        self.request = request
        unsafe position = .allocate(capacity: 1)
        unsafe position.initialize(to: Position())
        unsafe memory = .allocate(capacity: 1)
        unsafe memory.initialize(to: product)
    }

    /// The same work at the same point, for somebody else to go on with.
    convenience init(continuing job: Job) {
        self.init(number: job.number, batch: job.batch, request: job.request, product: job.product)
        unsafe position.pointee = job.position.pointee
    }

    deinit {
        unsafe position.deallocate()
        unsafe memory.deinitialize(count: 1)
        unsafe memory.deallocate()
    }

    /// The address that is being resolved.
    var current: Range<Int> { unsafe position.pointee.current }

    /// What became of the addresses before that one.
    var product: Product {
        @inline(__always) get { unsafe memory.pointee }
        @inline(__always) _modify { yield unsafe &memory.pointee }
    }

    /// Goes on to the next address.
    ///
    /// - Returns: its place in the batch; nil at the end.
    @inline(__always)
    func advance() -> Range<Int>? {
        guard let next = unsafe batch.next(after: &position.pointee.place) else { return nil }
        unsafe position.pointee.current = next
        return next
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
        let trace = resolver.trace
        self.trace = trace
        // Read once: where a generic value keeps it has to be found out at run time.
        let report = work.report
        var answer = Answer()
        while let job = next() {
            self.job = job
            let bytes = job.batch.bytes
            while let current = job.advance() {
                let address = bytes.span.extracting(current)
                trace?.clear()
                resolver.resolve(address, job.request, into: &answer)
                // From here on everything of this job would belong to somebody else.
                guard !watch.isAbandoned else { return }
                report(address, answer, trace, &job.product)
            }
            self.job = nil
            finish(job)
        }
    }
}
