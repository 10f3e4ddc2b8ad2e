// What there is to know of each kind of findings beside the single finding: for docs/findings.md, which is made of it, and for
// programs that show findings by their rules.

package import Configuration

/// A kind of findings.
package struct FindingKind: Sendable {
    /// Where findings of a kind are about.
    package enum Area: String, Sendable, CaseIterable {
        case configuration = "Configuration files"
        case databases = "dbases.conf and environments"
        case delivery = "scheduler.conf, secrets and TLS"
        case lines = "Lines of maps"
        case keys = "Keys of maps"
        case values = "Values of maps"
        case site = "What files say together"
        case probe = "Servers, with --probe"
    }

    /// Its name.
    package let name: Finding.Name
    /// What its findings are about.
    package let area: Area
    /// How severe its findings are: `error`, `warning`, or `error, warning`.
    package let severities: String
    /// What is wrong, in one sentence.
    package let meaning: String
    /// What to do.
    package let remedy: String
    /// An example.
    package let example: String

    /// All kinds, in the order of the documentation.
    package static let all: [FindingKind] = [
        (.configuration, ofConfiguration), (.databases, ofDatabases), (.delivery, ofDelivery), (.lines, ofLines),
        (.keys, ofKeys), (.values, ofValues), (.site, ofSite), (.probe, ofProbe),
    ].flatMap { (area: Area, rows: [Row]) in
        rows.map { row in
            FindingKind(
                name: Finding.Name(row.0), area: area, severities: row.1, meaning: row.2, remedy: row.3, example: row.4)
        }
    }

    /// The kind of a name; nil for a name that no finding has.
    package static func named(_ name: Finding.Name) -> FindingKind? { byName[name] }

    private static let byName = Dictionary(all.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })

    /// Name, severities, meaning, remedy, example.
    typealias Row = (String, String, String, String, String)
}

extension FindingKind {
    /// The page docs/findings.md.
    package static var documentation: String {
        var text = FindingKind.introduction
        for area in Area.allCases {
            text += "\n## \(area.rawValue)\n\n| name | | what it is | what to do | example |\n|---|---|---|---|---|\n"
            for kind in all where kind.area == area {
                let cells = [kind.meaning, kind.remedy, kind.example].map { $0.replacing("|", with: "\\|") }
                text += "| `\(kind.name)` | \(kind.severities) | \(cells.joined(separator: " | ")) |\n"
            }
        }
        return text
    }

    private static let introduction = """
        # Findings

        What `zroute check` finds, by name. The names never change: scripts, `--allow` and comments call them. Commands that read
        the same files say those that concern them under the same names; [maps.md](maps.md) has more examples of lines, keys and
        values, and [configuration.md](configuration.md) says what the files are for.

        An error is something that cannot be used, or that keeps mail from arriving; a warning is used, and probably means something
        else than its owner thinks. Who means it says so:

        - `--allow NAME` on the command line, any number of times; `--allow all` for every name.
        - `# zroute: allow NAME` on a line of its own before the line that is named, in every file that has comments with `#`: maps,
          zmailer.conf, dbases.conf, sleepyenv.conf, scheduler.conf, secrets, TLS files. It counts for the next line that is no
          comment. Where a finding names no line, such a comment before the first line of its file counts.

        `unreadable-line` and `nul-byte` of maps cannot be allowed in their source: such a line has no key and value.

        ## Output

        | form | content |
        |---|---|
        | `--format text` | `FILE:LINE: SEVERITY: TEXT (NAME)` for each finding, and last a line with their numbers |
        | `--format json` | one object: `findings`, each with `file`, `line` (where it names one), `severity`, `name`, `text`, `remedy`; `more`, each with `file`, `severity`, `count`; `errors`, `warnings`, `entries`, `maps` |
        | `--format sarif` | SARIF 2.1.0: a rule for each name that was found, a result for each finding |

        Of each file the first 20 errors and the first 20 warnings are told, and the others counted. The exit status is 0 if nothing
        is found, 1 if there are warnings alone, or tests that fail, 65 if a map, the spool or a server has an error, 78 if a configuration file has one,
        and 75 if all errors are of files that are being written.

        A compiled map is judged by its source, and read once to see that it is whole; a live map is read once, in pieces, with no lock
        held in between, and nobody waits for it. Nothing is written. With `--probe` servers are connected to: LHLO, STARTTLS and AUTH
        as scheduler.conf says, MAIL with the null sender, RCPT for three mailboxes of each route, RSET and QUIT.

        """
}
