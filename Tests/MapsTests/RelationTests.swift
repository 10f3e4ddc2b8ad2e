import Bytes
import Configuration
import Maps
import Site
import System
import Testing

@Suite struct RelationTests {
    @Test func theFirstMapThatHasTheKeyDecidesAndLaterOnesAreNotAsked() throws {
        let second = MemoryTable(["a": "second", "b": "second", "e": "second"])
        second.privilege = 7
        var relation = try relation([("-l", MemoryTable(["a": "first", "e": ""])), ("-l", second)])
        #expect(try relation.answer("a") == "first")
        #expect(try relation.answer("e")?.isEmpty == true)
        #expect(second.asked.isEmpty)
        let hit = try #require(try relation.answerHit("B"))
        #expect(hit.value == Array("second".utf8))
        #expect(hit.key == Array("b".utf8))
        #expect(hit.map == 1)
        #expect(hit.privilege == 7)
        #expect(try relation.answer("c") == nil)
    }

    @Test func eachMapFoldsTheKeyForItself() throws {
        let tables = (0..<4).map { _ in MemoryTable([:]) }
        var relation = try relation([("-l", tables[0]), ("-", tables[1]), ("-u", tables[2]), ("-l", tables[3])])
        #expect(try relation.answer("User@Ex\u{c4}") == nil)
        #expect(tables.map(\.asked) == [["user@ex\u{c4}"], ["User@Ex\u{c4}"], ["USER@EX\u{c4}"], ["user@ex\u{c4}"]])
    }

    @Test func aFailingMapFailsTheLookupAndLaterMapsAreNotAsked() throws {
        let second = MemoryTable(["a": "second", "b": "second"])
        var relation = try relation([("-l", MemoryTable([:], failing: ["a"])), ("-l", second)])
        let error = #expect(throws: MapError.self) { try relation.answer("a") }
        #expect(error?.text == "broken on purpose")
        #expect(second.asked.isEmpty)
        #expect(try relation.answer("b") == "second")
    }

    @Test func anAnswerBeforeTheFailingMapStands() throws {
        var relation = try relation([
            ("-l", MemoryTable(["a": "first"])), ("-l", MemoryTable([:], failing: ["a"])),
        ])
        #expect(try relation.answer("a") == "first")
    }

    @Test func theEmptyKeyIsInNoRelationAndARelationWithoutMapsFindsNothing() throws {
        var relation = try relation([("-ln", MemoryTable(["": "empty"]))])
        #expect(try relation.answer("") == nil)
        var none = Relation(name: "none", maps: [])
        #expect(try none.answer("a") == nil)
    }

    @Test(
        arguments: [
            ("-lb", "A", "a"), ("-lb", "E", "e"), ("-lb", "X", nil),
            ("-ln", "A", "v%0"), ("-ln", "E", "e"), ("-ln", "X", "x"),
            ("-l%b", "%0", "%0"), ("-l%n", "A", "va"), ("-l%n", "%0X", "%0x"),
        ] as [(String, String, String?)])
    func whatTheFlagsBAndNAnswer(flags: String, key: String, value: String?) throws {
        var relation = try relation([(flags, MemoryTable(["a": "v%0", "e": "", "%0": "x"]))])
        #expect(try relation.answer(key) == value)
    }

    @Test func withoutTheFlagValuesStayAsTheyAre() throws {
        var relation = try relation([("-l", MemoryTable(["a": "%0 %1"]))])
        #expect(try relation.answer("a") == "%0 %1")
    }

    @Test func findLeavesReferencesToWhoeverKnowsTheArguments() throws {
        var relation = try relation([("-l%", MemoryTable(["a": "%0-%1"]))])
        var text = TextArena()
        let key = text.append("a")
        let hit = try #require(try relation.find(key, in: &text, now: MonotonicTime(nanoseconds: 0)))
        #expect(text[hit.value] == Array("%0-%1".utf8))
        var places = SubstitutionPlaces()
        places[1] = text.append("%0")
        #expect(text[hit.value(substituting: places, in: &text)] == Array("a-%0".utf8))
        // The answer is as it was.
        #expect(text[hit.value] == Array("%0-%1".utf8))
    }
}

@Suite struct RelationSubstitutionTests {
    @Test(arguments: [
        ("smtp!h!%1%2@virt", "smtp!h!v@virt"),
        ("%10", "v0"),
        ("%%1", "%v"),
        ("a%%b", "a%%b"),
        ("a%", "a%"),
        ("%", "%"),
        ("", ""),
        ("plain", "plain"),
        ("smtp!mx!%6", "smtp!mx!%6"),
        ("%1%6x", "vx"),
        ("%6%2x", "x"),
        ("%7%8", "%7%8"),
        ("0[%0]_1[%1]_2[%2]_3[%3]", "0[key]_1[v]_2[]_3[@dom]"),
        ("%x%1%", "%xv%"),
        ("%0%0", "keykey"),
        ("%4", "%1"),
    ])
    func asZMailerDoesIt(value: String, result: String) throws {
        var arguments = SubstitutionArguments()
        for (number, text) in [(1, "v"), (2, ""), (3, "@dom"), (4, "%1"), (0, "zero"), (10, "ten"), (-1, "minus")] {
            arguments.texts[number] = text
        }
        var relation = try relation([("-l%", MemoryTable(["key": value]))])
        #expect(try relation.answer("key", arguments: arguments) == result)
    }

