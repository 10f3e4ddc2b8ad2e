// Threads that work and end: file work blocks, and must not block the few threads of Swift's own pool.

import Glibc

/// Runs a function in some threads at once, and waits for all of them.
///
/// The calling thread is one of them: where the system gives no more, the work is done all the same.
func runThreads(_ count: Int, _ body: @escaping @Sendable () -> Void) {
    final class Body: Sendable {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    var threads: [pthread_t] = []
    for _ in 1..<max(count, 1) {
        var thread = pthread_t()
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
        if code == 0 {
            threads.append(thread)
        } else {
            unsafe context.release()
        }
    }
    body()
    for thread in threads { pthread_join(thread, nil) }
}
