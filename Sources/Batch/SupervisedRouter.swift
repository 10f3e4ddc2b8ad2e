// The engine behind a deadline: a lookup that hangs defers its address, and the worker that asked goes on.

public import Maps
public import Routing

/// An engine in a thread of its own, which is given up when it hangs.
///
/// The thread ends, and its maps are closed, with the last reference.
public final class SupervisedRouter: AddressRouter {
    /// nil only while this object goes.
    private var pool: ResolverPool<[Resolution]>?

    /// Makes an engine when the first address is asked for.
    ///
    /// - Parameters:
    ///   - health: what all workers of the process know of maps that hang.
    ///   - makeResolver: makes the engine in its thread.
    public init(health: ResourceHealth, makeResolver: @escaping @Sendable (CallWatch) -> Resolver) {
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
    public func resolve(_ questions: [AddressQuestion]) -> [[Resolution]] {
        for question in questions { pool?.submit(AddressBatch(question.addresses), question.request) }
        return questions.map { _ in pool?.next() ?? [] }
    }
}
