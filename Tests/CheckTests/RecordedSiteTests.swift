// Sites that are as their owners want them: the sample site, and recorded ones whose addresses ZMailer all answers. None of them
// has an error.

import Check
import Configuration
import Foundation
import Testing
import ZRouteTestKit

@Suite struct RecordedSiteTests {
    /// Recorded sites in which no entry is odd on purpose.
    static let sites = [
        "routes/12-only-routes", "routes/14-unordered", "routes/21m-all-healthy", "routes/23-queue",
        "routes/24-no-boilerplate-tail", "routes/26-depth", "routes/27-duplicates", "routes/30-large",
    ]

    /// The findings about a copy whose maps are read as text.
    private func report(on site: TestSite) -> CheckReport {
        SiteCheck(
            SiteFiles(config: site.place.file("zmailer.conf"), overrides: [(name: "DBTYPE", value: "text")])
        ).run()
    }

    private func asText(_ file: String, _ bytes: [UInt8]) -> [UInt8] {
        guard file.hasSuffix("dbases.conf") else { return bytes }
        return bytes.replacing(" btree ".utf8, with: " text ".utf8).replacing(" bhash ".utf8, with: " text ".utf8)
    }

    @Test(arguments: counted("RecordedSiteTests", sites))
    func whatZMailerAnswersHasNoError(name: String) throws {
        let site = try TestSite(copying: "conformance/\(name)") { asText($0, $1) }
        let report = report(on: site)
        let errors = report.findings.filter { $0.severity == .error }
        #expect(errors.isEmpty, "\(errors.map(\.description).joined(separator: "\n"))")
        #expect(report.entries > 0)
    }

    @Test func theSampleSiteHasNothingButWhatTextMapsHave() throws {
        let site = try TestSite(copying: "site") { asText($0, $1) }
        for name in ["zmailer.conf", "db/sleepyenv.conf"] {
            let text = try String(contentsOfFile: site.place.file(name), encoding: .utf8)
            try site.write(text, to: name)
        }
        let found = report(on: site).findings.filter { $0.name.description != "environment-without-effect" }
        #expect(found.isEmpty, "\(found.map(\.description).joined(separator: "\n"))")
    }
}
