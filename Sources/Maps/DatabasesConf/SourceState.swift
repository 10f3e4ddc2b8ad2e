// What the files of a map's source tell without being read: who may write them, and whether they were compiled since.

package import Configuration
import Files
import Glibc

/// Looks at who may write a source.
package enum SourcePrivilege {
    /// A source that everyone may write; whoever does decides where mail goes.
    package static func finding(about path: String) -> Finding? {
        guard let identity = try? FileIdentity(path: path), identity.mode & 0o002 != 0 else { return nil }
        let mode = String(identity.mode & 0o7777, radix: 8)
        return Finding(
            .writableByAll, .warning, file: path,
            text: "everyone may write this source, and so decide where mail goes (mode \(mode)); chmod o-w it")
    }
}

extension DatabasesConf {
    /// Compiled maps that are older than their sources: what was written since is not in effect.
    package func checkCompiled() -> [Finding] {
        var seen: Set<String> = []
        return definitions.compactMap { definition in
            guard definition.type.compiledExtension != nil, !definition.compile.isLive, let path = definition.path,
                let target = definition.tablePath, seen.insert(target).inserted,
                let source = try? FileIdentity(path: path), let compiled = try? FileIdentity(path: target),
                source.modified > compiled.modified
            else { return nil }
            return Finding(
                .sourceIsNewer, .warning, file: target,
                text: "compiled at \(timeText(compiled.modified)), before its source \(path) was written at "
                    + "\(timeText(source.modified)); run zroute newdb")
        }
    }

    /// The text maps that everyone may write.
    package func checkTextSources() -> [Finding] {
        var seen: Set<String> = []
        return definitions.compactMap { definition in
            guard definition.textForm != nil, definition.privilege == nil, let path = definition.path,
                seen.insert(path).inserted
            else { return nil }
            return SourcePrivilege.finding(about: path)
        }
    }
}

extension MapDefinition {
    /// How the map's text is read where it is read directly; nil where it is not.
    package var textForm: (form: SourceForm, folding: KeyFolding)? {
        switch type {
        case .text: (compile.isAliases ? .aliases : .plain, compile.folding)
        case .unordered: (.plain, .lower)
        case .ordered: (.plain, flags.folding == .lower ? .lower : .none)
        case .btree, .bhash, .incore, .none: nil
        }
    }
}

/// A time of a file, as `2026-11-28 16:15:39 UTC`.
private func timeText(_ nanoseconds: Int64) -> String {
    var seconds = time_t(nanoseconds / 1_000_000_000)
    // The structure holds a pointer to the name of the time zone, which is not looked at.
    var parts = unsafe tm()
    guard unsafe gmtime_r(&seconds, &parts) != nil else { return "\(seconds) s after 1970" }
    let (year, month, day) = unsafe (parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday)
    let (hour, minute, second) = unsafe (parts.tm_hour, parts.tm_min, parts.tm_sec)
    func padded(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
    return "\(year)-\(padded(month))-\(padded(day)) \(padded(hour)):\(padded(minute)):\(padded(second)) UTC"
}
