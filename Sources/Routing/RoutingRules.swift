// The settings that decide how an address is routed, in the form in which each address needs them: bytes.

import Bytes
public import Configuration
public import MailSyntax

/// The rules of a site, read once from its configuration.
public struct RoutingRules: Sendable {
    /// Our own name (setting hostname), in lower case: local even where the map thishost does not say so.
    public var hostname: [UInt8] = []
    /// `@` and the domain of a name without one (setting mydomain).
    public var atMyDomain: [UInt8] = []
    /// The organisation's domains (setting orgdomains).
    public var organisationDomains: [[UInt8]] = []
    /// What is written in the place of any of them (setting orgdomain); empty where each stays as it is written there.
    public var organisationDomain: [UInt8] = []
    /// The domain literals that are this host (setting localaddresses).
    public var localAddresses: [AddressLiteral] = []
    /// Whether any local user may exist, as a mail store without accounts needs it (ROUTEUSER_IN_ABNORMAL_UNIX).
    public var anyLocalUserExists = true
    /// Whether channel `local` gets `user@domain` (setting localdoesdomain).
    public var localUserKeepsDomain = false
    /// Whether a tail that goes through fqdnaliases or fqdnroutes keeps its case (setting preservetailcase).
    public var preservesTailCase = false
    /// Whether `@[channel]:user@domain` may be typed (setting allowchannelliteral).
    public var allowsChannelLiteral = false
    /// How many expansions deep one address may go (setting expansiondepth).
    public var expansionDepth = 100
    /// How many recipients one address may become (setting expansionsize).
    public var expansionSize = 10_000

    /// The rules of a site that has no settings.
    public init() {}
}

// From the configuration's settings to the rules of routing.

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
