// The configurations that docs/ shows, as they stand there: what the tests run is what an administrator copies.

import Foundation
import ZRouteTestKit

/// A section of a page of docs/, with its examples.
struct DocumentedConfiguration {
    /// An example: the first word behind its opening fence, and its text.
    private let examples: [(language: String, text: String)]
    private let name: String

    /// Reads a section: from its heading to the next heading of its rank or above; all of the page where none is named.
    init(_ page: String, section: String? = nil) throws {
        name = section.map { "\(page), \($0)" } ?? page
        let root = URL(fileURLWithPath: #filePath).appendingPathComponent("../../../../docs").standardized
        let text = try String(contentsOf: root.appendingPathComponent(page), encoding: .utf8)
        var examples: [(language: String, text: String)] = []
        var isWanted = section == nil
        var open: (language: String, text: String)?
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix("```") {
                if let example = open {
                    if isWanted { examples.append(example) }
                    open = nil
                } else {
                    open = (String(line.dropFirst(3).prefix { $0 != " " }), "")
                }
            } else if open != nil {
                open?.text += line + "\n"
            } else if let section, line.hasPrefix("## ") {
                isWanted = line == "## \(section)"
            }
        }
        self.examples = examples
    }

    /// The example that begins with a comment naming a file.
    func file(_ path: String) throws -> String {
        let found = examples.filter { $0.language.isEmpty && $0.text.hasPrefix("# \(path)\n") }
        guard found.count == 1 else { throw CommandFailure("\(name) has \(found.count) examples of \(path)") }
        return found[0].text
    }

    /// The commands whose line begins so.
    func commands(_ beginning: String) -> [String] {
        examples.filter { $0.language == "sh" }.flatMap { $0.text.split(separator: "\n").map(String.init) }
            .filter { $0.hasPrefix(beginning) }
    }

    /// The one command whose line begins so.
    func command(_ beginning: String) throws -> String {
        let found = commands(beginning)
        guard found.count == 1 else { throw CommandFailure("\(name) has \(found.count) commands '\(beginning)'") }
        return found[0]
    }
}
