// Threads that work and end: file work blocks, and must not block the few threads of Swift's own pool.

import Glibc

/// Runs a function in some threads at once, and waits for all of them.
///
/// The calling thread is one of them: where the system gives no more, the work is done all the same.
func runThreads(_ count: Int, _ body: @escaping @Sendable () -> Void) {
    var threads: [pthread_t] = []
    for _ in 1..<max(count, 1) {
        var thread = pthread_t()
        if startThread(&thread, body) == 0 { threads.append(thread) }
    }
    body()
    for thread in threads { pthread_join(thread, nil) }
}

// The exact monotonic clock: what a message took is less than the coarse clock can tell.

/// The monotonic clock, in nanoseconds.
func monotonicNanoseconds() -> UInt64 {
    var time = timespec()
    // Fails only for a clock that does not exist.
    _ = unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(clamping: time.tv_sec) &* 1_000_000_000 &+ UInt64(clamping: time.tv_nsec)
}
