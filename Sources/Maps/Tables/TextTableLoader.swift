// Loads each text map once for all workers of a process, and once more when its file was replaced.

package import Configuration
import Files
import Synchronization

/// The text maps that the tables of several workers share.
public final class TextTableLoader: Sendable {
    private struct Source: Equatable {
        let path: String
        let form: SourceForm
        let folding: KeyFolding
    }

    /// The last outcome of loading one source; its lock makes others wait for the one that loads.
    private final class Loaded: Sendable {
        struct Outcome {
            let identity: FileIdentity?
            let result: Result<TextTableStorage, CompileError>
        }

        let outcome = Mutex<Outcome?>(nil)
    }

    /// One for each text map, of which sites have a few.
    private let sources = Mutex<[(source: Source, loaded: Loaded)]>([])
    private let allowed: AllowedFindings
    private let report: @Sendable (SourceFindings) -> Void
    /// One for all sources, so that one key is hashed once for several.
    let hash = ByteHash()

    /// Makes an empty loader that tells nobody what it finds.
    public convenience init() { self.init { _ in } }

    /// Makes an empty loader.
    ///
    /// - Parameters:
    ///   - allowed: what is no finding.
    ///   - report: is given what was found in each generation of each source, once.
    package init(
        allowing allowed: AllowedFindings = AllowedFindings(), report: @escaping @Sendable (SourceFindings) -> Void
    ) {
        self.allowed = allowed
        self.report = report
    }

    /// The present generation of a source, loaded only if it is not the one loaded before.
    ///
    /// A source that was refused is not read again before it changes.
    ///
    /// - Parameter judge: knows what the entries are for; of two for one source only the first is asked.
    func storage(
        path: String, form: SourceForm, folding: KeyFolding, judge: (any EntryJudge)?
    ) throws(CompileError) -> TextTableStorage {
        let source = Source(path: path, form: form, folding: folding)
        let loaded = sources.withLock { sources in
            if let known = sources.first(where: { $0.source == source }) { return known.loaded }
            let loaded = Loaded()
            sources.append((source, loaded))
            return loaded
        }
        let result = loaded.outcome.withLock { outcome in
            let identity = try? FileIdentity(path: path)
            if let outcome, let identity, outcome.identity == identity { return outcome.result }
            let result = Result { () throws(CompileError) in
                try TextTableStorage(
                    path: path, form: form, folding: folding, judge: judge, allowing: allowed, hash: hash)
            }
            switch result {
            case .success(let storage):
                report(storage.findings)
                outcome = Loaded.Outcome(identity: storage.identity, result: result)
            case .failure(let error):
                if let findings = error.findings { report(findings) }
                outcome = Loaded.Outcome(identity: identity, result: result)
            }
            return result
        }
        return try result.get()
    }
}
