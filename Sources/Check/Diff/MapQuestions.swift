// The addresses that the maps of both sites give rise to: those of every key, and then those that follow from what differs.

import Bytes
import Configuration
import Maps
import Site
import System

extension RouteComparison {
    /// Compares the routes of all addresses that the maps of both sites know, and of users and hosts that they do not.
    package mutating func compareMaps() {
        var changedDomainKeys: [[UInt8]] = []
        forEachDecidingEntry { comparison, relation, entry, change in
            comparison.relatives.note(entry, of: relation, isChanged: change != nil)
            guard change != nil else { return }
            if relation == "aliases" { comparison.tailed.note(entry.key) }
            if relation == "routesdb" || relation == "thishost" { changedDomainKeys.append(entry.key) }
        }
        relatives.endLearning()
        var maker = QuestionMaker()
        maker.addGeneral(&list)
        addSettings(&maker)
        forEachDecidingEntry { comparison, relation, entry, change in
            maker.add(key: entry.key, of: relation, to: &comparison.list)
            comparison.submitIfFull()
        }
        settle()
        var rounds = 0
        while !isStopped, rounds < 20, askRelatives() || askTails() { rounds += 1 }
        for key in changedDomainKeys { addHidden(key, maker) }
        settle()
    }

    /// Goes through the entries of both sites; through those that are the same on both only once.
    private mutating func forEachDecidingEntry(
        _ body: (inout RouteComparison, String, MapEntry, ChangedEntry?) -> Void
    ) {
        forEachEntry(oldSite) { comparison, relation, entry in
            body(&comparison, relation, entry, comparison.changes.change(relation, entry.key)?.entry)
        }
        forEachEntry(newSite) { comparison, relation, entry in
            guard let change = comparison.changes.change(relation, entry.key)?.entry else { return }
            body(&comparison, relation, entry, change)
        }
    }

    private mutating func addHidden(_ key: [UInt8], _ maker: QuestionMaker) {
        let entries = ["routesdb", "thishost"].compactMap { changes.change($0, key)?.entry }
        guard entries.contains(where: { !$0.hasEffect }) else { return }
        maker.addHidden(domainKey: key, to: &list)
        submitIfFull()
    }

    private mutating func addSettings(_ maker: inout QuestionMaker) {
        for settings in [oldSite.settings, newSite.settings] {
            for domain in [settings.hostnameBytes, settings.myDomainBytes] + settings.organizationDomainsBytes {
                maker.add(domain: domain, to: &list)
                let below = QuestionMaker.unknownLabel + [UInt8(ascii: ".")] + domain
                maker.add(domain: below, to: &list)
            }
            for literal in settings.localAddressesBytes {
                let isIPv6 = literal.contains(UInt8(ascii: ":"))
                let prefix = Array((isIPv6 ? "[IPv6:" : "[").utf8)
                maker.add(domain: prefix + literal + [UInt8(ascii: "]")], to: &list)
            }
            guard let users = settings.localUsers,
                let file = try? readFile(users, limit: 256 << 20)
            else { continue }
            for line in file.bytes.split(separator: ASCII.lineFeed) {
                let name = line.prefix { $0 != UInt8(ascii: ":") }
                maker.add(key: Array(name), of: "aliases", to: &list)
                submitIfFull()
            }
        }
    }

    /// Asks for the users of domains that changed as a whole.
    ///
    /// - Returns: whether there was anything to ask.
    private mutating func askRelatives() -> Bool {
        let watch = relatives.takeWatch()
        guard !watch.isEmpty else { return false }
        for site in [oldSite, newSite] {
            forEachEntry(site) { comparison, relation, entry in
                comparison.relatives.add(
                    key: entry.key, of: relation, watch, to: &comparison.list, &comparison.counts.leftOut)
                comparison.submitIfFull()
            }
        }
        settle()
        return true
    }

    /// Asks for what leads with its tail to aliases that have one in their keys.
    ///
    /// - Returns: whether there was anything to ask.
    private mutating func askTails() -> Bool {
        guard tailed.takeGrowth() else { return false }
        for site in [oldSite, newSite] {
            forEachEntry(site) { comparison, relation, entry in
                guard relation == "aliases" || relation == "fqdnaliases" else { return }
                comparison.tailed.add(entry, to: &comparison.list)
                comparison.submitIfFull()
            }
        }
        settle()
        return true
    }

    /// Goes through the entries of all maps of a site that the chain asks.
    private mutating func forEachEntry(
        _ site: Site, _ body: (inout RouteComparison, String, MapEntry) -> Void
    ) {
        for definition in site.databases.definitions where definition.type != .none {
            do throws(MapError) {
                try site.readEntries(of: definition) { batch in
                    for entry in batch { body(&self, definition.relation, entry) }
                    return !isStopped
                }
            } catch {
                if !counts.failures.contains(where: { $0.table == error.table }) { counts.failures.append(error) }
            }
        }
    }
}
