// Reads the text maps of a service as soon as they have changed, so that a fault is said when it was made and not when the
// next mail comes.

import Configuration
import Files

/// The text maps of a dbases.conf that notice changed files.
package struct TextMapWatch: Sendable {
    private struct Map: Sendable {
        let path: String
        let form: SourceForm
        let folding: KeyFolding
        let judge: (any EntryJudge)?
        /// The trouble that was said last, so that it is said once.
        var said: CompileError?
        /// The trouble that was met last: a file that is being written is one for a moment only.
        var met: CompileError?
    }

    private var maps: [Map]
    private let loader: TextTableLoader

    /// Watches nothing yet.
    ///
    /// - Parameters:
    ///   - loader: what the workers of the service share: what is read here they need not read again.
    ///   - judge: gives what knows what the entries of a map are for.
    package init(
        _ databases: DatabasesConf, loader: TextTableLoader, judge: (MapDefinition) -> (any EntryJudge)?
    ) {
        self.loader = loader
        maps = databases.definitions.compactMap { definition in
            guard definition.flags.reopensChanged, let path = definition.path, let (form, folding) = definition.textForm
            else { return nil }
            return Map(path: path, form: form, folding: folding, judge: judge(definition))
        }
    }

    /// Whether there is nothing to watch.
    package var isEmpty: Bool { maps.isEmpty }

    /// Reads what has changed; what is found in a source the loader reports.
    ///
    /// - Returns: files that cannot be read at all, each once; one that is being written, from the second look on.
    package mutating func look() -> [CompileError] {
        var failures: [CompileError] = []
        for index in maps.indices {
            let map = maps[index]
            do throws(CompileError) {
                _ = try loader.storage(path: map.path, form: map.form, folding: map.folding, judge: map.judge)
                (maps[index].said, maps[index].met) = (nil, nil)
            } catch {
                maps[index].met = error
                // Only what stays so is worth a word.
                if error.isTemporary, error != map.met { continue }
                if error.findings == nil, error != map.said { failures.append(error) }
                maps[index].said = error
            }
        }
        return failures
    }
}
