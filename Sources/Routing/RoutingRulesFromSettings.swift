// From the configuration's settings to the rules of routing.

public import Configuration
import MailAddress

extension RoutingRules {
    /// The rules that a site's settings say.
    public init(_ settings: Settings) {
        self.init()
        hostname = settings.hostnameBytes
        atMyDomain = [UInt8(ascii: "@")] + Array(settings.myDomain.utf8)
        organisationDomains = settings.organizationDomains.map { Array($0.utf8) }
        organisationDomain = Array(settings.organizationDomain.utf8)
        localAddresses = settings.localAddresses.compactMap { AddressLiteral($0.utf8) }
        anyLocalUserExists = settings.acceptsAnyLocalUser
        localUserKeepsDomain = settings.localDoesDomain
        preservesTailCase = settings.preserveTailCase
        allowsChannelLiteral = settings.allowChannelLiteral
        expansionDepth = settings.expansionDepth
        expansionSize = settings.expansionSize
    }
}
