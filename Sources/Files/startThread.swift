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
