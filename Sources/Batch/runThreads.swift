// Threads that work and end: file work blocks, and must not block the few threads of Swift's own pool.

import Files
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
