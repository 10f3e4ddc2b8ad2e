// A description of how a directory is asked: the file of ZMailer's type ldap, `keyword value` lines, or that of Postfix's ldap_table(5),
// `name = value` lines. They are told apart by their first line; names of our own are the same in both.

import Bytes
import Configuration
import MapDescriptions
import Maps
import System

/// A description that was read.
struct LDAPDescription: ConfigurationReading {
    /// What it says; nil where an error among the findings says why not.
    let question: LDAPQuestion?
    let findings: [Finding]

    /// Reads a description as far as it can be understood.
    init(reading file: String) {
        var reader =
            Self.isOfPostfix(file) ? LDAPSettings(postfix: file) : LDAPSettings(zmailer: file)
        question = reader.question()
        findings = reader.found.inOrder
    }

    /// Whether the first line is an assignment.
    private static func isOfPostfix(_ file: String) -> Bool {
        var found = FindingList(file)
        guard let first = ConfigurationLine.all(in: ConfigurationFile(file).bytes, &found).first else { return false }
        let name = first.text.prefix {
            $0 == UInt8(ascii: "_") || ASCII.isDigit($0) || ($0 | 0x20) &- UInt8(ascii: "a") < 26
        }
        return !name.isEmpty && first.text[name.endIndex...].drop(while: ASCII.isBlank).first == UInt8(ascii: "=")
    }
}

extension LDAPQuestion {
    /// Reads a description.
    ///
    /// - Throws: with every error in it. For a lookup that is a failure of the map.
    init(describedIn file: String) throws(ConfigurationError) {
        guard let question = try LDAPDescription(reading: file).checked().question else {
            throw ConfigurationError(file: file, text: "says too little")
        }
        self = question
    }
}

/// The settings of a description, by what they are called in ZMailer's file.
struct LDAPSettings {
    /// One of them.
    struct Setting {
        let name: String
        let value: String
        let line: Int
    }

    var found: FindingList
    let isOfPostfix: Bool
    let mode: UInt32?
    private let isUnreadable: Bool
    /// By their names in this file.
    private var settings: [Setting] = []
    private let form: AnswerForm
    private let canary: [UInt8]?

    /// What Postfix calls what ZMailer calls otherwise.
    private static let postfixNames = [
        "uri": "server_host", "ldapport": "server_port", "base": "search_base", "filter": "query_filter",
        "attr": "result_attribute", "binddn": "bind_dn", "passwd": "bind_pw", "protocol": "version",
        "sasl_mech": "sasl_mechs", "debug": "debuglevel",
    ]
    /// What both files call the same, our own names among them.
    private static let common = [
        "scope", "start_tls", "tls_ca_cert_file", "tls_ca_cert_dir", "tls_cert", "tls_key", "tls_require_cert",
        "tls_cipher_suite", "dereference", "canary", "marker", "rows", "sasl_authz_id", "copy", "maxage",
        "max_lag",
    ]
    private static let ofZMailer =
        [
            "base", "uri", "ldaphost", "ldapport", "binddn", "passwd", "authmethod", "sasl_secprops", "sasl_realm",
            "sasl_mech", "sasl_authc_id", "attr", "filter", "protocol", "debug",
        ] + common
    private static let ofPostfix =
        postfixNames.values.sorted() + common + [
            "bind", "timeout", "expansion_limit", "size_limit", "result_format", "chase_referrals", "sasl_realm",
        ]
    private static let notCarriedOver = [
        "domain", "result_filter", "special_result_attribute", "leaf_result_attribute", "terminal_result_attribute",
        "cache", "cache_expiry", "cache_size", "tls_random_file", "recursion_limit",
    ]

    /// Reads a file of Postfix.
    init(postfix file: String) {
        var reader = DescriptionReader(
            reading: file,
            DescriptionReader.Names(
                known: Self.ofPostfix, foreign: Self.notCarriedOver, manual: "ldap_table(5)"))
        isOfPostfix = true
        form = reader.answerForm(isPostfix: true)
        canary = reader.canary()
        mode = reader.mode
        isUnreadable = reader.isUnreadable
        settings = Self.ofPostfix.compactMap { name in
            reader.setting(name).map { Setting(name: name, value: $0.value, line: $0.line) }
        }
        found = reader.found
    }

    /// Reads a file of ZMailer.
    init(zmailer file: String) {
        let read = ConfigurationFile(file) { error in
            error.isMissing ? "; make it, or correct its path in dbases.conf" : ""
        }
        var found = FindingList(file, after: read.findings)
        var settings: [Setting] = []
        for line in ConfigurationLine.all(in: read.bytes, &found) {
            let text = line.whole.drop(while: ASCII.isBlank)
            let word = text.prefix { !ASCII.isBlank($0) }
            let name = String(decoding: word, as: UTF8.self).lowercased()
            guard Self.ofZMailer.contains(name) else {
                found.error(
                    .unknownSetting,
                    "'\(name)' is unknown; known are \(Self.ofZMailer.joined(separator: ", "))"
                        + suggestion(for: name, among: Self.ofZMailer), line: line.number)
                continue
            }
            if let first = settings.first(where: { $0.name == name }) {
                found.error(
                    .repeatedSetting, "\(name) stands in line \(first.line) already; keep the one that is meant",
                    line: line.number)
            }
            // A password may end with a blank; nothing else does.
            let rest = text[word.endIndex...].drop(while: ASCII.isBlank)
            let value = name == "passwd" ? rest : ConfigurationLine.trimmed(rest)
            settings.append(Setting(name: name, value: String(decoding: value, as: UTF8.self), line: line.number))
        }
        var form = AnswerForm()
        if let rows = settings.first(where: { $0.name == "rows" }) {
            switch rows.value {
            case "one": break
            case "join": form.rows = .joined(limit: Self.mostMembers)
            default:
                found.error(
                    .invalidValue, "rows is neither 'one' (several are a failure) nor 'join' (they are a list)",
                    line: rows.line)
            }
        }
        let named = settings.first { $0.name == "canary" }
        if let named, named.value.isEmpty { found.error(.invalidValue, "canary names no key", line: named.line) }
        isOfPostfix = false
        self.form = form
        canary = named.map { Array($0.value.utf8) }
        mode = read.state.map { $0.identity.mode & 0o777 }
        isUnreadable = found.has([.missingFile, .unreadableFile])
        self.settings = settings
        self.found = found
    }

