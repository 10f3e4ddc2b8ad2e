// A description of how a database of others is asked: `name = value` lines, as Postfix writes them for its maps
// (sqlite_table(5), pgsql_table(5)), and with names of our own that all such descriptions share.

import Bytes
package import Configuration
import Maps
import System

/// Reads a description; each back end takes out of it what it knows.
package struct DescriptionReader {
    /// A line, or several that belong together.
    package struct Setting: Sendable {
        /// What stands before the sign.
        package let name: String
        /// What stands behind it, without blanks at both ends.
        package fileprivate(set) var value: String
        /// Its first line.
        package let line: Int
    }

    /// The names that mean something in a kind of description.
    package struct Names: Sendable {
        /// What it may say.
        package let known: [String]
        /// What of Postfix's own means something that is not carried over.
        package let foreign: [String]
        /// The manual page that has those.
        package let manual: String

        /// Says which they are.
        package init(known: [String], foreign: [String], manual: String) {
            self.known = known
            self.foreign = foreign
            self.manual = manual
        }
    }

    /// What was found; the readers of single settings add to it.
    package var found: FindingList
    /// Whose file it is and who may read it; nil where it cannot be read.
    package let mode: UInt32?
    private var settings: [Setting] = []

    /// The most members that rows are joined to, where the description does not say.
    private static let mostMembers = 1000

    /// Reads a file as far as it can be understood.
    package init(reading file: String, _ names: Names) {
        let read = ConfigurationFile(file) { error in
            error.isMissing ? "; make it, or correct its path in dbases.conf" : ""
        }
        found = FindingList(file, after: read.findings)
        mode = read.state.map { $0.identity.mode & 0o777 }
        for line in ConfigurationLine.all(in: read.bytes, &found) { take(line) }
        for setting in settings where !names.known.contains(setting.name) {
            found.error(
                .unknownSetting,
                names.foreign.contains(setting.name)
                    ? "'\(setting.name)' of \(names.manual) is not carried over; say it in the query"
                    : "'\(setting.name)' is unknown; known are \(names.known.joined(separator: ", "))"
                        + suggestion(for: setting.name, among: names.known),
                line: setting.line)
        }
    }

    private mutating func take(_ line: ConfigurationLine) {
        let text = String(decoding: line.text, as: UTF8.self)
        // As in Postfix, a line that begins with a blank goes on with the one before.
        if line.whole.first.map(ASCII.isBlank) ?? false {
            guard !settings.isEmpty else {
                found.error(.noAssignment, "continues no line before it; remove the blank", line: line.number)
                return
            }
            settings[settings.count - 1].value += " " + text
            return
        }
        guard let equals = text.firstIndex(of: "=") else {
            found.error(.noAssignment, "is no 'name = value'", line: line.number)
            return
        }
        func trimmed(_ part: Substring) -> String {
            String(decoding: ConfigurationLine.trimmed(Array(part.utf8)[...]), as: UTF8.self)
        }
        let name = trimmed(text[..<equals])
        if let first = settings.first(where: { $0.name == name }) {
            found.error(
                .repeatedSetting, "\(name) stands in line \(first.line) already; keep the one that is meant",
                line: line.number)
        }
        settings.append(
            Setting(name: name, value: trimmed(text[text.index(after: equals)...]), line: line.number))
    }

    /// A setting; nil where the file does not say it.
    package func setting(_ name: String) -> Setting? { settings.first { $0.name == name } }

    /// Whether the file was not read: a finding has said so.
    package var isUnreadable: Bool { found.has([.missingFile, .unreadableFile]) }

    /// The query.
    ///
    /// - Returns: nil where a finding says why there is none.
    package mutating func query(_ dialect: QueryTemplate.Dialect) -> QueryTemplate? {
        guard let query = setting("query") else {
            if !isUnreadable {
                found.error(
                    .missingField, "has no query; write one like query = SELECT goto FROM alias WHERE address = '%s'")
            }
            return nil
        }
        do {
            return try QueryTemplate(query.value, dialect: dialect)
        } catch {
            found.error(.invalidValue, "query: \(error.text)", line: query.line)
            return nil
        }
    }

    /// What `rows`, `expansion_limit` and `result_format` say.
    ///
    /// - Parameter isPostfix: whether the file is one of Postfix, which joins whatever comes.
    package mutating func answerForm(isPostfix: Bool) -> AnswerForm {
        var form = AnswerForm()
        form.rows = isPostfix ? .joined(limit: Self.mostMembers) : .refused
        if let rows = setting("rows") {
            switch rows.value {
            case "one": form.rows = .refused
            case "join": form.rows = .joined(limit: Self.mostMembers)
            default:
                found.error(
                    .invalidValue, "rows is neither 'one' (several are a failure) nor 'join' (they are a list)",
                    line: rows.line)
            }
        }
        if let limit = setting("expansion_limit") {
            if let number = Int(limit.value), 0...Self.mostMembers ~= number {
                if number > 0, form.rows != .refused { form.rows = .joined(limit: number) }
            } else {
                found.error(
                    .invalidValue,
                    "expansion_limit is no number from 0 to \(Self.mostMembers): '\(limit.value)'", line: limit.line)
            }
        }
        if let format = setting("result_format") {
            do {
                form.format = try KeyTemplate(Array(format.value.utf8), isResult: true)
            } catch {
                found.error(.invalidValue, "result_format: \(error.text)", line: format.line)
            }
        }
        return form
    }

    /// The key that must be found; nil where none is named.
    package mutating func canary() -> [UInt8]? {
        guard let canary = setting("canary") else { return nil }
        if canary.value.isEmpty { found.error(.invalidValue, "canary names no key", line: canary.line) }
        return Array(canary.value.utf8)
    }
}

extension FindingList {
    /// Warns of a description that names no key which must be found.
    package mutating func warnOfMissingCanary() {
        warning(
            .missingCanary,
            "names no canary, a key that must be found: without it nothing is certainly absent, and mail for keys that are not found"
                + " is held; add canary, and a key that is always there")
    }
}

extension Finding.Name {
    /// A description that shows nothing by which an absence could be believed.
    package static let missingCanary = Finding.Name("missing-canary")
}
