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
    case lookupTimeout = "lookuptimeout"
}
