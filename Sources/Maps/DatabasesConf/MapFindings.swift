// What a line of dbases.conf says that its owner probably does not mean. ZMailer takes such lines, so they are warnings.

public import Configuration

extension MapDefinition {
    /// What this line probably does not mean, though it can be read.
    public var findings: [Finding] {
        var findings: [Finding] = []
        func find(_ name: Finding.Name, _ severity: Finding.Severity, _ text: String) {
            findings.append(Finding(name, severity, file: file, line: line, text: text))
        }
        func warn(_ name: Finding.Name, _ text: String) { find(name, .warning, text) }
        let isDatabase = type.livesInEnvironments
        if compile.isLive, isDatabase, flags.environmentFile == nil {
            warn(
                .liveWithoutEnvironment,
                "map \(path ?? "-") is live (-r) and has no environment (-C): where another program changes the file in"
                    + " place, users that exist are not found at times; add -C FILE, or only ever replace the whole file by a"
                    + " rename")
        }
        if type != .none, !isDatabase, let environment = flags.environmentFile {
            warn(
                .environmentWithoutEffect,
                "a map of type \(type.name) lives in no environment, so -C \(environment) has no effect"
                    + (compile.isLive && !type.isChangedInPlace
                        ? " and nothing that is put into the live map is seen" : "")
                    + (type.isChangedInPlace ? "; remove -C" : "; make the type btree, or remove -C"))
        }
        if let unreadPath {
            warn(
                .fileWithoutEffect,
                "a map of type \(type.name) reads no file, so nothing that \(unreadPath) has is ever found; make the type btree,"
                    + " bhash, cdb, lmdb, sqlite or text, or write '-' for the file")
        }
        switch (compile.folding, flags.folding) {
        case (.lower, .upper), (.upper, .lower):
            let (stored, asked) = compile.folding == .lower ? ("lower", "upper") : ("upper", "lower")
            find(
                .foldingMismatch, .error,
                "keys are stored in \(stored) case and looked up in \(asked) case, so none with a letter is ever found;"
                    + " write -l in both fields, or -u in both")
        case (.lower, .none), (.upper, .none):
            warn(
                .foldingMismatch,
                "keys are stored in one case (newdb option -\(compile.folding == .lower ? "l" : "u")) and looked up as typed,"
                    + " so other spellings are not found; add the same letter to the flags")
        default: break
        }
        return findings
    }
}

extension DatabasesConf {
    /// What of the lines cannot be used, and what the others probably do not mean, though they can be read.
    public var findings: [Finding] { (mistakes + definitions.flatMap(\.findings) + repetitions).inOrderOfLines }

    /// Maps that stand before in the same relation: whatever they have was found there.
    private var repetitions: [Finding] {
        definitions.indices.compactMap { index in
            let map = definitions[index]
            guard let path = map.tablePath,
                let first = definitions[..<index].first(where: { $0.relation == map.relation && $0.tablePath == path })
            else { return nil }
            return Finding(
                .repeatedMap, .warning, file: map.file, line: map.line,
                text: "relation \(map.relation) has the map \(path) in line \(first.line) already, and nothing is ever"
                    + " found in it here; remove one, or correct its path")
        }
    }
}

extension Finding.Name {
    /// A live Berkeley DB map that is read without an environment.
    static let liveWithoutEnvironment = Finding.Name("live-without-environment")
    /// Keys that are stored in one case of letters and looked up in another.
    static let foldingMismatch = Finding.Name("folding-mismatch")
    /// A map that its relation has twice.
    static let repeatedMap = Finding.Name("repeated-map")
    /// A file named for a map that reads none.
    static let fileWithoutEffect = Finding.Name("file-without-effect")
    /// An environment named for a map that cannot live in one.
    static let environmentWithoutEffect = Finding.Name("environment-without-effect")
}
