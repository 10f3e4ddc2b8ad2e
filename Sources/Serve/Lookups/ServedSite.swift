// What lookups need of a site, put together once for each reading of its configuration.

import Bytes
import Configuration
package import Delivery
import Maps
package import Site

/// A site as its lookups see it.
package struct ServedSite: Sendable {
    /// The settings and maps.
    package let site: Site
    /// The names of the maps that are answered to.
    package let maps: ServedMaps
    /// Where mail goes by scheduler.conf; nil without one.
    package let plan: DeliveryPlan?
    /// `lmtp:` and the server that all recipients are to be handed to, as transport_maps has it; nil where each goes to its own.
    let transportTo: [UInt8]?
    /// How addresses of stores are written; nil without the setting `storedomain`.
    let stores: StoreAddresses?
    /// The domains, each with its `@`, that a user of this host is written with, the first that leads back to him; the empty one
    /// stands for the domain that the user was found by.
    let localDomains: [[UInt8]]

    /// Puts a site together.
    ///
    /// - Parameters:
    ///   - transportTo: serve's own LMTP listener, as Postfix names it (`unix:/path` or `inet:host:port`), or nil.
    package init(_ site: Site, plan: DeliveryPlan?, transportTo: String? = nil) {
        self.site = site
        self.plan = plan
        maps = ServedMaps(relations: site.databases.relations)
        self.transportTo = transportTo.map { Array("lmtp:\($0)".utf8) }
        let settings = site.settings
        stores = settings.storeDomain.map {
            StoreAddresses(
                domain: $0.utf8.map(ASCII.lowercase), hostname: settings.hostnameBytes,
                channels: plan?.storeChannels ?? [])
        }
        let at = UInt8(ascii: "@")
        let own: [[UInt8]] = [[at] + settings.myDomainBytes, [at] + settings.hostnameBytes, []]
        localDomains = own[0] == own[1] ? Array(own.dropFirst()) : own
    }
}
