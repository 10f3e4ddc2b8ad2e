// What a conversion has to say: what was not carried over, and what is otherwise here, each with its place and a remedy.

package import System

/// Something that is not as it was.
package struct ConversionNote: Sendable, Hashable {
    /// What became of it.
    package enum Kind: String, Sendable {
        /// It is not in the new site.
        case leftOut = "not carried over"
        /// It is in the new site, and works otherwise.
        case differs = "differs"
        /// Good to know.
        case remark
    }

    /// What became of it.
    package let kind: Kind
    /// The file.
    package let file: String
    /// The line, counted from 1; nil where there is none.
    package var line: Int?
    /// The parameter of main.cf.
    package var parameter: String?
    /// The table, `type:name`.
    package var map: String?
    /// The key.
    package var key: String?
    /// The cause, and what to do.
    package let text: String

    /// The form of reports.
    package var description: String {
        let place = file + (line.map { ":\($0)" } ?? "")
        let what = [parameter, map, key.map { "key '\($0)'" }].compactMap { $0 }.map { "\($0): " }.joined()
        return "\(place): \(kind.rawValue): \(what)\(text)"
    }
}

/// All notes of a conversion, and what was carried over.
package struct ConversionReport: Sendable {
    /// The notes in the order in which they were made, each once.
    package private(set) var notes: [ConversionNote] = []
    private var known: Set<ConversionNote> = []
    /// What was counted.
    package private(set) var counts: [(what: String, count: Int)] = []

    /// Whether something is not in the new site.
    package var isIncomplete: Bool { notes.contains { $0.kind == .leftOut } }

    mutating func add(_ note: ConversionNote) {
        guard known.insert(note).inserted else { return }
        notes.append(note)
    }

    mutating func count(_ what: String, _ count: Int) {
        if count > 0 { counts.append((what, count)) }
    }

    /// The report as text, a line for each note behind the counts.
    package var text: String {
        var lines = counts.map { "# \($0.what): \($0.count)" }
        for kind in [ConversionNote.Kind.leftOut, .differs, .remark] {
            lines += notes.filter { $0.kind == kind }.map(\.description)
        }
        return lines.map { "\($0)\n" }.joined()
    }
}

// Why nothing could be converted.

/// What ends a conversion before anything is written.
package enum ConversionError: Error, CustomStringConvertible {
    /// A file could not be read or written.
    case file(FileError)
    /// A file says what cannot be used.
    case unusable(file: String, line: Int?, text: String)

    /// The form of messages.
    package var description: String {
        switch self {
        case .file(let error): error.description
        case .unusable(let file, let line, let text): "\(file)\(line.map { ":\($0)" } ?? ""): \(text)"
        }
    }
}
