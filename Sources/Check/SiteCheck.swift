// Judging a whole site: its files are read, its entries gone through, and each rule says what it finds.

package import Configuration
import Delivery
import Glibc
import Maps
import Site
import Spool
package import System

/// A check of a site.
package struct SiteCheck: Sendable {
    private let files: SiteFiles
    private let allowed: AllowedFindings

    /// Describes a check.
    ///
    /// - Parameters:
    ///   - files: where the site's files are.
    ///   - allowed: what is no finding.
    package init(_ files: SiteFiles, allowing allowed: AllowedFindings = AllowedFindings()) {
        self.files = files
        self.allowed = allowed
    }

    /// Reads and judges everything; nothing is written.
    ///
    /// - Parameters:
    ///   - probes: whether servers are asked, too; otherwise nothing is connected to.
    ///   - tests: files that say where addresses must go.
    ///   - signals: those that are held back while live maps are read: one that comes then ends the process when their
    ///     environments are left, and one that comes later ends it at once.
    ///
    /// A rule says nothing about what it cannot know: that a file cannot be read is a finding by itself.
    package func run(
        probes: Bool = false, tests: [String] = [], signals: TerminationSignals? = nil
    ) -> CheckReport {
        let configuration = files.read()
        var collected = FindingCollection(allowing: allowed)
        collected.add(configuration.findings)
        FileRule(configuration: configuration).findings { collected.add($0) }
        for file in configuration.plan?.tlsFiles ?? [] { collected.add(file.dateFindings(now: Int(time(nil)))) }
        var maps: [CheckedMap] = []
        if let site = configuration.site, site.databases.isRead {
            var reader = MapReader(
                site, errors: configuration.findings.filter { $0.severity == .error }, allowing: allowed,
                signals: signals)
            reader.readAll()
            reader.readRelayFiles()
            for source in reader.sources { collected.add(source) }
            collected.add(reader.findings)
            // From here on no environment is entered but by those who hold signals back themselves.
            signals?.release()
            let checked = CheckedSite(configuration, site, reader)
            maps = checked.maps
            judge(checked, &collected)
            if probes { ProbeRule(checked)?.findings { collected.add($0) } }
            collected.add(Self.failures(of: tests, site, isEndable: signals != nil))
        }
        return CheckReport(collected, maps)
    }

    /// What test files say that does not hold.
    ///
    /// - Parameter isEndable: whether signals may end the process.
    private static func failures(of tests: [String], _ site: Site, isEndable: Bool) -> [Finding] {
        guard !tests.isEmpty else { return [] }
        let signals = isEndable ? TerminationSignals() : nil
        defer { signals?.release() }
        var failures: [Finding] = []
        let texts = TextTableLoader(report: { _ in }, reportUnsettled: { _ in })
        var run = AssertionRun(site, texts: texts, workers: 4) { failures.append($0) }
        for file in tests {
            do throws(FileError) {
                try run.check(file, signals: signals)
            } catch {
                failures.append(
                    Finding(
                        .noAssertion, .error, file: file,
                        text: "\(error.operation): \(error.reason); name a file of tests with --tests (docs/diff.md)"))
            }
        }
        _ = run.finish()
        return failures
    }

    private func judge(_ site: CheckedSite, _ collected: inout FindingCollection) {
        ShadowRule(site: site).findings { collected.add($0) }
        DomainRule(site: site).findings { collected.add($0) }
        ListRule(site).findings { collected.add($0) }
        let service = ServiceRule(site)
        service?.findings { collected.add($0) }
        spool(site, service, &collected)
    }

    /// The spool, of a site that has one: without a scheduler.conf nothing is delivered from it.
    private func spool(_ site: CheckedSite, _ service: ServiceRule?, _ collected: inout FindingCollection) {
        guard let path = site.settings.postOffice, site.plan != nil || !FileIdentity.isMissing(at: path) else {
            return
        }
        do throws(FileError) {
            let postOffice = try PostOffice(path: path)
            try service?.queuedMail(postOffice) { collected.add($0) }
        } catch {
            collected.add(
                Finding(
                    .unusableSpool, .error, file: error.path,
                    text:
                        "the spool cannot be used: \(error.operation): \(error.reason); make it (docs/configuration.md, Users and modes), or"
                        + " correct POSTOFFICE"))
        }
    }
}

extension Finding.Name {
    /// A spool, or a directory of it, that cannot be used.
    static let unusableSpool = Finding.Name("unusable-spool")
}
