// Threads of the system: lookups and file work block, and must not block the few threads of Swift's own pool.

public import Glibc

/// Runs a function in a thread of its own.
///
/// - Parameters:
///   - thread: the thread, where there is one: to be joined, or detached.
///   - body: what the thread does.
/// - Returns: 0, or the errno that says why there is no thread.
public func startThread(_ thread: inout pthread_t, _ body: @escaping @Sendable () -> Void) -> Int32 {
    final class Body: Sendable {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    // Owned by the thread, which takes it back out.
    let context = unsafe Unmanaged.passRetained(Body(body))
    let code = unsafe pthread_create(
        &thread, nil,
        { context in
            if let context = unsafe context {
                unsafe Unmanaged<Body>.fromOpaque(context).takeRetainedValue().run()
            }
            return nil
        }, context.toOpaque())
    if code != 0 { unsafe context.release() }
    return code
}

// A lock that can be waited on. The standard library's Mutex has no condition, and Foundation's is not to be linked.

/// A state that threads share, and that they can wait for.
///
/// `@unchecked`: the state is reached only through `withLock`, under the mutex.
@safe
public final class Monitor<State>: @unchecked Sendable {
    // Both stay where they are allocated, as POSIX demands.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var state: State

    /// A state that nobody waits for yet.
    public init(_ state: State) {
        self.state = state
        // None of these can fail on Linux.
        unsafe mutex.initialize(to: pthread_mutex_t())
        unsafe condition.initialize(to: pthread_cond_t())
        unsafe pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        unsafe pthread_condattr_init(&attributes)
        unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        unsafe pthread_cond_init(condition, &attributes)
        unsafe pthread_condattr_destroy(&attributes)
    }

    // Whoever waits holds a reference, so nobody waits any more.
    deinit {
        unsafe pthread_cond_destroy(condition)
        unsafe pthread_mutex_destroy(mutex)
        unsafe condition.deallocate()
        unsafe mutex.deallocate()
    }

    /// Works on the state, and wakes those who wait for it.
    public func change<Answer>(_ body: (inout State) -> Answer) -> Answer {
        unsafe pthread_mutex_lock(mutex)
        defer {
            unsafe pthread_cond_broadcast(condition)
            unsafe pthread_mutex_unlock(mutex)
        }
        return body(&state)
    }

    /// Waits until the state gives something.
    ///
    /// - Parameters:
    ///   - patience: how long to wait; nil for ever.
    ///   - body: takes what is waited for, or answers nil.
    /// - Returns: nil when the time is over.
    public func wait<Answer>(atMost patience: Duration? = nil, _ body: (inout State) -> Answer?) -> Answer? {
        let end = patience.map(Self.time(after:))
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        while true {
            if let answer = body(&state) { return answer }
            guard var end else {
                unsafe pthread_cond_wait(condition, mutex)
                continue
            }
            if unsafe pthread_cond_timedwait(condition, mutex, &end) == ETIMEDOUT { return body(&state) }
        }
    }

    private static func time(after patience: Duration) -> timespec {
        var time = timespec()
        _ = unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        let (seconds, attoseconds) = patience.components
        let nanoseconds = time.tv_nsec + Int(attoseconds / 1_000_000_000)
        return timespec(
            tv_sec: time.tv_sec + Int(seconds) + nanoseconds / 1_000_000_000, tv_nsec: nanoseconds % 1_000_000_000)
    }
}

/// Runs a function in some threads at once, and waits for all of them.
///
/// The calling thread is one of them: where the system gives no more, the work is done all the same.
public func runThreads(_ count: Int, _ body: @escaping @Sendable () -> Void) {
    var threads: [pthread_t] = []
    for _ in 1..<max(count, 1) {
        var thread = pthread_t()
        if startThread(&thread, body) == 0 { threads.append(thread) }
    }
    body()
    for thread in threads { pthread_join(thread, nil) }
}

/// Runs two functions at once, one of them in a thread of its own; one after another where the system gives none.
///
/// - Returns: what each of them answers.
public func runTogether<Other: Sendable, Answer, Failure: Error>(
    _ other: @escaping @Sendable () -> Other, _ body: () throws(Failure) -> Answer
) throws(Failure) -> (other: Other, own: Answer) {
    let answer = Monitor<Other?>(nil)
    var thread = pthread_t()
    guard startThread(&thread, { answer.change { [result = other()] in $0 = result } }) == 0 else {
        return (other(), try body())
    }
    defer { pthread_join(thread, nil) }
    let own = try body()
    guard let other = answer.wait({ $0 }) else { return (other(), own) }
    return (other, own)
}
