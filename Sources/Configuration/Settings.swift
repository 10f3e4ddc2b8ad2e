// The configuration as one typed value: what zmailer.conf, router.cf's plain settings, mail.conf and --set say,
// checked once, so that nothing downstream reads a variable by its name again.

import Bytes

/// What ZMailer's configuration files and the command line set.
public struct Settings: ConfigurationReading, Sendable, Hashable {
    /// The zmailer.conf that was read; nil where there is none and the defaults stand.
    public let file: String?
    /// Where a zmailer.conf was looked for in vain; empty where one was read.
    public let placesLookedAt: [String]
    /// Every variable with its value, for the expansion of `$MAILVAR` and the like in dbases.conf.
    public let variables: Variables
    /// What in the files cannot be used, or was probably not meant.
    public let findings: [Finding]
    /// Where variables got their values, by their names; a setting that is not among them has its default.
    public let origins: [String: SettingOrigin]
    /// The files that were looked for, in the order in which they are read.
    public let filesLookedFor: [FileLookedFor]

    /// `MAILVAR`: the directory of the maps and of mail.conf; nil where it is not set.
    public let mailVar: String?
    /// `MAILSHARE`: the directory of router.cf and scheduler.conf; nil where it is not set.
    public let mailShare: String?
    /// `POSTOFFICE`: the spool's directory; nil where it is not set.
    public let postOffice: String?
    /// `DBTYPE`: what `$DBTYPE` stands for in dbases.conf; `btree` unless set.
    public let databaseType: String

    /// `hostname`: this host's name, local even where no map says so; the system's own unless set.
    public let hostname: String
    /// `mydomain`: the domain that local addresses are written with; the hostname unless set.
    public let myDomain: String
    /// `orgdomain`: the organisation's domain; empty unless set.
    public let organizationDomain: String
    /// `orgdomains`: the organisation's domains, separated by `|` in the file; `orgdomain` alone unless set.
    public let organizationDomains: [String]

    /// `ROUTEUSER_IN_ABNORMAL_UNIX`: whether every local user may exist, because the message store knows them and the
    /// system's accounts do not; on unless set to an empty value.
    public let acceptsAnyLocalUser: Bool
    /// `LOCALUSERS`: a file in the form of passwd(5) to take instead of the system's accounts; nil unless set.
    public let localUsers: String?
    /// `localdoesdomain`: whether the user of a local route carries its domain; off unless set.
    public let localDoesDomain: Bool
    /// `preservetailcase`: whether a tail keeps its case through fqdnaliases and fqdnroutes; off unless set.
    public let preserveTailCase: Bool
    /// `allowchannelliteral`: whether a typed `@[channel]:user@domain` selects a channel; off unless set.
    public let allowChannelLiteral: Bool
    /// `localaddresses`: the address literals that are this host, in canonical form without brackets.
    public let localAddresses: [String]

    /// `expansiondepth`: how many expansions may nest for one address; 100 unless set.
    public let expansionDepth: Int
    /// `expansionsize`: how many recipients one address may expand to; 10,000 unless set.
    public let expansionSize: Int
    /// `storedomain`: the domain below which `serve` writes the hosts of stores in addresses for other mailers; nil unless set.
    public let storeDomain: String?
    /// `lookuptimeout`: the seconds after which a lookup that has not answered counts as failed; 5 unless set.
    public let lookupTimeout: Int

    /// `hostname` as bytes, lower-cased.
    public let hostnameBytes: [UInt8]
    /// `mydomain` as bytes, lower-cased.
    public let myDomainBytes: [UInt8]
    /// `orgdomains` as bytes, each lower-cased.
    public let organizationDomainsBytes: [[UInt8]]
    /// `localaddresses` as bytes, each in canonical form, lower-cased.
    public let localAddressesBytes: [[UInt8]]
}

// The names that mean something here. Any other name in the files is only a variable to expand: they are shared with
// ZMailer, which knows many more.

/// A name of zmailer.conf, mail.conf or router.cf that has a meaning here.
enum SettingName: String, CaseIterable {
    case mailVar = "MAILVAR"
    case mailShare = "MAILSHARE"
    case postOffice = "POSTOFFICE"
    case logDirectory = "LOGDIR"
    case databaseType = "DBTYPE"
    case hostname
    case myDomain = "mydomain"
    case organizationDomain = "orgdomain"
    case organizationDomains = "orgdomains"
    case acceptsAnyLocalUser = "ROUTEUSER_IN_ABNORMAL_UNIX"
    case localUsers = "LOCALUSERS"
    case localDoesDomain = "localdoesdomain"
    case noFQLists = "nofqlists"
    case preserveTailCase = "preservetailcase"
    case allowChannelLiteral = "allowchannelliteral"
    case localAddresses = "localaddresses"
    case expansionDepth = "expansiondepth"
    case expansionSize = "expansionsize"
    case storeDomain = "storedomain"
    case lookupTimeout = "lookuptimeout"

    /// Names of ZMailer's own that are like one of these: where they stand, they are meant.
    private static let zmailer: Set<String> = [
        "MAILBIN", "MAILBOX", "MAILSERVER", "ORGDOMAIN", "LOGLEVEL", "DBEXT", "DBEXTtest", "HOSTNAME", "LOCALNAME",
    ]

    /// The setting that a name which is none was probably meant to be; nil where it is like none.
    static func nearest(to name: String) -> SettingName? {
        guard SettingName(rawValue: name) == nil, !zmailer.contains(name) else { return nil }
        // Whoever numbers a name, as in MAILVAR2, means another one.
        let isNumbered = name.utf8.last.map(ASCII.isDigit) == true
        guard !isNumbered else { return nil }
        return nearestName(to: name, among: allCases.lazy.map(\.rawValue)).flatMap(SettingName.init)
    }
}
