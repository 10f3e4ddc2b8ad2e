// What a check of a site comes to: the findings that nobody allowed, the first of each file, and how many more there are.

package import Configuration
import Maps

/// The findings of one check.
package struct CheckReport: Sendable {
    /// Findings that are not told one by one.
    package struct Remainder: Sendable, Hashable {
        /// The file.
        package let file: String
        /// How much they matter.
        package let severity: Finding.Severity
        /// How many there are.
        package let count: Int
    }

    /// The findings of each file together, in the order of its lines; of each severity the first ``SourceFindings/limit``.
    package private(set) var findings: [Finding] = []
    /// What else there is.
    package private(set) var remainders: [Remainder] = []
    /// How many entries were looked at, and in how many maps.
    package let entries: Int, maps: Int
    /// The files of the maps.
    private let mapFiles: Set<String>

    /// Puts together what was found.
    init(_ collected: FindingCollection, _ maps: [CheckedMap]) {
        self.maps = maps.count
        entries = maps.reduce(0) { $0 + $1.count }
        mapFiles = Set(maps.map(\.file))
        for source in collected.files {
            // Of one line whatever is found is told in the same order each time.
            findings += source.first.sorted { one, other in
                let (line, otherLine) = (one.line ?? 0, other.line ?? 0)
                return line == otherLine
                    ? (one.name.description, one.text) < (other.name.description, other.text) : line < otherLine
            }
            for (count, severity) in [(source.errorCount, Finding.Severity.error), (source.warningCount, .warning)]
            where count > SourceFindings.limit {
                remainders.append(
                    Remainder(file: source.source, severity: severity, count: count - SourceFindings.limit))
            }
        }
    }

    /// How many findings of a severity there are, told or not.
    package func count(_ severity: Finding.Severity) -> Int {
        findings.count { $0.severity == severity }
            + remainders.reduce(0) { $0 + ($1.severity == severity ? $1.count : 0) }
    }
}

extension CheckReport {
    /// Whether a finding is about a configuration file, and not about a map, the spool or a server.
    package func isAboutConfiguration(_ finding: Finding) -> Bool {
        let isElsewhere: [Finding.Name] = [
            .unreadableMap, .unusableSpool, .unservedMail, .failedAssertion, .noAssertion,
        ]
        return !mapFiles.contains(finding.file) && !isElsewhere.contains(finding.name)
            && FindingKind.named(finding.name)?.area != .probe
    }
}

/// What is found, while it is found: each finding once, without what is allowed.
struct FindingCollection {
    /// For each file with findings, in the order in which the files turned up.
    private(set) var files: [SourceFindings] = []
    private var places: [String: Int] = [:]
    /// The hashes of the findings so far: a broken map has millions.
    private var told: Set<Int> = []
    private var comments: [String: FileAllowances] = [:]
    private let allowed: AllowedFindings
    private static let known = FindingKind.all.map(\.name)

    /// Begins with nothing.
    ///
    /// - Parameter allowed: what is no finding, wherever it is found.
    init(allowing allowed: AllowedFindings) { self.allowed = allowed }

    /// Adds a finding, unless it is none, or is allowed by the command line or a comment of its file.
    mutating func add(_ finding: Finding?) {
        guard let finding, !allowed.contains(finding.name), told.insert(finding.hashValue).inserted else { return }
        let comments =
            self.comments[finding.file] ?? FileAllowances(reading: finding.file, known: Self.known)
        self.comments[finding.file] = comments
        guard !comments.contains(finding.name, line: finding.line) else { return }
        let place = places[finding.file] ?? files.count
        if place == files.count {
            places[finding.file] = place
            files.append(SourceFindings(source: finding.file))
        }
        files[place].add(finding)
    }

    /// Adds what the reader of a source found, who has asked for what is allowed already.
    mutating func add(_ source: SourceFindings) {
        guard places[source.source] == nil else { return add(source.first) }
        guard !source.first.isEmpty else { return }
        for finding in source.first { told.insert(finding.hashValue) }
        places[source.source] = files.count
        files.append(source)
    }

    /// Adds several.
    mutating func add(_ findings: [Finding]) { for finding in findings { add(finding) } }
}
