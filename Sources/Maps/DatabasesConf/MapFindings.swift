// What a line of dbases.conf says that its owner probably does not mean. ZMailer takes such lines, so they are warnings.

package import Configuration

extension MapDefinition {
    /// What this line probably does not mean, though it can be read.
    package var findings: [Finding] {
        var findings: [Finding] = []
        func warn(_ name: Finding.Name, _ text: String) {
            findings.append(Finding(name, .warning, file: file, line: line, text: text))
        }
        let isDatabase = type.compiledExtension != nil
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
                "a map of type \(type.rawValue) lives in no environment, so -C \(environment) has no effect"
                    + (compile.isLive ? " and nothing that is put into the live map is seen" : "")
                    + "; make the type btree, or remove -C")
        }
        return findings
    }
}

extension Finding.Name {
    /// A live Berkeley DB map that is read without an environment.
    static let liveWithoutEnvironment = Finding.Name("live-without-environment")
    /// An environment named for a map that cannot live in one.
    static let environmentWithoutEffect = Finding.Name("environment-without-effect")
}
