// Loads each text map once for all workers of a process, and once more when its file was replaced.

public import Configuration
import Synchronization
public import System

/// The text maps that the tables of several workers share.
public final class TextTableLoader: Sendable {
    private struct Source: Equatable {
        let path: String
        let form: SourceForm
        let folding: KeyFolding
    }

    /// The last outcome of loading of one source; its lock makes others wait for the one that loads.
    private final class Loaded: Sendable {
        struct State: ~Copyable {
            var file: SettlingFile
            var result: Result<TextTableStorage, CompileError>?
            /// What was said of the file that is not believed yet.
            var said: UnsettledFile?
        }

        let state: Mutex<State>

        init(path: String, clock: FileClock) {
            state = Mutex(State(file: SettlingFile(path, limit: SourceParser.sizeLimit, clock: clock)))
        }
    }

    /// One for each text map, of which sites have a few.
    private let sources = Mutex<[(source: Source, loaded: Loaded)]>([])
    private let allowed: AllowedFindings
    private let report: @Sendable (SourceFindings) -> Void
    private let reportUnsettled: @Sendable (UnsettledFile) -> Void
    private let clock: FileClock
    /// Whose sources are given, where this loader reads none itself.
    private let reader: TextTableLoader?
    /// One for all sources, so that one key is hashed once for several.
    let hash: ByteHash
    /// What maps of other kinds have loaded for the same workers.
    public let contents: SharedContents

    /// Makes an empty loader that tells nobody what it finds.
    public convenience init() { self.init(report: { _ in }) }

    /// Makes an empty loader.
    ///
    /// - Parameters:
    ///   - allowed: what is no finding.
    ///   - clock: by which the age of files is judged.
    ///   - report: is given what was found in each generation of each source, once.
    ///   - reportUnsettled: is told once when a changed source is not believed, and its old entries stand.
    public init(
        allowing allowed: AllowedFindings = AllowedFindings(), clock: FileClock = .system,
        report: @escaping @Sendable (SourceFindings) -> Void = { _ in },
        reportUnsettled: @escaping @Sendable (UnsettledFile) -> Void = { _ in }
    ) {
        self.allowed = allowed
        self.clock = clock
        self.report = report
        self.reportUnsettled = reportUnsettled
        reader = nil
        hash = ByteHash()
        contents = SharedContents()
    }

    /// Makes a loader for a thread that must not wait: it gives what another has loaded, as long as that is of the file as it
    /// is now, and reads nothing.
    public init(givingWhatIsLoadedBy reader: TextTableLoader) {
        self.reader = reader
        allowed = reader.allowed
        clock = reader.clock
        report = { _ in }
        reportUnsettled = { _ in }
        hash = reader.hash
        contents = reader.contents
    }

    /// The present generation of a source, loaded only if it is not the one loaded before: the last one that was believed.
    ///
    /// The first waits for a moment where the file is being written; later ones do not, and have the old generation. A
    /// source that was refused is not read again before it changes.
    ///
    /// - Parameter judge: knows what the entries are for; of two for one source only the first is asked.
    func storage(
        path: String, form: SourceForm, folding: KeyFolding, judge: (any EntryJudge)?
    ) throws(CompileError) -> TextTableStorage {
        let source = Source(path: path, form: form, folding: folding)
        if let reader {
            guard let storage = reader.loaded(source) else {
                throw CompileError(file: path, reason: "it is not loaded", remedy: "", isTemporary: true)
            }
            return storage
        }
        let loaded = sources.withLock { sources in
            if let known = sources.first(where: { $0.source == source }) { return known.loaded }
            let loaded = Loaded(path: path, clock: clock)
            sources.append((source, loaded))
            return loaded
        }
        let result = loaded.state.withLock { present(source, &$0, judge) }
        return try result.get()
    }

    /// What is loaded of a source, where that is its present generation and nobody is at loading it.
    private func loaded(_ source: Source) -> TextTableStorage? {
        let loaded = sources.withLock { sources in sources.first { $0.source == source }?.loaded }
        let known = loaded?.state.withLockIfAvailable { $0.result }
        guard case .success(let storage)?? = known, (try? FileState(path: source.path)) == storage.file else {
            return nil
        }
        return storage
    }

    private func present(
        _ source: Source, _ state: inout Loaded.State, _ judge: (any EntryJudge)?
    ) -> Result<TextTableStorage, CompileError> {
        let result: Result<TextTableStorage, CompileError>
        do {
            result = try looked(source, &state, judge)
        } catch {
            // Whatever it is next, it is to be read.
            state.file.forget()
            result = .failure(CompileError(error, remedy: error.sourceRemedy))
        }
        state.result = result
        return result
    }

    private func looked(
        _ source: Source, _ state: inout Loaded.State, _ judge: (any EntryJudge)?
    ) throws(FileError) -> Result<TextTableStorage, CompileError> {
        guard let known = state.result else {
            // Each owner hands the bytes on: the parser, which works in them, would copy what has another.
            let (bytes, file) = try state.file.read()
            return load(source, consume bytes, file, judge)
        }
        switch try state.file.look() {
        case .unchanged:
            state.said = nil
            return known
        case .settled(let bytes, let file):
            state.said = nil
            return load(source, consume bytes, file, judge, after: known)
        case .unsettled(let file):
            guard case .success = known, !file.isEndless else { throw FileError(file) }
            // A file that is being written may look cut short, too, and say nothing: only what stays so is worth a word.
            if state.said != file, file.reason != .beingWritten { reportUnsettled(file) }
            state.said = file
            return known
        }
    }

    private func load(
        _ source: Source, _ bytes: consuming [UInt8], _ file: FileState, _ judge: (any EntryJudge)?,
        after known: Result<TextTableStorage, CompileError>? = nil
    ) -> Result<TextTableStorage, CompileError> {
        do {
            let storage = try TextTableStorage(
                consume bytes, file, path: source.path, form: source.form, folding: source.folding, judge: judge,
                allowing: allowed, hash: hash)
            var findings = storage.findings
            if case .success(let old)? = known, old.count > 0, storage.count == 0, !allowed.contains(.emptySource) {
                findings.add(
                    Finding(
                        .emptySource, .warning, file: source.path,
                        text: "the map, which had \(counted(old.count, "entry", "entries")), has none any more: none of"
                            + " them is found; if that is not meant, write them anew"))
            }
            report(findings)
            return .success(storage)
        } catch {
            if let findings = error.findings { report(findings) }
            return .failure(error)
        }
    }
}
