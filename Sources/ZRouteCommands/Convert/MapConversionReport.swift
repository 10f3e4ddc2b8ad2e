// What is said about maps that were converted, and about those that were not.

import ArgumentParser
import BerkeleyDB
import Check
import Configuration
import Glibc
import Maps
import Site
import System

/// What one run of `convert maps` says.
struct MapConversionReport {
    private let plan: ConversionPlan
    private let form: LogForm

    init(_ plan: ConversionPlan, _ form: LogForm) {
        self.plan = plan
        self.form = form
    }

    private var log: DiagnosticLog { DiagnosticLog(form) }

    /// Says which maps stay as they are.
    func sayUnconverted() {
        for map in plan.unconverted {
            let definition = map.definition
            log.say(
                Diagnosis(
                    "\(definition.file):\(definition.line): \(definition.relation) stays \(definition.type.name): \(map.reason)",
                    .notice, file: definition.file, line: definition.line))
        }
    }

    /// Prints what was done.
    ///
    /// - Parameter kept: where the old dbases.conf is; nil where nothing was changed.
    /// - Throws: the exit status where it cannot be printed.
    func finish(_ copies: [CopiedMap], asked: Int, keptConfiguration kept: String?) throws {
        var output = OutputStream(descriptor: STDOUT_FILENO)
        for copy in copies {
            let (old, new) = (copy.conversion.old, copy.conversion.new)
            output.write("\(old.relation)\t\(copy.entries)\t\(old.tablePath ?? "-")\t\(new.tablePath ?? "-")\n")
        }
        guard output.finish(log) else { throw ExitCode.inputOutput }
        sayUnconverted()
        for copy in copies { say(copy) }
        log.say(
            "\(counted(asked, "address was", "addresses were")) asked for before and after; every route is the same",
            .notice)
        guard let kept else {
            return log.say("nothing was changed: this was a trial", .notice)
        }
        log.say("\(plan.site.databases.file) is replaced; as it was it is kept as \(kept)", .notice)
        log.say("services read the old maps until they are reloaded or restarted", .warning)
        sayWhatNeedsBerkeleyDB()
    }

    private func say(_ copy: CopiedMap) {
        let old = copy.conversion.old
        if copy.neverFound > 0 {
            log.say(
                "\(old.tableName): \(counted(copy.neverFound, "key", "keys")) without the NUL by which lookups find them were"
                    + " left out", .warning)
        }
        if copy.carriedOver > 0 {
            log.say(
                "\(old.tableName): \(counted(copy.carriedOver, "entry that was changed meanwhile was", "entries that were changed meanwhile were"))"
                    + " carried over", .notice)
        }
        if let source = copy.conversion.writtenSource {
            log.say(
                "\(old.relation): was live, and a map of type \(plan.type.name) cannot be changed in place: its entries stand in"
                    + " \(source) now; whatever changed the map must write there"
                    + (plan.type.compiledExtension == nil ? "" : ", and run newdb"), .warning)
        } else if copy.conversion.isLive {
            log.say(
                "\(old.relation): programs that open \(old.tablePath ?? "-") themselves must open \(copy.conversion.new.tablePath ?? "-")"
                    + " from now on", .warning)
        }
    }

    /// Says what was carried over afterwards.
    func sayLate(_ carried: Int, _ conflicts: [EntryLocation]) {
        if carried > 0 {
            log.say(
                "\(counted(carried, "change", "changes")) that a program has still made in an old map \(carried == 1 ? "was" : "were")"
                    + " carried over; what it writes there from now on is lost", .warning)
        }
        for conflict in conflicts.prefix(20) {
            log.say("\(conflict): was changed in the old map and in the new one; the new one stands", .warning)
        }
    }

    /// Says which lines need Berkeley DB still, or that none does.
    private func sayWhatNeedsBerkeleyDB() {
        let conversions = plan.conversions
        let lines = plan.site.databases.definitions
            .map { definition in conversions.first { $0.old == definition }?.new ?? definition }
            .filter { $0.type == .btree || $0.type == .bhash }
        guard conversions.contains(where: { $0.old.type == .btree || $0.old.type == .bhash }) else { return }
        guard !lines.isEmpty else {
            let files = Set(conversions.compactMap(\.old.tablePath)).sorted().joined(separator: ", ")
            return log.say("no map needs Berkeley DB any more; \(files) can be removed once nobody reads them", .notice)
        }
        for line in lines {
            log.say(
                "\(line.file):\(line.line): \(line.relation) (\(line.tablePath ?? "-")) still needs Berkeley DB",
                .notice)
        }
    }

    /// Says why nothing was converted.
    ///
    /// - Returns: the exit status.
    func say(_ failure: ConversionFailure, _ differences: DiffSummary) -> ExitCode {
        let rest = "; nothing was changed"
        switch failure {
        case .map(let error):
            log.say(error, rest: rest)
            return .tryAgain
        case .file(let error):
            log.say(error, rest: rest)
            return .cannotCreate
        case .unfit(let table, let count, let first):
            log.say(
                "\(table): \(counted(count, "entry", "entries")) cannot be held by a map of type \(plan.type.name), such as"
                    + " \(first)\(rest)")
            return .unreadableInput
        case .changed(let path):
            log.say("\(path): was changed while maps were converted\(rest); run it again")
            return .tryAgain
        case .uncertain(let count, let reason):
            log.say(
                "\(counted(count, "address", "addresses")) can be looked up neither before nor after, so that it is not certain"
                    + " that their routes stay: \(reason)\(rest)")
            return .tryAgain
        case .routesDiffer(let counts):
            var output = OutputStream(descriptor: STDOUT_FILENO)
            differences.write(counts, to: &output)
            guard output.finish(log) else { return .inputOutput }
            log.say("routes would not stay as they are\(rest)")
            return .absent
        case .stopped: return .tryAgain
        }
    }
}

/// The types that maps can be made of.
struct ConvertedTypeName: KeywordOption {
    let type: MapType

    static var choices: [(word: String, choice: ConvertedTypeName)] {
        (MapBackEnds.all.compiledTypes + [.text]).map { ($0.name, ConvertedTypeName(type: $0)) }
    }
}
