// Which files make up the configuration, in which order they are read, and where zmailer.conf is looked for.

import Bytes
import Glibc

extension Settings {
    /// Where zmailer.conf is looked for when neither the command line nor `ZCONFIG` names it.
    public static let standardFiles = ["/etc/zmailer/zmailer.conf", "/etc/zmailer.conf"]

    /// Reads the configuration as `read` does, for callers who can use it only whole.
    ///
    /// - Throws: `ConfigurationError` for a file that cannot be read, for a value that cannot be used, and for a name that
    ///   is no setting's but very like one: with all of these that were found.
    public static func load(
        file: String? = nil,
        environmentFile: String? = environmentVariable("ZCONFIG"),
        standardFiles: [String] = Settings.standardFiles,
        overrides: [(name: String, value: String)] = [],
        systemHostname: String = Settings.systemHostname()
    ) throws(ConfigurationError) -> Settings {
        try read(
            file: file, environmentFile: environmentFile, standardFiles: standardFiles, overrides: overrides,
            systemHostname: systemHostname
        ).checked()
    }

    /// Reads the configuration: zmailer.conf, the plain settings of `$MAILSHARE/router.cf`, `$MAILVAR/mail.conf`.
    ///
    /// The last assignment to a name stands; mail.conf comes after router.cf because router.cf reads it near its end.
    /// An override stands before every file, and files see its value when they refer to it. Nothing is executed. A value
    /// that cannot be used leaves the default, and is an error among the findings.
    ///
    /// - Parameters:
    ///   - file: the zmailer.conf that the command line names (`--config`); it must exist.
    ///   - environmentFile: the one that the environment names (`ZCONFIG`); it must exist.
    ///   - standardFiles: where to look otherwise; the first that exists is read, and none need exist.
    ///   - overrides: names and values of `--set`, the last of a name first in rank.
    ///   - systemHostname: the default of `hostname`.
    public static func read(
        file: String? = nil,
        environmentFile: String? = environmentVariable("ZCONFIG"),
        standardFiles: [String] = Settings.standardFiles,
        overrides: [(name: String, value: String)] = [],
        systemHostname: String = Settings.systemHostname()
    ) -> Settings {
        var reader = SettingsReader(hostname: systemHostname, overrides: overrides)
        var source: String?
        if let named = file ?? environmentFile {
            let purpose = "zmailer.conf (\(file == nil ? "ZCONFIG" : "--config"))"
            if !take(named, purpose, into: &reader, scope: .everyName) {
                reader.note(
                    Finding(
                        .missingFile, .error, file: named,
                        text: "does not exist; name the zmailer.conf to read with --config or in the environment's"
                            + " ZCONFIG"))
            }
            source = named
        } else {
            source = standardFiles.first { take($0, "zmailer.conf", into: &reader, scope: .everyName) }
        }
        if let share = reader.text(.mailShare) {
            _ = take("\(share)/router.cf", "router.cf, its plain settings", into: &reader, scope: .plainSettings)
        }
        if let mailVar = reader.text(.mailVar) {
            _ = take("\(mailVar)/mail.conf", "mail.conf", into: &reader, scope: .everyName)
        }
        return Settings(
            file: source, placesLookedAt: source == nil ? standardFiles : [], reader: reader,
            systemHostname: systemHostname)
    }

    /// Reads one file; answers whether it exists.
    private static func take(
        _ path: String, _ purpose: String, into reader: inout SettingsReader, scope: SettingsReader.Scope
    ) -> Bool {
        let file = ConfigurationFile(path, isScript: scope == .plainSettings)
        reader.lookedFor(file, purpose)
        if !file.isMissing { reader.take(file, scope: scope) }
        return !file.isMissing
    }

    /// The error of a command that cannot do without a setting.
    ///
    /// - Parameters:
    ///   - name: the setting's name.
    ///   - purpose: what it is needed for, and what to do instead of setting it, if anything.
    public func missing(_ name: String, _ purpose: String) -> ConfigurationError {
        if let file { return ConfigurationError(file: file, text: "\(name) is not set: \(purpose)") }
        let places = placesLookedAt.isEmpty ? "" : ": there is neither \(placesLookedAt.joined(separator: " nor "))"
        return ConfigurationError(
            file: "zmailer.conf",
            text:
                "none was found\(places), and \(name) is not set otherwise (\(purpose)); name the file with --config or in"
                + " the environment's ZCONFIG, or use --set \(name)=VALUE")
    }

    private init(file: String?, placesLookedAt: [String], reader: consuming SettingsReader, systemHostname: String) {
        self.file = file
        self.placesLookedAt = placesLookedAt
        mailVar = reader.text(.mailVar)
        mailShare = reader.text(.mailShare)
        postOffice = reader.text(.postOffice)
        databaseType = reader.text(.databaseType) ?? "btree"
        hostname = reader.domain(.hostname) ?? systemHostname
        myDomain = reader.domain(.myDomain) ?? hostname
        organizationDomain = reader.domain(.organizationDomain) ?? ""
        let domains = reader.domains(.organizationDomains)
        organizationDomains =
            domains.isEmpty && !organizationDomain.isEmpty ? [organizationDomain] : domains
        acceptsAnyLocalUser = reader.flag(.acceptsAnyLocalUser, default: true)
        localUsers = reader.text(.localUsers)
        localDoesDomain = reader.flag(.localDoesDomain, default: false)
        if !reader.flag(.noFQLists, default: true) {
            reader.warn(.noFQLists, "is off, but lists by full address are never looked for here; remove the line")
        }
        preserveTailCase = reader.flag(.preserveTailCase, default: false)
        allowChannelLiteral = reader.flag(.allowChannelLiteral, default: false)
        localAddresses = reader.addresses(.localAddresses, default: ["127.0.0.1", "::1"])
        expansionDepth = reader.number(.expansionDepth, default: 100, in: 1...10_000)
        expansionSize = reader.number(.expansionSize, default: 10_000, in: 1...10_000_000)
        storeDomain = reader.domain(.storeDomain)
        lookupTimeout = reader.number(.lookupTimeout, default: 5, in: 1...3_600)
        findings = reader.findings
        origins = reader.origins
        filesLookedFor = reader.filesLookedFor

        var variables = reader.variables
        variables[SettingName.databaseType.rawValue] = databaseType
        variables[SettingName.hostname.rawValue] = hostname
        variables[SettingName.myDomain.rawValue] = myDomain
        self.variables = variables

        hostnameBytes = folded(hostname)
        myDomainBytes = folded(myDomain)
        organizationDomainsBytes = organizationDomains.map(folded)
        localAddressesBytes = localAddresses.map(folded)
    }

    /// The name that the system gives this host; `localhost` where it gives none.
    public static func systemHostname() -> String {
        // HOST_NAME_MAX is 64 on Linux; the byte beyond stays 0 and ends the name.
        var buffer = [CChar](repeating: 0, count: 66)
        guard unsafe gethostname(&buffer, buffer.count - 1) == 0, buffer[0] != 0 else { return "localhost" }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

/// A variable of the process's environment; nil where it is not set or empty.
public func environmentVariable(_ name: String) -> String? {
    guard let value = unsafe getenv(name), unsafe value.pointee != 0 else { return nil }
    return unsafe String(cString: value)
}

private func folded(_ text: String) -> [UInt8] {
    text.utf8.map(ASCII.lowercase)
}
