// From variables to settings: each name's value is checked where it was last set, so that a message can say where.

import Bytes
import Glibc

/// The variables that the files and overrides set, each with its place, on the way to `Settings`.
struct SettingsReader {
    var variables: Variables
    private(set) var origins: [String: SettingOrigin] = [:]
    /// Which files were looked for, in the order in which they are read.
    private(set) var filesLookedFor: [FileLookedFor] = []
    private let overridden: Set<String>
    private var found: [Finding] = []
    /// Names that are like a setting's and are none: an error, unless some value refers to them.
    private var doubtful: [(finding: Finding, name: String)] = []
    private var referred: Set<String> = []
    /// The files in the order in which they were read, `--set` first.
    private var files = ["--set"]

    /// Which names a file may set.
    enum Scope {
        /// Every name: zmailer.conf and mail.conf. Their unreadable assignments to our names are errors.
        case everyName
        /// Only our names, only unindented, and what cannot be read is passed over: router.cf, which is a script.
        case plainSettings
    }

    /// Starts from the defaults that other values may refer to, and from the overrides, which no file changes.
    init(hostname: String, overrides: [(name: String, value: String)]) {
        variables = Variables([
            SettingName.databaseType.rawValue: "btree",
            SettingName.hostname.rawValue: hostname,
        ])
        overridden = Set(overrides.map(\.name))
        var list = FindingList("--set")
        for (name, value) in overrides {
            guard let whole = leadingName(Array(name.utf8)[...]), whole.count == name.utf8.count,
                !value.utf8.contains(0)
            else {
                list.error(.noAssignment, "'\(name)=\(value)' is no NAME=VALUE")
                continue
            }
            if let character = UnseenCharacter(in: value.utf8) {
                list.error(.invisibleCharacter, "the value of \(name): \(character.explanation)")
            }
            variables[name] = value
            origins[name] = .commandLine
            note(name, file: "--set", line: nil)
        }
        found += list.inOrder
    }

    /// Notices what became of a file that was looked for.
    mutating func lookedFor(_ file: ConfigurationFile, _ purpose: String) {
        let state: FileLookedFor.State =
            if file.isMissing { .missing } else if let reason = file.readingFailure { .unreadable(reason) } else {
                .present
            }
        filesLookedFor.append(FileLookedFor(file.path, purpose, state))
    }

    /// Notices what is wrong with a file that cannot be read.
    mutating func note(_ finding: Finding) { found.append(finding) }

    /// Takes the assignments of one file.
    mutating func take(_ file: ConfigurationFile, scope: Scope) {
        files.append(file.path)
        var list = FindingList(file.path, after: file.findings)
        for line in ConfigurationLine.all(in: file.bytes, &list) { take(line, scope: scope, &list) }
        found += list.inOrder
    }

    private mutating func take(_ line: ConfigurationLine, scope: Scope, _ list: inout FindingList) {
        if scope == .plainSettings, let first = line.whole.first, ASCII.isBlank(first) { return }
        let parsed = AssignmentLine(line.whole, variables: variables)
        guard let (name, value, unset) = assignment(parsed, line.number, scope, &list), !overridden.contains(name)
        else {
            return
        }
        guard !value.utf8.contains(0) else {
            list.error(.unreadableValue, "the value of \(name) has a NUL; remove it", line: line.number)
            return
        }
        if scope == .plainSettings {
            guard let setting = SettingName(rawValue: name) else { return }
            if let character = UnseenCharacter(in: line.whole) {
                list.error(.invisibleCharacter, character.explanation, line: line.number)
                return
            }
            // The router.cf that ZMailer installs marks "not set" so, and replaces it further down.
            if setting == .organizationDomains, value == "x" { return }
        }
        if scope == .everyName {
            if SettingName(rawValue: name) != nil, let missing = unset.first {
                list.error(
                    .unsetVariable,
                    "the value of \(name) refers to $\(missing), which is not set; set it before this line"
                        + suggestion(for: missing, among: variables.names), line: line.number)
            }
            note(name, file: list.file, line: line.number)
        }
        for reference in VariableReference.all(in: line.whole) { referred.insert(reference) }
        variables[name] = value
        origins[name] = .file(list.file, line: line.number)
    }

