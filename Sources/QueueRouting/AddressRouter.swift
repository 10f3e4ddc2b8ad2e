// The seam between a spool's run and the engine: whole lists of addresses at a time, so that the engine may be one in
// the same thread or a pool of supervised ones that hand their results back in order.

package import Maps
package import Routing
import Synchronization
import System

/// Addresses that are resolved under one request: the recipients of one message, or its sender.
package struct AddressQuestion: Sendable {
    /// The addresses, as bytes.
    package let addresses: [[UInt8]]
    /// How they are to be resolved.
    package let request: Resolver.Request

    /// Asks for addresses.
    package init(_ addresses: [[UInt8]], _ request: Resolver.Request) {
        self.addresses = addresses
        self.request = request
    }
}

/// What resolves addresses, for one worker at a time.
package protocol AddressRouter: AnyObject {
    /// Resolves addresses.
    ///
    /// - Returns: for each question, in order, a resolution for each of its addresses, in order.
    func resolve(_ questions: [AddressQuestion]) -> [[Resolution]]
}

/// An engine in the worker's own thread.
package final class ResolverRouter: AddressRouter {
    private var resolver: Resolver

    /// Takes an engine over.
    package init(_ resolver: consuming Resolver) {
        self.resolver = resolver
    }

    /// Resolves addresses one after another.
    package func resolve(_ questions: [AddressQuestion]) -> [[Resolution]] {
        questions.map { question in
            question.addresses.map { resolver.resolve($0.span, question.request) }
        }
    }
}

// The engine behind a deadline: a lookup that hangs defers its address, and the worker that asked goes on.

/// An engine in a thread of its own, which is given up when it hangs.
///
/// The thread ends, and its maps are closed, with the last reference.
package final class SupervisedRouter: AddressRouter {
    /// nil only while this object goes.
    private var pool: ResolverPool<[Resolution]>?

    /// Makes an engine when the first address is asked for.
    ///
    /// - Parameters:
    ///   - health: what all workers of the process know of maps that hang.
    ///   - makeResolver: makes the engine in its thread.
    package init(health: ResourceHealth, makeResolver: @escaping @Sendable (CallWatch) -> Resolver) {
        pool = ResolverPool(
            workers: 1, health: health,
            work: ResolverPool.Work(
                makeResolver: makeResolver, emptyProduct: { _ in [] },
                report: { _, answer, _, all in all.append(answer.resolution) }))
    }

    deinit {
        pool.take()?.close()
    }

    /// Resolves addresses one after another.
    package func resolve(_ questions: [AddressQuestion]) -> [[Resolution]] {
        for question in questions { pool?.submit(AddressBatch(question.addresses), question.request) }
        return questions.map { _ in pool?.next() ?? [] }
    }
}

// The engines of a run, kept from one piece of work to the next: a service routes one message after another, and its maps
// stay open and warm meanwhile.

/// Engines that workers take and give back.
///
/// An engine holds a thread and a descriptor or more for each map. There are as many as have been at work at once, and
/// what has had no work for a minute goes: it would keep the disk space of maps that were replaced since.
final class RouterPool: Sendable {
    /// An engine that nobody uses.
    ///
    /// `@unchecked`: an engine serves one thread at a time. Here it has none, and whoever takes it out has it alone.
    private struct Idle: @unchecked Sendable {
        let router: any AddressRouter
        let since: MonotonicTime
    }

    private let makeRouter: @Sendable () -> any AddressRouter
    /// The last one given back stands last, and is taken first: its maps are the warmest.
    private let idle = Mutex<[Idle]>([])

    /// How long an engine without work is kept, in nanoseconds.
    private static let patience: UInt64 = 60_000_000_000

    init(_ makeRouter: @escaping @Sendable () -> any AddressRouter) {
        self.makeRouter = makeRouter
    }

    /// Works with an engine that nobody else uses meanwhile.
    func withRouter(_ work: (any AddressRouter) -> Void) {
        let router = take()
        work(router)
        giveBack(router)
    }

    /// Takes an engine that nobody else uses; whoever takes it gives it back.
    func take() -> any AddressRouter { idle.withLock { $0.popLast() }?.router ?? makeRouter() }

    func giveBack(_ router: any AddressRouter) {
        let router = Idle(router: router, since: .coarse())
        // Closing waits for a thread: what goes is let go of outside the lock.
        let old = idle.withLock { idle in
            idle.append(router)
            let kept = idle.firstIndex { $0.since.advanced(by: Self.patience) >= router.since } ?? idle.endIndex
            defer { idle.removeFirst(kept) }
            return Array(idle[..<kept])
        }
        _ = consume old
    }

    /// Closes all that nobody uses; more are made when they are wanted.
    func close() {
        let all = idle.withLock { idle in
            defer { idle = [] }
            return idle
        }
        _ = consume all
    }
}
