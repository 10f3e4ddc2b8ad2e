// `zroute route-test`: where does an address go, and why.

import ArgumentParser
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
        case .text: work(site, TextReport())
        case .tsv: work(site, TSVReport())
        case .json: work(site, JSONReport())
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
