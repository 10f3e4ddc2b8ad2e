// Which findings are meant, and so are no findings: chosen by name on the command line or in a comment beside the entry.

/// A choice of findings by their names.
public struct AllowedFindings: Sendable, Hashable {
    private var names: Set<Finding.Name> = []
    private var allowsAll = false

    /// Allows nothing.
    public init() {}

    /// Allows everything that has a name which can be allowed.
    public static let all: AllowedFindings = {
        var allowed = AllowedFindings()
        allowed.allowsAll = true
        return allowed
    }()

    /// The word that stands for every name.
    public static let everyName = "all"

    /// Allows a kind of finding.
    ///
    /// - Parameters:
    ///   - word: its name, or `all`.
    ///   - known: the names that can be allowed.
    /// - Returns: whether the word is one of them.
    public mutating func allow(_ word: String, of known: [Finding.Name]) -> Bool {
        if word == Self.everyName {
            allowsAll = true
            return true
        }
        let name = Finding.Name(word)
        guard known.contains(name) else { return false }
        names.insert(name)
        return true
    }

    /// Whether a kind of finding is allowed.
    public func contains(_ name: Finding.Name) -> Bool { allowsAll || names.contains(name) }
}

// The findings of one source: a broken file can have millions, of which people need the first ones and the number.

/// What was found in one source: the first findings of each severity, and how many there are.
public struct SourceFindings: Sendable, Hashable {
    /// What messages call the source.
    public let source: String
    /// How many errors there are.
    public private(set) var errorCount = 0
    /// How many warnings there are.
    public private(set) var warningCount = 0
    private var kept: [Finding] = []

    /// How many findings of each severity are kept.
    public static let limit = 20

    /// Nothing has been found yet.
    public init(source: String) { self.source = source }

    /// Adds a finding; those of one kind come in the order of their lines.
    public mutating func add(_ finding: Finding) {
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
    public var first: [Finding] {
        kept.enumerated().sorted { left, right in
            let (one, other) = (left.element.line ?? 0, right.element.line ?? 0)
            return one == other ? left.offset < right.offset : one < other
        }.map(\.element)
    }

    /// The first error in the order of lines.
    public var firstError: Finding? { first.first { $0.severity == .error } }

    /// What is said of the findings that are not kept: one line for each severity that has some.
    public var remainders: [String] {
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

// The findings of a file while it is read: what is wrong with a line that has a character which nobody sees is said once.

/// What was found in one file so far.
public struct FindingList: Sendable {
    /// What messages call the file.
    public let file: String
    private var found: [Finding]
    /// The lines about which nothing more is said.
    private let settled: Set<Int>

    /// Begins a list.
    ///
    /// - Parameters:
    ///   - file: what messages call the file.
    ///   - before: what was found when the file was read, before its lines were looked at.
    public init(_ file: String, after before: [Finding] = []) {
        self.file = file
        found = before
        settled = Set(before.compactMap(\.line))
    }

    /// Adds what cannot be used.
    public mutating func error(_ name: Finding.Name, _ text: String, line: Int? = nil) {
        add(Finding(name, .error, file: file, line: line, text: text))
    }

    /// Adds what is used, and probably means something else than its owner thinks.
    public mutating func warning(_ name: Finding.Name, _ text: String, line: Int? = nil) {
        add(Finding(name, .warning, file: file, line: line, text: text))
    }

    private mutating func add(_ finding: Finding) {
        if let line = finding.line, settled.contains(line) { return }
        found.append(finding)
    }

    /// Whether something of one of these kinds was found.
    public func has(_ names: [Finding.Name]) -> Bool { found.contains { names.contains($0.name) } }

    /// All of it, in the order of lines; last what is about the file as a whole.
    public var inOrder: [Finding] { found.inOrderOfLines }
}

extension Array<Finding> {
    /// The findings about one file in the order of lines, those about the file as a whole last.
    public var inOrderOfLines: [Finding] {
        enumerated().sorted { left, right in
            let (one, other) = (left.element.line ?? .max, right.element.line ?? .max)
            return one == other ? left.offset < right.offset : one < other
        }.map(\.element)
    }
}