    @Test func argumentsCanBeTakenAwayAndSetAnew() {
        var text = TextArena()
        var places = SubstitutionPlaces()
        places[1] = text.append("old")
        places[2] = text.append("two")
        places[1] = text.append("new")
        let value = text.append("%1%2")
        let first = value.lowerBound
        let substituted = places.substitute(in: value, from: first, argumentZero: 0..<0, text: &text)
        #expect(substituted.map { text[$0] } == Array("newtwo".utf8))
        places[1] = nil
        places[2] = nil
        #expect(places.substitute(in: value, from: first, argumentZero: 0..<0, text: &text) == nil)
    }
}

@Suite struct RelationCacheTests {
    @Test func theAnswerThatWasUsedLeastRecentlyGoesFirst() throws {
        let table = MemoryTable(["a": "1", "b": "2", "c": "3"])
        var relation = try relation([("-ls2", table)])
        for key in ["a", "b", "A", "c", "a", "b"] { _ = try relation.answer(key) }
        #expect(table.asked == ["a", "b", "c", "b"])
    }

    @Test func withoutTheFlagSThereIsNoCache() throws {
        let table = MemoryTable(["a": "1"])
        for flags in ["-l", "-ls0", "-lNe60"] {
            table.asked = []
            var relation = try relation([(flags, table)])
            for _ in 0..<3 { _ = try relation.answer("a") }
            #expect(table.asked.count == 3)
        }
    }

    @Test func absencesAreAskedAgainUnlessTheFlagNKeepsThem() throws {
        let table = MemoryTable([:])
        var forgetful = try relation([("-ls5", table)])
        for _ in 0..<3 { #expect(try forgetful.answer("a") == nil) }
        #expect(table.asked.count == 3)
        var keeping = try relation([("-lNs5", table)])
        for _ in 0..<3 { #expect(try keeping.answer("a") == nil) }
        #expect(table.asked.count == 4)
    }

    @Test func answersLiveForTheSecondsOfTheFlagE() throws {
        let table = MemoryTable(["a": "old"])
        var relation = try relation([("-ls5 -e60", table)])
        var eternal = try self.eternal(table)
        #expect(try relation.answer("a", seconds: 100) == "old")
        #expect(try eternal.answer("a", seconds: 100) == "old")
        table.entries = ["a": "new"]
        #expect(try relation.answer("a", seconds: 159) == "old")
        #expect(try relation.answer("a", seconds: 160) == "new")
        #expect(try relation.answer("a", seconds: 161) == "new")
        #expect(try eternal.answer("a", seconds: 1_000_000) == "old")
    }

    private func eternal(_ table: MemoryTable) throws -> Relation {
        try relation([("-ls5 -e0", table)])
    }

    @Test func failuresAreNeverKept() throws {
        let table = MemoryTable([:], failing: ["a"])
        var relation = try relation([("-lNs5", table)])
        #expect(throws: MapError.self) { try relation.answer("a") }
        table.failing = []
        table.entries = ["a": "healed"]
        #expect(try relation.answer("a") == "healed")
    }

    @Test func aKeptAnswerIsWholeAndItsArgumentsAreSubstitutedAnew() throws {
        let table = MemoryTable([".b": "%0-%1"])
        table.privilege = 9
        var relation = try relation([("-l%s5 -d pathalias", table)])
        for text in ["x", "y"] {
            var arguments = SubstitutionArguments()
            arguments.texts[1] = text
            let hit = try #require(try relation.answerHit("a.b", arguments: arguments))
            #expect(String(decoding: hit.value, as: UTF8.self) == ".a-\(text)")
            #expect(String(decoding: hit.key, as: UTF8.self) == ".b")
            #expect(hit.privilege == 9)
        }
        #expect(table.asked == ["a.b", ".a.b", ".b"])
    }

    @Test(arguments: ["-l:Ns5 -d pathalias", "-lNs5 -d pathalias"])
    func anAnswerHoldsOnlyForTheDefaultKeysItWasGivenWith(flags: String) throws {
        let table = MemoryTable([".:sender": "s", ".:recipient": "r"])
        var relation = try relation([(flags, table)])
        for _ in 0..<2 {
            #expect(try relation.answer("a", defaults: [".:sender"]) == "s")
            #expect(try relation.answer("a", defaults: [".:recipient"]) == "r")
            #expect(try relation.answer("a", defaults: [".:other"]) == nil)
        }
        #expect(table.asked.count == 9)
    }

    @Test func manyKeysInALargeAndInAFullCache() throws {
        let table = MemoryTable(Dictionary(uniqueKeysWithValues: (0..<500).map { ("k\($0)", "v\($0)") }))
        for size in [1, 7, 64, 1000] {
            var relation = try relation([("-ls\(size)", table)])
            for round in 0..<2000 {
                let number = round * 7919 % 500
                #expect(try relation.answer("k\(number)") == "v\(number)")
            }
        }
    }

    @Test func unorderedTextMapsKeep10AnswersOfThemselves() throws {
        let table = MemoryTable(["a": "1"])
        let conf = try DatabasesConf(
            Array("r unordered - - /f -l".utf8), file: "/c", variables: Variables(), types: MapBackEnds.all.types)
        var relation = Relation(name: "r", maps: conf.definitions.map { ($0, table) })
        for _ in 0..<3 { #expect(try relation.answer("a") == "1") }
        #expect(table.asked.count == 1)
    }
}
