// Diagnostics for people, on standard error: `zroute: text`. A reason that holds for many addresses is said once and
// counted.

import Glibc

/// Writes diagnostics to standard error.
struct DiagnosticLog: ~Copyable {
    private var counts: [String: Int] = [:]

    /// The number of different reasons that are said; past it they are only counted.
    private static let distinctLimit = 100
    private var unsaid = 0

    /// Says something.
    func say(_ text: String) {
        var output = OutputStream(descriptor: STDERR_FILENO)
        output.write("zroute: \(text)\n")
        output.flush()
    }

    /// Says each reason the first time it occurs.
    mutating func say(_ remarks: Remarks) {
        for remark in remarks.all {
            if let count = counts[remark.reason] {
                counts[remark.reason] = count + remark.count
            } else if counts.count < Self.distinctLimit {
                counts[remark.reason] = remark.count
                say(remark.text)
            } else {
                unsaid += remark.count
            }
        }
        unsaid += remarks.unsaid
    }

    /// Says a reason the first time it occurs.
    ///
    /// - Parameters:
    ///   - reason: what is the same for many.
    ///   - text: the whole message for this one.
    mutating func sayOnce(_ reason: String, _ text: @autoclosure () -> String) {
        var remarks = Remarks()
        remarks.add(reason, text())
        say(remarks)
    }

    /// Says how often each reason occurred beyond the first time.
    func summarise() {
        for (reason, count) in counts.sorted(by: { $0.key < $1.key }) where count > 1 {
            say("\(reason): \(count - 1) more of the same")
        }
        if unsaid > 0 { say("\(unsaid) more of other kinds") }
    }
}
