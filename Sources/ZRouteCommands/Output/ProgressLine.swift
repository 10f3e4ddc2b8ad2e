// How far long work has come, on one line of a terminal that is overwritten and at last removed. Where standard error
// is no terminal nothing is shown. It uses neither colours nor escape sequences, so NO_COLOR has nothing to change.

import Glibc
import System

/// A counter on a terminal.
final class ProgressLine {
    private let title: String
    private let unit: String
    private let isShown: Bool
    private var width = 0
    private var next = MonotonicTime(nanoseconds: 0)

    /// Nothing is shown in the first moments: short work needs no counter.
    private static let interval: UInt64 = 200_000_000

    /// A counter.
    ///
    /// - Parameter unit: what is counted, in the plural.
    init(title: String, unit: String = "entries", isForced: Bool = false) {
        self.title = title
        self.unit = unit
        isShown = isForced || isatty(STDERR_FILENO) == 1
        next = MonotonicTime.coarse().advanced(by: Self.interval)
    }

    /// Shows how many are done.
    func show(_ count: Int) {
        guard isShown else { return }
        let now = MonotonicTime.coarse()
        guard now >= next else { return }
        next = now.advanced(by: Self.interval)
        let text = "\(title): \(count) \(unit)"
        write("\r" + text + String(repeating: " ", count: max(width - text.utf8.count, 0)))
        width = text.utf8.count
    }

    /// Removes the line.
    func clear() {
        guard width > 0 else { return }
        write("\r" + String(repeating: " ", count: width) + "\r")
        width = 0
    }

    private func write(_ text: String) {
        var output = OutputStream(descriptor: STDERR_FILENO)
        output.write(text)
        output.flush()
    }
}
