// Threads that nobody joins: one that hangs inside Berkeley DB never ends.

import Glibc

/// Runs a function in a thread of its own.
///
/// - Returns: 0, or the errno that says why there is no thread.
func startThread(_ body: @escaping @Sendable () -> Void) -> Int32 {
    final class Body: Sendable {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    // Owned by the thread, which takes it back out.
    let context = unsafe Unmanaged.passRetained(Body(body))
    var thread = pthread_t()
    let code = unsafe pthread_create(
        &thread, nil,
        { context in
            if let context = unsafe context {
                unsafe Unmanaged<Body>.fromOpaque(context).takeRetainedValue().run()
            }
            return nil
        }, context.toOpaque())
    if code == 0 {
        pthread_detach(thread)
    } else {
        unsafe context.release()
    }
    return code
}
