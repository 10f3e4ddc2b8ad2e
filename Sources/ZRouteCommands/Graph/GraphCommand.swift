// `zroute graph`: the configuration as a picture.

import ArgumentParser
import Bytes
import Check
import Configuration
import Delivery
import Glibc
import Routing
import Site
import System

/// Draws a site.
struct GraphCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        subcommand: "graph",
        abstract: "Draw where mail goes: domains, maps, channels, hosts and servers.",
        discussion: """
            All maps are read, and nothing is connected to. The picture goes to standard output.

            A page of HTML has the ways of the addresses given, or of some of each kind, and shows the way of one that is typed \
            into it. 'zroute serve --listen http=127.0.0.1:8025' has the same page at /graph, for every address.

            The exit status is 0, or 75 if some map could not be read; the picture shows which.

            Examples:

              # A picture, drawn by graphviz.
              zroute graph | dot -Tpdf > site.pdf
              # A page that lights up the way of these addresses.
              zroute graph --html bob@example.org news@example.org > site.html
            """)

    /// The forms of the picture.
    enum Format: KeywordOption {
        case dot
        case svg
        case html

        static let choices = [(word: "dot", choice: Format.dot), ("svg", .svg), ("html", .html)]
    }

    @OptionGroup var site: SiteOptions

    @Option(help: "The form of the output: dot, svg or html; dot unless said.")
    var format: Format?

    @Flag(name: .customLong("html"), help: "The same as --format html.")
    var isHTML = false

    @Argument(help: ArgumentHelp("Addresses whose ways a page of HTML has.", valueName: "address"))
    var addresses: [String] = []

    func validate() throws {
        if isHTML, let format, format != .html {
            throw ValidationError("--html and --format exclude each other; take one.")
        }
        guard addresses.isEmpty || isPage else {
            throw ValidationError("Addresses have a place in --format html alone.")
        }
    }

    private var isPage: Bool { isHTML || format == .html }

    func run() throws {
        let site: LoggedSite
        do {
            site = try LoggedSite(options: self.site)
        } catch {
            DiagnosticLog(self.site.log.form).say(error)
            throw ExitCode(unusableConfiguration: error)
        }
        // Live maps are read inside their environment, which a process that dies there breaks for all others.
        let signals = TerminationSignals()
        defer { signals.release() }
        let files = self.site.files
        let graph = SiteGraph(site.base, plan: files.read().plan, report: SiteCheck(files).run())
        let log = DiagnosticLog(site.logForm)
        for failure in graph.failures { log.say(failure) }
        var output = OutputStream(descriptor: STDOUT_FILENO, signals: signals)
        if isPage {
            output.write(GraphPage(graph, answers: answers(graph.samples, site)).html)
        } else {
            output.write(format == .svg ? graph.svg : graph.dot)
        }
        guard output.finish(log) else { throw ExitCode.inputOutput }
        guard graph.failures.isEmpty else { throw ExitCode.tryAgain }
    }

    /// What route-test answers for the addresses of the page.
    private func answers(_ samples: [[UInt8]], _ site: LoggedSite) -> [[UInt8]] {
        let texts = site.makeTextLoader()
        let report = JSONReport(site: site.base)
        let work = ResolverPool<RouteTestAnswers>.Work(
            makeResolver: { site.base.makeResolver(texts: texts, watch: $0, trace: Trace()) },
            emptyProduct: { RouteTestAnswers(toBytes: $0.bytes.count) },
            report: { $3.add($0, $1, $2, report) })
        var pool = ResolverPool(workers: 1, health: site.base.makeHealth(), work: work)
        var found: [[UInt8]] = []
        for address in addresses.isEmpty ? samples : addresses.map({ Array($0.utf8) }) {
            pool.submit(AddressBatch([address]))
            if let product = pool.next() { found.append(product.output[0..<product.output.end]) }
        }
        pool.close()
        return found
    }
}
