// How far route-queue is: one line on a terminal that rewrites itself, and nothing anywhere else.

import Files
import Glibc

/// The progress of a run.
struct RouteQueueProgress {
    /// The number of messages that there are; nothing is shown until it is known.
    var total = 0
    private var done = 0
    private var shown: MonotonicTime?
    /// Log lines on the same terminal tell as much, and would be torn apart.
    private let isShown = isatty(STDERR_FILENO) == 1 && isatty(STDOUT_FILENO) != 1

    /// Counts messages, and shows the count not more often than can be read.
    mutating func advance(by count: Int) {
        guard isShown, total > 0 else { return }
        done += count
        let now = MonotonicTime.coarse()
        if let shown, now < shown.advanced(by: 200_000_000) { return }
        shown = now
        write("\rrouted \(done) of \(total) messages")
    }

    /// Ends the line.
    func finish() {
        if shown != nil { write("\rrouted \(done) of \(total) messages\n") }
    }

    private func write(_ text: String) {
        var output = OutputStream(descriptor: STDERR_FILENO)
        output.write(text)
        output.flush()
    }
}
