// What a batch of addresses comes to in route-test: put together by workers, written by the main thread.

import ArgumentParser
import MailAddress
import Routing

/// The answers for a batch of addresses.
struct RouteTestAnswers: ~Copyable, Sendable {
    /// What goes to standard output.
    private(set) var output: ByteBlock
    /// What people should know.
    private(set) var remarks = Remarks()
    /// What the exit status has to say.
    private(set) var outcome = Outcome()
    /// How many addresses were answered.
    private(set) var count = 0

    /// No answers yet.
    ///
    /// - Parameter count: the bytes of all addresses, of which answers have some three times as many.
    init(toBytes count: Int) {
        output = ByteBlock(capacity: 3 * count)
    }

    /// Adds the answer for one address.
    @inline(__always)
    mutating func add(
        _ address: Span<UInt8>, _ answer: borrowing Answer, _ trace: Trace?, _ report: some ResolutionReport
    ) {
        let status = answer.status
        count &+= 1
        outcome.count(status)
        if status == .deferred, let failure = answer.failure { remarks.add(failure.cause, "\(failure)") }
        for notice in answer.notices { remarks.add(notice, notice) }
        report.append(address: address, answer: answer, trace: trace, to: &output)
    }
}

/// What the exit status has to say of all addresses together.
struct Outcome: Sendable {
    private var failed = false
    private var deferred = false

    mutating func count(_ status: Resolution.Status) {
        switch status {
        case .routed: break
        case .failed: failed = true
        case .deferred: deferred = true
        }
    }

    mutating func add(_ other: Outcome) {
        failed = failed || other.failed
        deferred = deferred || other.deferred
    }

    var status: ExitCode { deferred ? .tryAgain : failed ? .noUser : .ok }
}
