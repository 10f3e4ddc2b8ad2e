import Bytes
import Configuration
import Maps
import Site
import System
import Testing

@Suite struct RelationSetTests {
    private let first = MemoryTable(["a": "first"])
    private let second = MemoryTable(["a": "second", "b": "b", ".": "root"])
    private let conf: DatabasesConf

    init() throws {
        let text = """
            one text - - /first -lms5
            two text - - /second -ls5 -d pathalias
            one text - - /second -l
            one NONE - - - -
            known NONE - - - -
            """
        conf = try DatabasesConf(Array(text.utf8), file: "/c", variables: Variables(), types: MapBackEnds.all.types)
    }

    private func makeSet() -> MapSet {
        MapSet(conf, tables: MemoryTables(tables: ["/first": first, "/second": second]))
    }

    private func answer(_ set: inout MapSet, _ key: String, in relation: MapSet.RelationID) throws -> String? {
        var text = TextArena()
        let place = text.append(Array(key.utf8))
        let hit = try set.find(place, of: &text, in: relation)
        return hit.map { String(decoding: text[$0.value(in: &text)], as: UTF8.self) }
    }

    private func time(_ milliseconds: UInt64) -> MonotonicTime {
        MonotonicTime(nanoseconds: milliseconds * 1_000_000)
    }

    @Test func relationsHaveTheMapsOfDbasesConfInOrder() throws {
        var set = makeSet()
        let one = set.relation("one")
        #expect(set.maps(of: one).map(\.definition.path) == ["/first", "/second"])
        #expect(try answer(&set, "a", in: one) == "first")
        #expect(try answer(&set, "b", in: one) == "b")
        #expect(try answer(&set, "c", in: one) == nil)
        #expect(try answer(&set, "c", in: set.relation("two")) == "root")
    }

    @Test(arguments: ["known", "unknown", ""])
    func aRelationThatIsOnlyKnownOrNotEvenThatIsEmpty(name: String) throws {
        var set = makeSet()
        #expect(set.maps(of: set.relation(name)).isEmpty)
        #expect(try answer(&set, "a", in: set.relation(name)) == nil)
    }

    @Test func changedFilesAreLookedForBetweenAddressesInMapsWithTheFlagM() {
        var set = makeSet()
        set.beginAddress(now: time(1000))
        #expect(first.refreshed == 0)
        set.beginAddress(now: time(1499))
        #expect(first.refreshed == 0)
        set.beginAddress(now: time(1500))
        #expect(first.refreshed == 1)
        set.beginAddress(now: time(1999))
        #expect(first.refreshed == 1)
        set.beginAddress(now: time(9000))
        #expect(first.refreshed == 2)
        #expect(second.refreshed == 0)
    }

    @Test func keptAnswersOfAChangedMapAreForgottenThoseOfAnUnchangedOneAreNot() throws {
        var set = makeSet()
        let one = set.relation("one")
        set.beginAddress(now: time(0))
        #expect(try answer(&set, "a", in: one) == "first")
        first.entries = ["a": "changed"]
        #expect(try answer(&set, "a", in: one) == "first")
        set.beginAddress(now: time(600))
        #expect(try answer(&set, "a", in: one) == "first")
        first.changes = true
        #expect(try answer(&set, "a", in: one) == "first")
        set.beginAddress(now: time(1200))
        #expect(try answer(&set, "a", in: one) == "changed")
    }

    @Test func tablesCanBeWrappedAsTheyAreMade() throws {
        let factory = MemoryTables(tables: ["/first": first, "/second": second])
            .wrapping { definition, table in
                definition.relation == "two" ? MemoryTable([:], failing: ["a"], name: "failing") : table
            }
        var set = MapSet(conf, tables: factory)
        #expect(try answer(&set, "a", in: set.relation("one")) == "first")
        let error = #expect(throws: MapError.self) { try answer(&set, "a", in: set.relation("two")) }
        #expect(error?.table.relation == "failing")
    }

    @Test func aTableThatCannotBeMadeYetFailsEachLookupAndIsMadeWhenItCanBe() throws {
        var isReady = false
        let table = LazyTable(name: TableName(relation: "r", backEnd: "btree", file: "/f.db")) {
            guard isReady else {
                return .failure(ConfigurationError(file: "/sleepyenv.conf", text: "cannot be read"))
            }
            return .success(first)
        }
        var value: [UInt8] = []
        let key = Array("a".utf8)
        let error = #expect(throws: MapError.self) { try table.lookUp(key.span, into: &value) }
        #expect(error?.description == "map r (btree:/f.db) key 'a': /sleepyenv.conf: cannot be read")
        #expect(table.privilege == 65_534)
        #expect(!table.refresh())
        isReady = true
        #expect(try table.lookUp(key.span, into: &value))
        #expect(value == Array("first".utf8))
        first.changes = true
        #expect(table.refresh())
        #expect(table.privilege == 0)
    }

    @Test func theCoarseClockGoesForward() {
        let before = MonotonicTime.coarse()
        #expect(before.nanoseconds > 0)
        #expect(!(MonotonicTime.coarse() < before))
        #expect(before.advanced(by: .max).nanoseconds == .max)
    }
}
