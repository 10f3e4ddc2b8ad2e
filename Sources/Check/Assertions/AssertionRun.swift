// Asks a site for the addresses of test files, and says which do not go where they are expected, and which entry decided.

import Bytes
package import Configuration
import Glibc
package import Maps
import Routing
package import Site
package import System

/// What checking test files came to.
package struct AssertionCounts: Sendable, Hashable {
    /// How many assertions were checked.
    package internal(set) var checked = 0
    /// How many of them do not hold.
    package internal(set) var failed = 0
    /// How many of these because a map could not be asked.
    package internal(set) var deferred = 0
    /// How many lines are no assertions.
    package internal(set) var mistakes = 0
}

/// A run over test files.
package struct AssertionRun: ~Copyable {
    private let site: Site
    private let report: (Finding) -> Void
    private var pool: ResolverPool<KeptAnswers>
    private var explaining: ResolverPool<ExplainedAnswers>
    private var places: EntryLocations
    /// The assertions of the batches that are in flight, the oldest first.
    private var waiting: [(file: String, assertions: [RoutingAssertion])] = []
    /// What was found so far.
    package private(set) var counts = AssertionCounts()

    /// Prepares a run.
    ///
    /// - Parameters:
    ///   - texts: what reads the site's text maps.
    ///   - workers: the most threads that ask it.
    ///   - surroundings: gives what the site's engines ask besides maps.
    ///   - report: told of each assertion that does not hold, in the order of the files and lines, and of each line that is none.
    package init(
        _ site: Site, texts: TextTableLoader, workers: Int,
        surroundings: @escaping @Sendable () -> Site.Surroundings = { Site.Surroundings() },
        report: @escaping (Finding) -> Void
    ) {
        self.site = site
        self.report = report
        places = EntryLocations(of: site)
        let health = site.makeHealth()
        pool = ResolverPool(
            workers: workers, health: health,
            work: ResolverPool.Work(
                makeResolver: { site.makeResolver(texts: texts, watch: $0, surroundings: surroundings()) },
                emptyProduct: { _ in KeptAnswers() },
                report: { $3.all.append($1.resolution) }))
        explaining = ResolverPool(
            workers: 1, health: health,
            work: ResolverPool.Work(
                makeResolver: {
                    site.makeResolver(texts: texts, watch: $0, trace: Trace(), surroundings: surroundings())
                },
                emptyProduct: { _ in ExplainedAnswers() },
                report: { $3.add($1, $2) }))
    }

    /// Checks the assertions of a file.
    ///
    /// - Parameters:
    ///   - signals: those that are held back; when one comes, the run ends with the lines that are at work.
    /// - Throws: `FileError` when the file cannot be read; what was read before is checked.
    package mutating func check(_ path: String, signals: TerminationSignals? = nil) throws(FileError) {
        let isStandardInput = path == "-"
        let descriptor = isStandardInput ? STDIN_FILENO : unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY)
        guard descriptor >= 0 else { throw FileError(operation: "open", path: path, code: errno) }
        defer { if !isStandardInput { close(descriptor) } }
        var file = AssertionFile(name: isStandardInput ? "standard input" : path)
        var reader = LineBlockReader(descriptor: descriptor, name: file.name, signals: signals)
        while let lines = try next(&reader) {
            let (assertions, mistakes) = file.take(lines)
            if !mistakes.isEmpty {
                // In the order of the lines.
                compare(leaving: 0)
                counts.mistakes += mistakes.count
                for mistake in mistakes { report(mistake) }
            }
            guard !assertions.isEmpty else { continue }
            pool.submit(AddressBatch(assertions.map(\.address)))
            waiting.append((file.name, assertions))
            compare(leaving: pool.capacity - 1)
        }
        compare(leaving: 0)
    }

    private mutating func next(_ reader: inout LineBlockReader) throws(FileError) -> [UInt8]? {
        do throws(FileError) {
            return try reader.next()
        } catch {
            compare(leaving: 0)
            throw error
        }
    }

    /// Ends the workers.
    ///
    /// - Returns: what was found.
    package consuming func finish() -> AssertionCounts {
        let counts = self.counts
        pool.close()
        explaining.close()
        return counts
    }

    /// Compares answers until no more than so many batches are in flight.
    private mutating func compare(leaving limit: Int) {
        while pool.inFlight > limit, let answers = pool.next() {
            let (file, assertions) = waiting.removeFirst()
            counts.checked += assertions.count
            let failed = zip(assertions, answers.all).filter { !$0.holds(for: $1) }
            if !failed.isEmpty { explain(failed, file) }
        }
    }

    private mutating func explain(_ failed: [(assertion: RoutingAssertion, resolution: Resolution)], _ file: String) {
        explaining.submit(AddressBatch(failed.map(\.assertion.address)))
        guard let explained = explaining.next() else { return }
        for (index, (assertion, resolution)) in failed.enumerated() {
            counts.failed += 1
            if resolution.status == .deferred { counts.deferred += 1 }
            let entries = explained.entries.indices.contains(index) ? explained.entries[index] : DecidingEntries()
            report(
                Finding(
                    .failedAssertion, .error, file: file, line: assertion.line,
                    text: text(of: assertion, resolution, decidedBy: entries)))
        }
    }

    // MARK: What is said

    private mutating func text(
        of assertion: RoutingAssertion, _ resolution: Resolution, decidedBy entries: DecidingEntries
    ) -> String {
        let address = String(decoding: assertion.address, as: Unicode.UTF8.self)
        let expected = String(decoding: assertion.written, as: Unicode.UTF8.self)
        var text = "\(address) is expected to go to \(expected), and goes to "
        text += Self.shown(resolution.routes)
        if assertion.holdsInAnotherOrder(for: resolution) { text += ", the same routes in another order" }
        if let failure = resolution.failure { text += " (\(failure))" }
        var decided: [String] = []
        for entry in entries.found.prefix(Self.mostEntries) { decided.append("\(places.place(of: entry))") }
        if entries.found.count > Self.mostEntries {
            decided.append("\(counted(entries.found.count - Self.mostEntries, "more entry", "more entries"))")
        }
        if !decided.isEmpty {
            text += "; decided by " + decided.joined(separator: ", then ")
        } else if resolution.failure == nil {
            text += "; no entry of any map decided it"
        }
        return text + "; mend the entry, or the line where the change is meant"
    }

    /// So many entries are named for one address.
    private static let mostEntries = 8
    /// So many routes are shown.
    private static let mostRoutes = 8

    private static func shown(_ routes: [Route]) -> String {
        var shown = routes.prefix(mostRoutes).map { route in
            [route.channel, route.host, route.user].map { String(decoding: $0, as: Unicode.UTF8.self) }
                .joined(separator: "!")
        }
        if routes.count > mostRoutes { shown.append(counted(routes.count - mostRoutes, "more route", "more routes")) }
        return shown.joined(separator: "; ")
    }
}

/// The answers for a batch of addresses, in their order.
private struct KeptAnswers: ~Copyable, Sendable {
    var all: [Resolution] = []
}
