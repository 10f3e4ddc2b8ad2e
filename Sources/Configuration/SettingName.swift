// The names that mean something here. Any other name in the files is only a variable to expand: they are shared with
// ZMailer, which knows many more.

import MailAddress

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
