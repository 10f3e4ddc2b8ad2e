// The main thread of route-test: reads, hands to the workers, writes in the order of the input.

import ArgumentParser
import Bytes
import Glibc
import Routing
import System

/// A run of route-test.
struct RouteTest: ~Copyable {
    private var pool: ResolverPool<RouteTestAnswers>
    private let request: Resolver.Request
    private let signals: TerminationSignals
    private var output: OutputStream
    private var log: DiagnosticLog
    private var outcome = Outcome()
    private var count = 0
    /// Nothing where the answers themselves are seen.
    private let progress = isatty(STDOUT_FILENO) == 1 ? nil : ProgressLine(title: "route-test", unit: "addresses")

    /// Prepares a run.
    ///
    /// - Parameters:
    ///   - log: the form of what is said to people.
    ///   - signals: those that are held back: when one comes, the run ends with the addresses that are at work.
    init(
        _ pool: consuming ResolverPool<RouteTestAnswers>, request: Resolver.Request, log: LogForm,
        signals: TerminationSignals
    ) {
        self.pool = pool
        self.request = request
        self.signals = signals
        output = OutputStream(descriptor: STDOUT_FILENO, signals: signals)
        self.log = DiagnosticLog(log, signals: signals)
    }

    /// Answers addresses, `-` standing for the lines of standard input.
    ///
    /// - Returns: the exit status.
    consuming func run(_ addresses: [String]) -> ExitCode {
        do {
            for address in addresses where !signals.isPending {
                if address == "-" {
                    try answerLines(of: STDIN_FILENO, name: "standard input")
                } else {
                    answer(Array(address.utf8))
                }
            }
        } catch {
            return finish(after: error)
        }
        return finish()
    }

    /// Answers one address.
    private mutating func answer(_ address: [UInt8]) {
        pool.submit(AddressBatch([address]), request)
        write(leaving: 0)
    }

    /// Answers the lines of a descriptor, each as soon as it can be read.
    ///
    /// - Throws: `FileError` when reading fails; what was read before is answered.
    private mutating func answerLines(of descriptor: Int32, name: String) throws(FileError) {
        var reader = LineBlockReader(descriptor: descriptor, name: name, signals: signals)
        while !output.hasFailed {
            // Whoever sends one line and waits for its answer before the next gets it now.
            if !reader.isReady { write(leaving: 0) }
            guard let lines = try reader.next() else { break }
            pool.submit(AddressBatch(lines: lines), request)
            write(leaving: pool.capacity - 1)
        }
        write(leaving: 0)
    }

    /// Writes answers until no more than so many batches are in flight.
    private mutating func write(leaving limit: Int) {
        while pool.inFlight > limit, !output.hasFailed, let answers = pool.next(unless: { signals.isPending }) {
            outcome.add(answers.outcome)
            count += answers.count
            if !answers.remarks.all.isEmpty { progress?.clear() }
            log.say(answers.remarks)
            progress?.show(count)
            output.write(answers.output)
        }
        if limit == 0 { output.flush() }
    }

    /// Writes what is left, says what people should know, and ends the workers.
    ///
    /// - Parameter failure: why the input could not be read to its end.
    /// - Returns: the exit status.
    private consuming func finish(after failure: FileError? = nil) -> ExitCode {
        write(leaving: 0)
        progress?.clear()
        log.summarise()
        if let failure { log.say(failure) }
        pool.close()
        // A reader that goes away has what it wanted.
        if let code = output.failure, code != EPIPE {
            if !signals.isPending { log.say(FileError(operation: "write", path: "standard output", code: code)) }
            return .inputOutput
        }
        return failure == nil ? outcome.status : .unreadableInput
    }
}

// What a batch of addresses comes to in route-test: put together by workers, written by the main thread.

/// The answers for a batch of addresses.
struct RouteTestAnswers: ~Copyable, Sendable {
    /// What goes to standard output.
    private(set) var output: TextArena
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
        output = TextArena(capacity: 3 * count)
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