    /// What a line assigns; nil where it assigns nothing that is of use here.
    private func assignment(
        _ parsed: AssignmentLine, _ line: Int, _ scope: Scope, _ list: inout FindingList
    ) -> (name: String, value: String, unset: [String])? {
        switch parsed {
        case .assignment(let name, let value, let unset): return (name, value, unset)
        case .nothing: return nil
        case .unreadable(let name, let reason):
            if scope == .everyName, SettingName(rawValue: name) != nil, !overridden.contains(name) {
                list.error(.unreadableValue, "the value of \(name) \(reason)", line: line)
            }
            return nil
        case .other(let word):
            guard scope == .everyName else { return nil }
            if let setting = SettingName(rawValue: word) ?? SettingName.nearest(to: word) {
                list.error(
                    .noAssignment,
                    "'\(word)' is set to nothing by this line; write \(setting.rawValue)=VALUE, without blanks"
                        + " around the '='", line: line)
            } else {
                list.warning(
                    .noAssignment,
                    "the line is no NAME=VALUE and has no effect: no shell reads this file; remove it, or put"
                        + " '#' before it", line: line)
            }
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

    /// What is wrong with the files and the overrides, and what was probably not meant, in the order in which they are
    /// read: to be asked for when every value was asked for.
    var findings: [Finding] {
        let all = found + doubtful.filter { !referred.contains($0.name) }.map(\.finding)
        let groups = files.map { file in all.filter { $0.file == file }.inOrderOfLines }
        return groups.flatMap(\.self) + all.filter { !files.contains($0.file) }
    }

    /// The value of a name where it is set to something.
    func text(_ name: SettingName) -> String? {
        guard let value = variables[name.rawValue], !value.isEmpty else { return nil }
        return value
    }

    /// A setting that is a domain.
    mutating func domain(_ name: SettingName) -> String? {
        text(name).flatMap { isDomain($0, name) ? $0 : nil }
    }

    /// The domains of a list.
    mutating func domains(_ name: SettingName) -> [String] {
        var domains: [String] = []
        for item in list(name, separators: "| ") ?? [] where isDomain(item, name) { domains.append(item) }
        return domains
    }

    private mutating func isDomain(_ domain: String, _ name: SettingName) -> Bool {
        // Domains of addresses are judged elsewhere, and strictly: this only finds what was meant as something else.
        let isDomain = domain.utf8.allSatisfy { byte in
            byte > 0x20 && byte != 0x7F && !"@/:;,<>()[]\"\\!%".utf8.contains(byte)
        }
        guard isDomain, domain.utf8.count <= 255, domain.utf8.first != UInt8(ascii: "."),
            domain.utf8.last != UInt8(ascii: "."), domain.utf8Offset(of: "..") == nil
        else {
            unusable(name, "is no domain: '\(domain)'; write one such as mail.example.org")
            return false
        }
        return true
    }

    /// A switch: on by 1, yes, on, true; off by an empty value, 0, no, off, false.
    mutating func flag(_ name: SettingName, default standard: Bool) -> Bool {
        guard let value = variables[name.rawValue] else { return standard }
        switch value.lowercased() {
        case "", "0", "n", "no", "off", "false": return false
        case "1", "y", "yes", "on", "true": return true
        default:
            unusable(name, "is neither on nor off: '\(value)'; write 1, or nothing after the =")
            return standard
        }
    }

    /// A whole number within a range.
    mutating func number(_ name: SettingName, default standard: Int, in range: ClosedRange<Int>) -> Int {
        guard let value = text(name) else { return standard }
        guard value.utf8.allSatisfy(ASCII.isDigit) else {
            unusable(name, "is no whole number: '\(value)'; write one from \(range.lowerBound) on")
            return standard
        }
        guard let number = Int(value), range.contains(number) else {
            unusable(
                name, "is out of range: '\(value)'; write a number from \(range.lowerBound) to \(range.upperBound)")
            return standard
        }
        return number
    }

    /// Notices a value that cannot be used, where the name was last set.
    private mutating func unusable(_ name: SettingName, _ text: String) {
        found.append(finding(.invalidValue, .error, name, text))
    }

    /// Notices a value that has no effect.
    mutating func warn(_ name: SettingName, _ text: String) {
        found.append(finding(.settingWithoutEffect, .warning, name, text))
    }

    private func finding(
        _ kind: Finding.Name, _ severity: Finding.Severity, _ name: SettingName, _ text: String
    ) -> Finding {
        let text = "\(name.rawValue) \(text)"
        guard case .file(let file, let line)? = origins[name.rawValue] else {
            return Finding(kind, severity, file: "--set", text: text)
        }
        return Finding(kind, severity, file: file, line: line, text: text)
    }

    /// The items of a list, separated by any of the given bytes.
    func list(_ name: SettingName, separators: String) -> [String]? {
        variables[name.rawValue].map { value in
            value.utf8.split { separators.utf8.contains($0) }.map { String(decoding: $0, as: UTF8.self) }
        }
    }

    /// The address literals of `localaddresses`: brackets and the tag `IPv6:` (RFC 5321, 4.1.3) are optional.
    mutating func addresses(_ name: SettingName, default standard: [String]) -> [String] {
        guard let items = list(name, separators: " \t,") else { return standard }
        var result: [String] = []
        for item in items {
            var text = item[...]
            if text.hasPrefix("["), text.hasSuffix("]") { text = text.dropFirst().dropLast() }
            if text.lowercased().hasPrefix("ipv6:") { text = text.dropFirst(5) }
            guard let canonical = canonicalAddress(String(text)) else {
                unusable(name, "has '\(item)', which is no IPv4 or IPv6 address; correct or remove it")
                continue
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
    public static let unknownSetting = Finding.Name("unknown-setting")
    /// A line that assigns nothing.
    public static let noAssignment = Finding.Name("no-assignment")
    /// A value that only a shell could read, or nothing.
    static let unreadableValue = Finding.Name("unreadable-value")
    /// A value of ZMailer's that changes nothing here.
    static let settingWithoutEffect = Finding.Name("setting-without-effect")
    /// A setting that a file has twice.
    public static let repeatedSetting = Finding.Name("repeated-setting")
    /// A value that a setting cannot have.
    public static let invalidValue = Finding.Name("invalid-value")
    /// A variable that a value refers to and that is not set.
    public static let unsetVariable = Finding.Name("unset-variable")
}
