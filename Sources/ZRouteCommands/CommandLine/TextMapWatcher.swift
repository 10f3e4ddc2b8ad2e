// Looks at the text maps of a service from time to time, in a thread of its own: loading a large one takes seconds, in which
// nothing else waits.

import Glibc
import Maps
import Routing
import Synchronization
import System

/// Watches text maps as long as it lives.
final class TextMapWatcher: Sendable {
    private let isOver = Mutex(false)

    /// Begins to watch.
    ///
    /// - Parameters:
    ///   - form: how what is found is said.
    ///   - seconds: between two looks.
    static func start(_ watch: TextMapWatch, _ form: LogForm, seconds: UInt32 = 1) -> TextMapWatcher? {
        guard !watch.isEmpty else { return nil }
        let watcher = TextMapWatcher()
        var thread = pthread_t()
        let code = startThread(&thread) { [weak watcher] in
            var watch = watch
            while watcher?.isOver.withLock({ !$0 }) ?? false {
                for failure in watch.look() { DiagnosticLog(form).say(failure) }
                sleep(seconds)
            }
        }
        guard code == 0 else {
            DiagnosticLog(form).say(
                "text maps are not watched: no thread (errno \(code)); faults are said when mail comes", .warning)
            return nil
        }
        pthread_detach(thread)
        return watcher
    }

    /// Ends the watch; a look that goes on ends by itself.
    func stop() { isOver.withLock { $0 = true } }
}
