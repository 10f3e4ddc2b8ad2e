// The text maps of a dbases.conf: its types that are read as text, and how.

public import Configuration

extension MapType {
    /// The source that newdb would compile, read directly.
    public static let text = MapType("text", .source)
    /// A text file of keys and values in any order, compared without regard to case.
    public static let unordered = MapType("unordered", .source, standardCacheSize: 10)
    /// A text file sorted by key.
    public static let ordered = MapType("ordered", .source)
}

extension MapDefinition {
    /// How the map's text is read where it is read directly; nil where it is not.
    public var textForm: (form: SourceForm, folding: KeyFolding)? {
        switch type {
        case .text: (compile.isAliases ? .aliases : .plain, compile.folding)
        case .unordered: (.plain, .lower)
        case .ordered: (.plain, flags.folding == .lower ? .lower : .none)
        default: nil
        }
    }

    /// The text that the map's entries come from, and how it is read; nil for a map that has none, such as a live one.
    public var source: (path: String, form: SourceForm, folding: KeyFolding)? {
        guard let path else { return nil }
        if let text = textForm { return (readInstead ?? path, text.form, text.folding) }
        guard type.compiledExtension != nil, !compile.isLive else { return nil }
        return (path, compile.isAliases ? .aliases : .plain, compile.folding)
    }
}

extension DatabasesConf {
    /// The text maps that everyone may write.
    public func checkTextSources() -> [Finding] {
        var seen: Set<String> = []
        return definitions.compactMap { definition in
            guard definition.textForm != nil, definition.privilege == nil, let path = definition.path,
                seen.insert(path).inserted
            else { return nil }
            return SourcePrivilege.finding(about: path)
        }
    }
}

// Reads the text maps of a service as soon as they have changed, so that a fault is said when it was made and not when the
// next mail comes.

/// The text maps of a dbases.conf that notice changed files.
public struct TextMapWatch: Sendable {
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
    public init(
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
    public var isEmpty: Bool { maps.isEmpty }

    /// Reads what has changed; what is found in a source the loader reports.
    ///
    /// - Returns: files that cannot be read at all, each once; one that is being written, from the second look on.
    public mutating func look() -> [CompileError] {
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
