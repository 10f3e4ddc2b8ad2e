// One thread with an engine of its own. What it owns can be taken from it while it hangs inside a lookup.

import Glibc
import Maps
import Synchronization
import System

/// A batch of addresses at work.
///
/// `@unchecked`: it belongs to the queue, under its lock; then to one worker; then to the queue again, or to whoever
/// abandoned the worker.
@safe
final class Job<Product: ~Copyable & Sendable>: @unchecked Sendable {
    /// How far the work is.
    struct Position {
        /// Behind the address that is being resolved.
        var next = AddressBatch.Position()
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
    private var hasProduct = true

    init(number: Int, batch: AddressBatch, request: Resolver.Request, product: consuming Product) {
        self.number = number
        self.batch = batch
        self.request = request
        unsafe position = .allocate(capacity: 1)
        unsafe position.initialize(to: Position())
        unsafe memory = .allocate(capacity: 1)
        unsafe memory.initialize(to: product)
    }

    /// The same work at the same point, for somebody else to go on with; the other job loses its product.
    convenience init?(continuing job: Job) {
        guard let product = job.takeProduct() else { return nil }
        self.init(number: job.number, batch: job.batch, request: job.request, product: product)
        unsafe position.pointee = job.position.pointee
    }

    deinit {
        unsafe position.deallocate()
        if hasProduct { unsafe memory.deinitialize(count: 1) }
        unsafe memory.deallocate()
    }

    /// The address that is being resolved.
    var current: Range<Int> { unsafe position.pointee.current }

    /// Adds to what became of the addresses before that one; of no effect once that was taken.
    @inline(__always)
    func add(_ add: (inout Product) -> Void) {
        if hasProduct { unsafe add(&memory.pointee) }
    }

    /// Takes out what became of the addresses.
    ///
    /// - Returns: nil if it was taken before.
    func takeProduct() -> Product? {
        guard hasProduct else { return nil }
        hasProduct = false
        return unsafe memory.move()
    }

    /// Goes on to the next address.
    ///
    /// - Returns: its range in the batch; nil at the end.
    @inline(__always)
    func advance() -> Range<Int>? {
        guard let next = unsafe batch.next(after: &position.pointee.next) else { return nil }
        unsafe position.pointee.current = next
        return next
    }
}

/// A thread of a pool.
///
/// `@unchecked`: job and trace belong to the thread. Only whoever abandoned it while it hangs reads them, and only as
/// long as `CallWatch.abandon` lasts.
final class Worker<Product: ~Copyable & Sendable>: @unchecked Sendable {
    let watch: CallWatch
    private(set) var job: Job<Product>?
    private(set) var trace: Trace?
    /// Whether the address at work is to be the last one.
    let isEnding = Atomic(false)

    private static var addressesBetweenClocks: Int { 16 }

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
            var now = MonotonicTime.coarse()
            var count = 0
            while !isEnding.load(ordering: .relaxed), let current = job.advance() {
                let address = bytes.span.extracting(current)
                trace?.clear()
                // Asking for the time at each address would cost as much as a lookup. What was expanded took its time.
                count &+= 1
                if count % Self.addressesBetweenClocks == 0 || !answer.ancestry.isEmpty { now = .coarse() }
                resolver.resolve(address, job.request, into: &answer, now: now)
                // From here on everything of this job would belong to somebody else.
                guard !watch.isAbandoned else { return }
                job.add { report(address, answer, trace, &$0) }
            }
            self.job = nil
            finish(job)
        }
    }
}

// Addresses on their way to a worker: one block of memory, whether they came as lines of a file or one by one.

/// Addresses that one worker resolves one after another.
public struct AddressBatch: Sendable {
    /// How the bytes fall into addresses.
    private enum Division: Sendable {
        /// Each ends with a line end (LF or CRLF); the last may lack it.
        case lines
        /// Each ends where the list says.
        case ends([Int])
    }

    /// The bytes that the addresses' ranges count in.
    public let bytes: [UInt8]
    private let division: Division

    /// Addresses that stand one a line.
    public init(lines: [UInt8]) {
        bytes = lines
        division = .lines
    }

    /// Addresses of any bytes.
    public init(_ addresses: [[UInt8]]) {
        var bytes: [UInt8] = []
        var ends: [Int] = []
        for address in addresses {
            bytes.append(contentsOf: address)
            ends.append(bytes.count)
        }
        self.bytes = bytes
        division = .ends(ends)
    }

    /// Addresses that stand one after another, each ending at an offset of the list.
    public init(bytes: [UInt8], ends: [Int]) {
        self.bytes = bytes
        division = .ends(ends)
    }

    /// A position between two addresses.
    struct Position: Sendable {
        fileprivate var offset = 0
        fileprivate var index = 0
    }

    /// The range of the address after a position, which moves behind it; nil at the end.
    @inline(__always)
    func next(after position: inout Position) -> Range<Int>? {
        let start = position.offset
        switch division {
        case .lines:
            guard start < bytes.count else { return nil }
            let newline = newline(from: start)
            var end = newline ?? bytes.count
            position.offset = end + (newline == nil ? 0 : 1)
            if newline != nil, end > start, bytes[end - 1] == 0x0D { end -= 1 }
            return start..<end
        case .ends(let ends):
            guard ends.indices.contains(position.index) else { return nil }
            position.offset = ends[position.index]
            position.index += 1
            return start..<position.offset
        }
    }

    @inline(__always)
    private func newline(from start: Int) -> Int? {
        unsafe bytes.withUnsafeBytes { bytes in
            // start < count, so the search stays inside.
            guard let base = bytes.baseAddress, let found = unsafe memchr(base + start, 0x0A, bytes.count - start)
            else {
                return nil
            }
            return unsafe UnsafeRawPointer(found) - base
        }
    }
}
