// One comparison of two sites for people: asks, prints what differs, and says what is not certain.

import ArgumentParser
import Check
import Configuration
import Glibc
import Maps
import System

/// A comparison whose result is printed.
struct DiffRun {
    private let old: ComparedSite, new: ComparedSite
    private let format: DiffFormat
    private let workers: Int
    private let logForm: LogForm
    private let signals: TerminationSignals

    /// Prepares a comparison.
    ///
    /// - Parameters:
    ///   - workers: the most threads for each of the sites.
    ///   - signals: those that are held back: when one comes, the comparison ends.
    init(
        _ old: ComparedSite, _ new: ComparedSite, format: DiffFormat, workers: Int, log: LogForm,
        signals: TerminationSignals
    ) {
        (self.old, self.new) = (old, new)
        self.format = format
        self.workers = workers
        logForm = log
        self.signals = signals
    }

    /// What is printed while addresses are compared: a class, since what compares tells of each.
    private final class Printer {
        var output = OutputStream(descriptor: STDOUT_FILENO)
        var summary: DiffSummary
        let format: DiffFormat

        init(_ format: DiffFormat, old: String, new: String) {
            self.format = format
            summary = DiffSummary(old: old, new: new)
        }

        func take(_ change: RouteChange) {
            switch format {
            case .text: summary.add(change)
            case .tsv: output.write { DiffTable.append(change, to: &$0) }
            case .json: output.write { DiffObjects.append(change, to: &$0) }
            }
        }
    }

    /// Compares.
    ///
    /// - Parameters:
    ///   - files: those whose addresses are asked for.
    ///   - withMaps: whether the keys of the maps are asked for.
    /// - Returns: the exit status.
    func run(files: [String] = [], withMaps: Bool = true) -> ExitCode {
        let log = DiagnosticLog(logForm)
        let printer = Printer(format, old: old.name, new: new.name)
        let progress = ProgressLine(title: "diff", unit: "entries and addresses")
        var comparison = RouteComparison(
            old, new, oldTexts: loader(), newTexts: loader(), workers: workers, now: Int64(time(nil)),
            report: { printer.take($0) },
            progress: { [signals] count in
                progress.show(count)
                return !signals.isPending && !printer.output.hasFailed
            })
        if withMaps { comparison.compareMaps() }
        var status = ExitCode.ok
        var reader = AddressReader()
        for file in files where !comparison.isStopped {
            if let failure = compare(file, &comparison, &reader) {
                progress.clear()
                log.say(failure)
                status = status.worse(failure.isMissing ? .missingInput : .inputOutput)
            }
        }
        let counts = comparison.finish()
        progress.clear()
        // What was cut short is no answer.
        guard !signals.isPending else { return .tryAgain }
        switch format {
        case .text: printer.summary.write(counts, to: &printer.output)
        case .json: printer.output.write { DiffObjects.append(counts, to: &$0) }
        case .tsv: break
        }
        AddressNotes.say(reader, log)
        if say(counts, log) { status = status.worse(.tryAgain) }
        guard printer.output.finish(log) else { return .inputOutput }
        // What differs for certain is said first.
        return counts.differs && (status == .ok || status == .tryAgain) ? .absent : status
    }

    /// What is wrong with sources is for `check` and `newdb` to say; what cannot be asked because of it is said here.
    private func loader() -> TextTableLoader { TextTableLoader(report: { _ in }, reportUnsettled: { _ in }) }

    /// Compares the addresses of a file, or of the files in a directory.
    private func compare(
        _ path: String, _ comparison: inout RouteComparison, _ reader: inout AddressReader
    ) -> FileError? {
        do throws(FileError) {
            try AddressFiles.read(path, with: &reader, signals: signals) { comparison.compare(&$0) }
            return nil
        } catch {
            return error
        }
    }

    // MARK: What is said to people

    /// - Returns: whether it is not certain that all differences were found.
    private func say(_ counts: ComparisonCounts, _ log: borrowing DiagnosticLog) -> Bool {
        for failure in counts.failures {
            log.say(Diagnosis(failure, rest: "; not all of its keys were asked for"))
        }
        if counts.uncertain > 0 {
            log.say(
                "\(counted(counts.uncertain, "address", "addresses")) can be looked up on neither side, and may differ:"
                    + " \(counts.uncertainty ?? "")")
        }
        if counts.leftOut > 0 {
            log.say(
                "\(counted(counts.leftOut, "address that follows", "addresses that follow")) from others that differ were not"
                    + " asked for; compare smaller changes to see all", .warning)
        }
        return !counts.failures.isEmpty || counts.uncertain > 0
    }
}

/// Notes on files of addresses.
enum AddressNotes {
    /// Says which lines were passed over.
    static func say(_ reader: AddressReader, _ log: borrowing DiagnosticLog) {
        for line in reader.unknownLines {
            log.say(
                Diagnosis(
                    "\(line.file):\(line.line): in no format that is known, and passed over:"
                        + " \(String(decoding: line.beginning, as: UTF8.self))", .warning, file: line.file,
                    line: line.line))
        }
        if reader.unknownCount > reader.unknownLines.count {
            log.say("\(reader.unknownCount) lines in no format that is known were passed over", .warning)
        }
        if reader.recipientsWithoutAddress > 0 {
            log.say(
                "\(counted(reader.recipientsWithoutAddress, "recipient", "recipients")) of control files have only the name of"
                    + " their mailbox, and no address that could be asked for", .notice)
        }
    }
}
