// A site as commands have it: opened by their options, and whatever is found out about it goes to their log.

import Configuration
import Maps
import Routing
import Site
import System

/// A site, and how commands say what they find out about it.
@dynamicMemberLookup
struct LoggedSite: Sendable {
    private(set) var base: Site
    let logForm: LogForm

    /// Reads the configuration.
    ///
    /// - Parameters:
    ///   - log: how what is found out about it is said; as for people who wait unless given.
    ///   - entryUses: where entries that are found are counted.
    /// - Throws: `ConfigurationError` with file and line.
    init(options: SiteOptions, log: LogForm? = nil, countingIn entryUses: EntryUseCounts? = nil) throws {
        logForm = log ?? options.log.form
        base = try Site(
            settings: try options.settings(), dbases: options.dbases, failures: options.failures.map(\.failure))
        base.entryUses = entryUses
    }

    subscript<Member>(dynamicMember path: KeyPath<Site, Member>) -> Member { base[keyPath: path] }

    /// Warns of what the configuration probably does not mean, of map files that others may write, since whoever does
    /// decides where mail goes, and of compiled maps that are older than their sources.
    func warn() {
        warnOfConfiguration()
        // What cannot be used of a back end's files is for whoever uses it: the other maps are as good as before.
        for finding in base.fileFindings where finding.severity == .warning {
            DiagnosticLog(logForm).say(Diagnosis(finding: finding))
        }
    }

    /// Warns of what the configuration probably does not mean alone.
    func warnOfConfiguration() {
        for finding in base.findings { DiagnosticLog(logForm).say(Diagnosis(finding: finding)) }
    }

    /// What reads text maps, once for all workers, and says what is wrong with a source.
    func makeTextLoader() -> TextTableLoader {
        TextTableLoader(
            report: { [logForm] in DiagnosticLog(logForm).say($0) },
            reportUnsettled: { [logForm] in
                let text = "warning: \($0); the entries from before stand"
                DiagnosticLog(logForm).say(Diagnosis(text, .warning, file: $0.path))
            })
    }
}
