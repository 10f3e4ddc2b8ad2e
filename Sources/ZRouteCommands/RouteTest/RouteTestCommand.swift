// `zroute route-test`: where does an address go, and why.

import ArgumentParser
import Bytes
import Glibc
import Routing
import Site
import System

/// Prints the routes of addresses.
struct RouteTestCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        subcommand: "route-test",
        abstract: "Show where addresses go.",
        discussion: """
            Each address is resolved as mail to it would be, and nothing is sent. With '-', or with no address at all, \
            addresses are read from standard input, one a line.

            The exit status is 0 if every address has a route, 67 if one has none for good, and 75 if a map could not \
            be asked for one.

            Examples:

              # Where does mail to bob go, and which entry says so?
              zroute route-test bob@example.org
              zroute route-test --trace bob+lists@example.org
              # A table of many addresses, to be compared or kept as tests.
              zroute route-test --format tsv - < addresses > routes.test
              # What becomes of the address while a map cannot be read?
              zroute route-test --fail-map fqdnroutes bob@example.org
            """)

    /// The forms of output.
    enum Format: KeywordOption {
        case text
        case tsv
        case json

        static let choices = [(word: "text", choice: Format.text), ("tsv", .tsv), ("json", .json)]
    }

    /// The roles an address can be asked about in.
    enum Role: KeywordOption {
        case recipient
        case sender

        static let choices = [(word: "recipient", choice: Role.recipient), ("sender", .sender)]
    }

    @OptionGroup var site: SiteOptions

    @Option(help: "The form of the output: text, tsv or json.")
    var format = Format.text

    @Flag(help: "Show every step and every lookup.")
    var trace = false

    @Option(name: .customLong("as"), help: "What the address is: recipient or sender.")
    var role = Role.recipient

    @Flag(name: .customLong("errormsg"), help: "Resolve as for an error message, which has default routes of its own.")
    var isErrorMessage = false

    @Option(help: ArgumentHelp("Use this many threads for addresses from standard input.", valueName: "n"))
    var jobs: Int?

    @Argument(help: ArgumentHelp("Addresses; '-' for standard input.", valueName: "address"))
    var addresses: [String] = []

    func validate() throws {
        guard jobs.map((1...256).contains) ?? true else { throw ValidationError("--jobs must be from 1 to 256.") }
        guard !trace || format != .tsv else {
            throw ValidationError("--trace has no place in --format tsv; take text or json.")
        }
    }

    func run() throws {
        let site: LoggedSite
        do {
            site = try LoggedSite(options: self.site)
        } catch {
            DiagnosticLog(self.site.log.form).say(error)
            throw ExitCode(unusableConfiguration: error)
        }
        site.warn()
        // A reader that goes away ends the output, not the process: that may be inside an environment, whose locks would
        // stay behind.
        signal(SIGPIPE, SIG_IGN)
        let signals = TerminationSignals()
        let test = RouteTest(
            ResolverPool(workers: workers, health: site.base.makeHealth(), work: work(site)), request: request,
            log: site.logForm, signals: signals)
        let status = test.run(addresses.isEmpty ? ["-"] : addresses)
        signals.release()
        guard status == .ok else { throw status }
    }

    /// More threads than this only wait for each other.
    private static let mostWorkers = 8

    private var workers: Int {
        // A trace is for reading, not for speed.
        trace ? 1 : jobs ?? min(onlineProcessors(), Self.mostWorkers)
    }

    private var request: Resolver.Request {
        var request = Resolver.Request()
        request.role = role == .sender ? .sender : .recipient
        request.isErrorMessage = isErrorMessage
        return request
    }

    private func work(_ site: LoggedSite) -> ResolverPool<RouteTestAnswers>.Work {
        // By their own types, so that no address has to find out what the report is.
        switch format {
        case .text: work(site, TextReport(sources: TraceSources(site.base)))
        case .tsv: work(site, TSVReport())
        case .json: work(site, JSONReport(site: site.base))
        }
    }

    private func work(_ site: LoggedSite, _ report: some ResolutionReport) -> ResolverPool<RouteTestAnswers>.Work {
        let isTraced = trace
        let texts = site.makeTextLoader()
        return ResolverPool.Work(
            makeResolver: { site.base.makeResolver(texts: texts, watch: $0, trace: isTraced ? Trace() : nil) },
            emptyProduct: { RouteTestAnswers(toBytes: $0.bytes.count) },
            report: { $3.add($0, $1, $2, report) })
    }
}

// The main thread of route-test: reads, hands to the workers, writes in the order of the input.

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
