// Resolves batches of addresses in several threads, hands the results back in order, and survives lookups that hang.

import Glibc
public import Maps
import Synchronization
import System

/// Worker threads that resolve addresses for one thread, the supervisor.
///
/// The supervisor looks after the workers whenever it waits for results. A worker that hangs in a lookup for longer than
/// the deadline is abandoned: the results it had stand, the address it hangs at is deferred, and another worker goes on
/// with the rest. The hanging thread and its maps are leaked; what it hangs in is not entered again before it is well, so
/// that few threads are lost.
public struct ResolverPool<Product: ~Copyable & Sendable>: ~Copyable {
    /// What workers do, and with what.
    public struct Work: Sendable {
        let makeResolver: @Sendable (CallWatch) -> Resolver
        let emptyProduct: @Sendable (AddressBatch) -> Product
        let report: @Sendable (Span<UInt8>, borrowing Answer, Trace?, inout Product) -> Void

        /// Describes the work.
        ///
        /// - Parameters:
        ///   - makeResolver: makes a worker's engine in its thread; its maps are to show their calls to the watch.
        ///   - emptyProduct: what a batch comes to before its first address.
        ///   - report: adds an address's answer to what its batch comes to.
        public init(
            makeResolver: @escaping @Sendable (CallWatch) -> Resolver,
            emptyProduct: @escaping @Sendable (AddressBatch) -> Product,
            report: @escaping @Sendable (Span<UInt8>, borrowing Answer, Trace?, inout Product) -> Void
        ) {
            self.makeResolver = makeResolver
            self.emptyProduct = emptyProduct
            self.report = report
        }
    }

    private struct State {
        var waiting: [Job<Product>] = []
        var finished: [Int: Job<Product>] = [:]
        var isClosing = false
        /// Workers that ended of themselves.
        var ended: [ObjectIdentifier] = []
    }

    private struct Watched {
        let worker: Worker<Product>
        var supervisor: CallSupervisor
    }

    private let work: Work
    private let health: ResourceHealth
    private let limit: Int
    private let monitor = Monitor(State())
    private var workers: [Watched] = []
    private var oldest = 0
    private var newest = 0
    private var lastLook: MonotonicTime?

    /// Makes a pool; its threads are started when there is work for them.
    ///
    /// - Parameters:
    ///   - workers: the most threads at work, at least 1.
    ///   - health: what all workers of the process know of broken environments.
    public init(workers: Int, health: ResourceHealth, work: Work) {
        limit = max(1, workers)
        self.health = health
        self.work = work
    }

    /// How many batches were submitted and not yet taken back.
    public var inFlight: Int { newest - oldest }

    /// So many batches in flight keep all workers busy; more only cost memory.
    public var capacity: Int { 2 * limit + 1 }

    /// Hands addresses to the workers.
    public mutating func submit(_ batch: AddressBatch, _ request: Resolver.Request = Resolver.Request()) {
        let job = Job(number: newest, batch: batch, request: request, product: work.emptyProduct(batch))
        newest += 1
        monitor.change { $0.waiting.append(job) }
        if workers.count < min(limit, inFlight) { _ = startWorker() }
    }

    /// Waits for the oldest batch, and looks after the workers meanwhile.
    ///
    /// - Parameter shouldStop: is asked while there is nothing to take; the batch stays in flight then.
    /// - Returns: what the batch came to; nil when nothing is in flight, or when the work is to end.
    public mutating func next(unless shouldStop: () -> Bool = { false }) -> Product? {
        guard inFlight > 0 else { return nil }
        while true {
            let job = monitor.wait(atMost: CallSupervisor.interval(deadline: health.deadline)) {
                $0.finished.removeValue(forKey: oldest)
            }
            if let job {
                oldest += 1
                return job.takeProduct()
            }
            if shouldStop() { return nil }
            look()
        }
    }