    private static let mostMembers = 1000

    /// A setting, by its name in ZMailer's file; nil where it is not set.
    func setting(_ name: String) -> Setting? {
        let own = isOfPostfix ? Self.postfixNames[name] ?? name : name
        return settings.first { $0.name == own }
    }

    /// All of it.
    mutating func question() -> LDAPQuestion? {
        guard !isUnreadable else { return nil }
        let servers = servers()
        let base = setting("base")
        if base == nil {
            let name = isOfPostfix ? "search_base = " : "base "
            found.error(.missingField, "names no search base; write \(name)dc=example,dc=org")
        }
        let filter = filter()
        let attributes = attributes()
        let access = access(servers)
        guard let base, let filter else { return nil }
        if isOfPostfix, base.value.contains("%") {
            found.error(.invalidValue, "a base made of the key is not carried over; write one", line: base.line)
        }
        var question = LDAPQuestion(access: access, base: base.value, filter: filter, attributes: attributes)
        question.scope = scope()
        question.form = form
        question.proof = LDAPProof(
            marker: setting("marker")?.value, canary: canary, longestLag: number("max_lag", in: 1...86_400))
        if let marker = setting("marker"), marker.value.isEmpty {
            found.error(.invalidValue, "marker names no entry", line: marker.line)
        }
        // One more than is taken shows that there are more.
        question.sizeLimit = Int32(clamping: form.mostRows) &+ 1
        if let limit = number("size_limit", in: 0...1_000_000), limit > 0 {
            question.sizeLimit = min(question.sizeLimit, Int32(clamping: limit))
        }
        question.copy.file = setting("copy").map {
            $0.value.hasPrefix("/") ? $0.value : "\(absolutePath(directory(of: found.file)))/\($0.value)"
        }
        question.copy.longestAge = number("maxage", in: 1...31_536_000)
        if canary == nil { found.warnOfMissingCanary() }
        return question
    }

    private mutating func filter() -> FilterTemplate? {
        let named = setting("filter")
        guard let text = named?.value ?? (isOfPostfix ? "(mailacceptinggeneralid=%s)" : nil) else {
            found.error(.missingField, "has no filter; write one like filter (mail=%s)")
            return nil
        }
        do {
            return try FilterTemplate(text.utf8)
        } catch {
            found.error(
                .invalidValue, "\(named?.name ?? "query_filter"): \(error.text)", line: named?.line)
            return nil
        }
    }

    private mutating func attributes() -> [String] {
        let named = setting("attr")
        guard let text = named?.value ?? (isOfPostfix ? "maildrop" : nil) else {
            found.error(.missingField, "names no attribute; write one like attr mailRoutingAddress")
            return []
        }
        let names = text.utf8.split { $0 == UInt8(ascii: ",") || ASCII.isBlank($0) }.map { String(Substring($0)) }
        if names.isEmpty {
            found.error(.invalidValue, "\(named?.name ?? "attr") names no attribute", line: named?.line)
        }
        return names
    }

    private mutating func scope() -> Int32 {
        guard let scope = setting("scope") else { return LDAPSearch.wholeTree }
        switch scope.value.lowercased() {
        case "sub", "subtree": return LDAPSearch.wholeTree
        case "one", "onelevel": return LDAPSearch.oneLevel
        case "base": return LDAPSearch.entryAlone
        default:
            found.error(.invalidValue, "scope is none of base, one and sub", line: scope.line)
            return LDAPSearch.wholeTree
        }
    }

    /// A flag; false where it is not set.
    mutating func flag(_ name: String, standard: Bool = false) -> Bool {
        guard let flag = setting(name) else { return standard }
        switch flag.value.lowercased() {
        case "yes", "y", "on", "true", "t", "1", "demand", "hard": return true
        case "no", "n", "off", "false", "f", "0", "never": return false
        default:
            found.error(.invalidValue, "\(flag.name) is neither yes nor no", line: flag.line)
            return standard
        }
    }

    /// A number; nil where it is not set, or is none.
    mutating func number(_ name: String, in range: ClosedRange<Int>) -> Int? {
        guard let setting = setting(name) else { return nil }
        guard let number = Int(setting.value), range ~= number else {
            found.error(
                .invalidValue, "\(setting.name) is no number from \(range.lowerBound) to \(range.upperBound)",
                line: setting.line)
            return nil
        }
        return number
    }
}
