// From variables to settings: each name's value is checked where it was last set, so that a message can say where.

import Bytes
import Glibc

/// The variables that the files and overrides set, each with its place, on the way to `Settings`.
struct SettingsReader {
    var variables: Variables
    private var places: [String: Place] = [:]
    private let overridden: Set<String>
    /// What was probably not meant, in the order in which the files are read.
    private(set) var findings: [Finding] = []
    /// Names that are like a setting's and are none: an error, unless some value refers to them.
    private var doubtful: [(finding: Finding, name: String)] = []
    private var referred: Set<String> = []

    private static let longestLine = 65_536

    /// Where a variable got its value.
    private struct Place {
        let file: String
        let line: Int?
    }

    /// Which names a file may set.
    enum Scope {
        /// Every name: zmailer.conf and mail.conf. Their unreadable assignments to our names are errors.
        case everyName
        /// Only our names, only unindented, and what cannot be read is passed over: router.cf, which is a script.
        case plainSettings
    }

    /// Starts from the defaults that other values may refer to, and from the overrides, which no file changes.
    init(hostname: String, overrides: [(name: String, value: String)]) throws(ConfigurationError) {
        variables = Variables([
            SettingName.databaseType.rawValue: "btree",
            SettingName.hostname.rawValue: hostname,
        ])
        overridden = Set(overrides.map(\.name))
        for (name, value) in overrides {
            guard let whole = leadingName(Array(name.utf8)[...]), whole.count == name.utf8.count,
                !value.utf8.contains(0)
            else {
                throw ConfigurationError(file: "--set", text: "'\(name)=\(value)' is no NAME=VALUE")
            }
            if let character = UnseenCharacter(in: value.utf8) {
                throw ConfigurationError(file: "--set", text: "the value of \(name): \(character.explanation)")
            }
            variables[name] = value
            places[name] = Place(file: "--set", line: nil)
            note(name, file: "--set", line: nil)
        }
    }

