// The findings of one source: a broken file can have millions, of which people need the first ones and the number.

/// What was found in one source: the first findings of each severity, and how many there are.
package struct SourceFindings: Sendable, Hashable {
    /// What messages call the source.
    package let source: String
    /// How many errors there are.
    package private(set) var errorCount = 0
    /// How many warnings there are.
    package private(set) var warningCount = 0
    private var kept: [Finding] = []

    /// How many findings of each severity are kept.
    package static let limit = 20

    /// Nothing has been found yet.
    package init(source: String) { self.source = source }

    /// Adds a finding; those of one kind come in the order of their lines.
    package mutating func add(_ finding: Finding) {
        switch finding.severity {
        case .error: errorCount += 1
        case .warning: warningCount += 1
        }
        guard (finding.severity == .error ? errorCount : warningCount) > Self.limit else {
            kept.append(finding)
            return
        }
        // An earlier line is worth more than a later one: kinds that are noticed last are not always the last ones.
        guard let last = lastKept(finding.severity), Self.precedes(finding, kept[last]) else { return }
        kept[last] = finding
    }

    /// The findings that are kept, in the order of lines.
    package var first: [Finding] {
        kept.enumerated().sorted { left, right in
            let (one, other) = (left.element.line ?? 0, right.element.line ?? 0)
            return one == other ? left.offset < right.offset : one < other
        }.map(\.element)
    }

    /// The first error in the order of lines.
    package var firstError: Finding? { first.first { $0.severity == .error } }

    /// What is said of the findings that are not kept: one line for each severity that has some.
    package var remainders: [String] {
        [(errorCount, "error"), (warningCount, "warning")].compactMap { count, what in
            guard count > Self.limit else { return nil }
            let rest = count - Self.limit
            return "\(source): \(rest) more \(what)\(rest == 1 ? "" : "s")"
        }
    }

    private func lastKept(_ severity: Finding.Severity) -> Int? {
        kept.indices.filter { kept[$0].severity == severity }.max { Self.precedes(kept[$0], kept[$1]) }
    }

    private static func precedes(_ left: Finding, _ right: Finding) -> Bool { (left.line ?? 0) < (right.line ?? 0) }
}
