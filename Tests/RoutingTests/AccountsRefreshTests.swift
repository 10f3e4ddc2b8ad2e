// Accounts may change between any two addresses, unlike maps, whose files are looked at every half second.

import Configuration
import Maps
import Routing
import Site
import System
import Testing

@Suite struct AccountsRefreshTests {
    private final class Accounts: Table {
        let name = TableName(relation: "accounts", backEnd: "test", file: "-")
        let privilege: UInt32 = 0
        var refreshed = 0

        func lookUp(_ key: Span<UInt8>, into value: inout [UInt8]) throws(MapError) -> Bool { false }

        func refresh() -> Bool {
            refreshed += 1
            return true
        }
    }

    @Test func areLookedAtAnewForEachAddressAsFarAsTheClockTellsThemApart() throws {
        let accounts = Accounts()
        let site = Site(
            settings: Settings.read(environmentFile: nil, standardFiles: []),
            databases: try DatabasesConf([], file: "/dbases.conf", variables: Variables(), types: MapBackEnds.all.types)
        )
        var surroundings = Site.Surroundings()
        surroundings.accounts = accounts
        var resolver = site.makeResolver(texts: TextTableLoader(), watch: nil, surroundings: surroundings)
        var answer = Answer()
        for (nanoseconds, count) in [(1, 1), (1, 1), (2, 2), (3, 3)] as [(UInt64, Int)] {
            let now = MonotonicTime(nanoseconds: nanoseconds)
            resolver.resolve(Array("user".utf8).span, Resolver.Request(), into: &answer, now: now)
            #expect(accounts.refreshed == count)
        }
    }
}