    /// Takes the assignments of one file.
    mutating func take(_ bytes: [UInt8], from file: String, scope: Scope) throws(ConfigurationError) {
        var number = 0
        for whole in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            number += 1
            let line = whole.last == UInt8(ascii: "\r") ? whole.dropLast() : whole
            guard line.count <= Self.longestLine else {
                throw ConfigurationError(
                    file: file, line: number, text: "the line is longer than \(Self.longestLine) bytes; shorten it")
            }
            if scope == .plainSettings, let first = line.first, ASCII.isBlank(first) { continue }
            guard
                let (name, value, unset) = try assignment(
                    AssignmentLine(line, variables: variables), file: file, line: number, scope: scope),
                !overridden.contains(name)
            else { continue }
            guard !value.utf8.contains(0) else {
                throw ConfigurationError(file: file, line: number, text: "the value of \(name) has a NUL; remove it")
            }
            if scope == .plainSettings {
                guard let setting = SettingName(rawValue: name) else { continue }
                if let character = UnseenCharacter(in: line) { throw character.error(file: file, line: number) }
                // The router.cf that ZMailer installs marks "not set" so, and replaces it further down.
                if setting == .organizationDomains, value == "x" { continue }
            }
            if scope == .everyName, SettingName(rawValue: name) != nil, let missing = unset.first {
                throw Finding(
                    .unsetVariable, .error, file: file, line: number,
                    text: "the value of \(name) refers to $\(missing), which is not set; set it before this line"
                        + suggestion(for: missing, among: variables.names)
                ).configurationError
            }
            if scope == .everyName { note(name, file: file, line: number) }
            for reference in VariableReference.all(in: line) { referred.insert(reference) }
            variables[name] = value
            places[name] = Place(file: file, line: number)
        }
    }

    /// What a line assigns; nil where it assigns nothing that is of use here.
    private mutating func assignment(
        _ parsed: AssignmentLine, file: String, line: Int, scope: Scope
    ) throws(ConfigurationError) -> (name: String, value: String, unset: [String])? {
        switch parsed {
        case .assignment(let name, let value, let unset): return (name, value, unset)
        case .nothing: return nil
        case .unreadable(let name, let reason):
            guard scope == .everyName, SettingName(rawValue: name) != nil, !overridden.contains(name) else {
                return nil
            }
            throw ConfigurationError(file: file, line: line, text: "the value of \(name) \(reason)")
        case .other(let word):
            guard scope == .everyName else { return nil }
            if let setting = SettingName(rawValue: word) ?? SettingName.nearest(to: word) {
                throw Finding(
                    .noAssignment, .error, file: file, line: line,
                    text: "'\(word)' is set to nothing by this line; write \(setting.rawValue)=VALUE, without blanks"
                        + " around the '='"
                ).configurationError
            }
            findings.append(
                Finding(
                    .noAssignment, .warning, file: file, line: line,
                    text: "the line is no NAME=VALUE and has no effect: no shell reads this file; remove it, or put"
                        + " '#' before it"))
            return nil
        }
    }

    /// Notices a name that is no setting, but is like one.
    private mutating func note(_ name: String, file: String, line: Int?) {
        guard let setting = SettingName.nearest(to: name) else { return }
        let finding = Finding(
            .unknownSetting, .error, file: file, line: line,
            text:
                "no setting has the name '\(name)'; did you mean '\(setting.rawValue)'? A variable of your own needs a"
                + " name that is less like it, or a value that refers to it")
        doubtful.append((finding, name))
    }

    /// Ends the reading.
    ///
    /// - Throws: `ConfigurationError` for a name that is like a setting's, is none, and that nothing refers to.
    func finish() throws(ConfigurationError) {
        if let first = doubtful.first(where: { !referred.contains($0.name) }) { throw first.finding.configurationError }
    }

    /// The value of a name where it is set to something.
    func text(_ name: SettingName) -> String? {
        guard let value = variables[name.rawValue], !value.isEmpty else { return nil }
        return value
    }

    /// A setting that is a domain.
    func domain(_ name: SettingName) throws(ConfigurationError) -> String? {
        guard let value = text(name) else { return nil }
        try check(domain: value, name)
        return value
    }

    /// The domains of a list.
    func domains(_ name: SettingName) throws(ConfigurationError) -> [String] {
        let items = list(name, separators: "| ") ?? []
        for item in items { try check(domain: item, name) }
        return items
    }

    private func check(domain: String, _ name: SettingName) throws(ConfigurationError) {
        // Domains of addresses are judged elsewhere, and strictly: this only finds what was meant as something else.
        let isDomain = domain.utf8.allSatisfy { byte in
            byte > 0x20 && byte != 0x7F && !"@/:;,<>()[]\"\\!%".utf8.contains(byte)
        }
        guard isDomain, domain.utf8.count <= 255, domain.utf8.first != UInt8(ascii: "."),
            domain.utf8.last != UInt8(ascii: "."), !domain.contains("..")
        else { throw unusable(name, "is no domain: '\(domain)'; write one such as mail.example.org") }
    }

    /// A switch: on by 1, yes, on, true; off by an empty value, 0, no, off, false.
    func flag(_ name: SettingName, default standard: Bool) throws(ConfigurationError) -> Bool {
        guard let value = variables[name.rawValue] else { return standard }
        switch value.lowercased() {
        case "", "0", "n", "no", "off", "false": return false
        case "1", "y", "yes", "on", "true": return true
        default: throw unusable(name, "is neither on nor off: '\(value)'; write 1, or nothing after the =")
        }
    }

    /// A whole number within a range.
    func number(
        _ name: SettingName, default standard: Int, in range: ClosedRange<Int>
    ) throws(ConfigurationError) -> Int {
        guard let value = text(name) else { return standard }
        guard value.utf8.allSatisfy(ASCII.isDigit) else {
            throw unusable(name, "is no whole number: '\(value)'; write one from \(range.lowerBound) on")
        }
        guard let number = Int(value), range.contains(number) else {
            throw unusable(
                name, "is out of range: '\(value)'; write a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// The error for a value that stands where the name was last set.
    func unusable(_ name: SettingName, _ text: String) -> ConfigurationError {
        let place = places[name.rawValue] ?? Place(file: "--set", line: nil)
        return ConfigurationError(file: place.file, line: place.line, text: "\(name.rawValue) \(text)")
    }

    /// The items of a list, separated by any of the given bytes.
    func list(_ name: SettingName, separators: String) -> [String]? {
        variables[name.rawValue].map { value in
            value.utf8.split { separators.utf8.contains($0) }.map { String(decoding: $0, as: UTF8.self) }
        }
    }

    /// The address literals of `localaddresses`: brackets and the tag `IPv6:` (RFC 5321, 4.1.3) are optional.
    func addresses(_ name: SettingName, default standard: [String]) throws(ConfigurationError) -> [String] {
        guard let items = list(name, separators: " \t,") else { return standard }
        var result: [String] = []
        for item in items {
            var text = item[...]
            if text.hasPrefix("["), text.hasSuffix("]") { text = text.dropFirst().dropLast() }
            if text.lowercased().hasPrefix("ipv6:") { text = text.dropFirst(5) }
            guard let canonical = canonicalAddress(String(text)) else {
                throw unusable(name, "has '\(item)', which is no IPv4 or IPv6 address; correct or remove it")
            }
            result.append(canonical)
        }
        return result
    }
}

/// The canonical text of an IPv4 or IPv6 address; nil where the text is neither.
private func canonicalAddress(_ text: String) -> String? {
    var storage = in6_addr()
    for family in [AF_INET, AF_INET6] where unsafe inet_pton(family, text, &storage) == 1 {
        // An IPv6 address with its end is at most 46 bytes (INET6_ADDRSTRLEN).
        var buffer = [CChar](repeating: 0, count: 46)
        guard unsafe inet_ntop(family, &storage, &buffer, socklen_t(buffer.count)) != nil else { return nil }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
    return nil
}

extension Finding.Name {
    /// A name like a setting's that is none.
    static let unknownSetting = Finding.Name("unknown-setting")
    /// A line that assigns nothing.
    static let noAssignment = Finding.Name("no-assignment")
    /// A variable that a value refers to and that is not set.
    package static let unsetVariable = Finding.Name("unset-variable")
}