    /// Ends the workers: each finishes the address it is at; what nobody has begun, or waited for, is dropped.
    ///
    /// The maps are closed when this returns, so that nothing of this process stays behind in an environment.
    public consuming func close() {
        monitor.change { state in
            state.isClosing = true
            state.waiting = []
        }
        for watched in workers { watched.worker.isEnding.store(true, ordering: .relaxed) }
        while !workers.isEmpty {
            let ended = monitor.wait(atMost: CallSupervisor.interval(deadline: health.deadline)) { state in
                let ended = state.ended
                state.ended = []
                return ended.isEmpty ? nil : ended
            }
            if let ended { workers.removeAll { ended.contains(ObjectIdentifier($0.worker)) } }
            look()
        }
    }

    private mutating func startWorker() -> Int32 {
        let worker = Worker<Product>(health: health)
        var thread = pthread_t()
        let code = startThread(&thread) { [work, monitor] in
            worker.run(work) {
                monitor.wait { state -> Job<Product>?? in
                    if state.isClosing { return .some(nil) }
                    return state.waiting.isEmpty ? nil : .some(state.waiting.removeFirst())
                } ?? nil
            } finish: { job in
                monitor.change { $0.finished[job.number] = job }
            }
            guard !worker.watch.isAbandoned else { return }
            monitor.change { $0.ended.append(ObjectIdentifier(worker)) }
        }
        // Nobody joins it: a thread that hangs inside Berkeley DB never ends.
        if code == 0 {
            pthread_detach(thread)
            workers.append(Watched(worker: worker, supervisor: CallSupervisor(worker.watch)))
        }
        return code
    }

    // MARK: Supervision

    /// Looks at every worker, but not more often than makes sense.
    private mutating func look() {
        let now = MonotonicTime.coarse()
        let elapsed = Duration.nanoseconds(now.nanoseconds &- (lastLook ?? now).nanoseconds)
        guard lastLook == nil || elapsed >= CallSupervisor.interval(deadline: health.deadline) / 2 else { return }
        lastLook = now
        for index in workers.indices.reversed() {
            guard let call = workers[index].supervisor.look(after: elapsed) else { continue }
            let worker = workers[index].worker
            guard let rest = worker.watch.abandon(call, { takeOver(from: worker, $0) }) else { continue }
            workers.remove(at: index)
            // At the head of the queue: it is the oldest that waits, or others can do without it for a moment.
            if let rest { monitor.change { $0.waiting.insert(rest, at: 0) } }
        }
        replaceWorkers()
    }

    /// Defers the address that a worker hangs at; the worker stands still.
    ///
    /// - Returns: the work that it leaves; nil if it was only closing its maps.
    private func takeOver(from worker: Worker<Product>, _ error: MapError) -> Job<Product>? {
        guard let job = worker.job else { return nil }
        guard let rest = Job(continuing: job) else { return nil }
        let trace = worker.trace.map(Trace.init(copying:))
        postpone(rest, error, trace)
        return rest
    }

    private func postpone(_ job: Job<Product>, _ error: MapError, _ trace: Trace?) {
        let bytes = job.batch.bytes
        let address = bytes.span.extracting(job.current)
        trace?.record(.failure(.map(error)))
        job.add { work.report(address, Answer(of: address, failed: .map(error)), trace, &$0) }
    }

    private mutating func replaceWorkers() {
        let waiting = monitor.change { $0.isClosing ? 0 : $0.waiting.count }
        guard waiting > 0, workers.count < limit else { return }
        let code = startWorker()
        guard code != 0, workers.isEmpty else { return }
        // Nobody is left, and nobody can be had: what waits is deferred rather than kept waiting.
        let error = MapError(
            table: TableName(relation: "all", backEnd: "worker", file: "-"), code: code,
            text: "no thread can be started; raise the limit of threads or memory (ulimit -u, -v)")
        for job in monitor.change({ state in exchange(&state.waiting, with: []) }) {
            while job.advance() != nil { postpone(job, error, nil) }
            monitor.change { $0.finished[job.number] = job }
        }
    }
}
