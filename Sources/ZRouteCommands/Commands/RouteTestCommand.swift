// `zroute route-test`: where does an address go, and why.

import ArgumentParser
import Files
import Glibc
import MailAddress
import Routing

/// Prints the routes of addresses.
struct RouteTestCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "route-test",
        abstract: "Show where addresses go.",
        discussion: """
            Each address is resolved as mail to it would be, and nothing is sent. With '-', or with no address at all, \
            addresses are read from standard input, one a line.

            The exit status is 0 if every address has a route, 67 if one has none for good, and 75 if a map could not \
            be asked for one.
            """)

    /// The forms of output.
    enum Format: String, ExpressibleByArgument, CaseIterable {
        case text
        case tsv
        case json

        var report: any ResolutionReport {
            switch self {
            case .text: TextReport()
            case .tsv: TSVReport()
            case .json: JSONReport()
            }
        }
    }

    /// The roles an address can be asked about in.
    enum Role: String, ExpressibleByArgument, CaseIterable {
        case recipient
        case sender
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

    @Argument(help: ArgumentHelp("Addresses; '-' for standard input.", valueName: "address"))
    var addresses: [String] = []

    func run() throws {
        var log = DiagnosticLog()
        let trace = self.trace ? Trace() : nil
        var resolver: Resolver
        do {
            let site = try Site(options: site)
            resolver = site.makeResolver(texts: site.makeTextLoader { DiagnosticLog().say("\($0)") }, trace: trace)
        } catch {
            log.say("\(error)")
            throw ExitCode.configuration
        }
        var request = Resolver.Request()
        request.role = role == .sender ? .sender : .recipient
        request.isErrorMessage = isErrorMessage

        var output = OutputStream(descriptor: STDOUT_FILENO)
        let report = format.report
        var outcome = Outcome()

        func answer(_ address: Span<UInt8>) {
            trace?.clear()
            let resolution = resolver.resolve(address, request)
            outcome.count(resolution.status)
            if let failure = resolution.failure, resolution.status == .deferred {
                log.sayOnce("\(failure.cause)", "\(failure)")
            }
            for notice in resolution.notices { log.sayOnce(notice, notice) }
            output.write { report.append(address: address, resolution: resolution, trace: trace, to: &$0) }
        }

        for address in addresses.isEmpty ? ["-"] : addresses {
            guard address == "-" else {
                answer(Array(address.utf8).span)
                continue
            }
            var lines = LineReader(descriptor: STDIN_FILENO, name: "standard input")
            do {
                while try lines.next(answer), !output.hasFailed {}
            } catch {
                output.flush()
                log.say("\(error)")
                throw ExitCode.unreadableInput
            }
        }
        output.flush()
        log.summarise()
        guard outcome.status == .ok else { throw outcome.status }
    }
}

/// What the exit status has to say of all addresses together.
private struct Outcome {
    private var failed = false
    private var deferred = false

    mutating func count(_ status: Resolution.Status) {
        switch status {
        case .routed: break
        case .failed: failed = true
        case .deferred: deferred = true
        }
    }

    var status: ExitCode { deferred ? .tryAgain : failed ? .noUser : .ok }
}
