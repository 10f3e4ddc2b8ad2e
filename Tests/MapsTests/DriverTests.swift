import Bytes
import Maps
import System
import Testing

@Suite struct DriverTests {
    private static let defaults = [".:recipient", "."]

    @Test(arguments: [
        ("-l", "A.B.c", ["a.b.c"]),
        ("-l:", "a.b", ["a.b"]),
        ("-u", "a.b", ["A.B"]),
        ("-m", "A.b", ["A.b"]),
        ("-ld pathalias", "a.B.c", ["a.b.c", ".a.b.c", ".b.c", ".c", ".:recipient", "."]),
        ("-l:d pathalias", "a.b", ["a.b", ".a.b", ".b", ".:recipient", "."]),
        ("-d pathalias", "host", ["host", ".host", ".:recipient", "."]),
        ("-d pathalias", "a..b", ["a..b", ".a..b", ".b", ".:recipient", "."]),
        ("-d pathalias", "a.b.", ["a.b.", ".a.b.", ".b.", ".:recipient", "."]),
        ("-d pathalias", ".", [".", ".:recipient", "."]),
        ("-ld pathalias", "É.b", ["É.b", ".É.b", ".b", ".:recipient", "."]),
        ("-l:d pathalias.nodot", "foo.bar.edu", ["bar.edu", "edu"]),
        ("-d pathalias.nodot", "edu", []),
        ("-d pathalias.nodot", "a..b.", ["b."]),
        (
            "-l:d pathalias.at", "User@foo.bar.Edu",
            ["user@foo.bar.edu", "foo.bar.edu", ".foo.bar.edu", ".bar.edu", ".edu", ".:recipient", "."]
        ),
        ("-d pathalias.at", "u@b", ["u@b", "b", ".b", ".:recipient", "."]),
        ("-d pathalias.at", "\"a@b\"@c", ["\"a@b\"@c", "c", ".c", ".:recipient", "."]),
        ("-d pathalias.at", "a.b", ["a.b", ".a.b", ".b", ".:recipient", "."]),
        ("-d pathalias.at", "user@", ["user@", "@LOCAL@"]),
        ("-ld pathalias.at", "user@", ["user@", "@local@"]),
        ("-d longestmatch", "foo.bar.edu", ["foo.bar.edu", ".bar.edu", ".edu", ".:recipient", "."]),
        ("-:d longestmatch", "foo.edu", ["foo.edu", ".edu", ".:recipient", "."]),
        ("-d longestmatch", "1.2.3.256", ["1.2.3.256", ".2.3.256", ".3.256", ".256", ".:recipient", "."]),
        ("-d longestmatch", "1.2.3", ["1.2.3", ".2.3", ".3", ".:recipient", "."]),
        ("-d longestmatch", "1.2.3.4.", ["1.2.3.4.", ".2.3.4.", ".3.4.", ".4.", ".:recipient", "."]),
        ("-d longestmatch", "[1.2.3.4", ["[1.2.3.4", ".2.3.4", ".3.4", ".4", ".:recipient", "."]),
        ("-d longestmatch", "1.2.3.4567", ["1.2.3.4567", ".2.3.4567", ".3.4567", ".4567", ".:recipient", "."]),
    ])
    func theKeysThatAreTriedInTheirOrder(flags: String, key: String, tried: [String]) throws {
        let table = MemoryTable([:])
        var relation = try relation([(flags, table)])
        #expect(try relation.answer(key, defaults: Self.defaults) == nil)
        #expect(table.asked == tried)
    }

    @Test(arguments: ["192.0.2.5", "[192.0.2.5]"])
    func anIPv4AddressIsTriedByEveryPrefixTheLongestFirst(key: String) throws {
        let table = MemoryTable([:])
        var relation = try relation([("-:d longestmatch", table)])
        #expect(try relation.answer(key, defaults: Self.defaults) == nil)
        #expect(table.asked.count == 33)
        #expect(table.asked.prefix(4) == ["192.0.2.5/32", "192.0.2.4/31", "192.0.2.4/30", "192.0.2.0/29"])
        #expect(table.asked[8] == "192.0.2.0/24")
        #expect(table.asked[16] == "192.0.0.0/16")
        #expect(table.asked.suffix(3) == ["192.0.0.0/2", "128.0.0.0/1", "0.0.0.0/0"])
    }

    @Test(arguments: [
        ("a.example", "exact", "a.example"), ("x.a.example", "dot-a", ".a.example"),
        ("a.b.example", "dot-example", ".example"), ("example", "dot-example", ".example"),
        ("other.org", "default", ".:recipient"), ("EMPTY.example", "", ".empty.example"),
    ])
    func theLongestMatchWinsAndEndsTheSearch(key: String, value: String, stored: String) throws {
        let table = MemoryTable([
            "a.example": "exact", ".a.example": "dot-a", ".example": "dot-example", ".:recipient": "default",
            ".empty.example": "", ".": "root",
        ])
        var relation = try relation([("-l:d pathalias", table)])
        let hit = try #require(try relation.answerHit(key, defaults: Self.defaults))
        #expect(String(decoding: hit.value, as: UTF8.self) == value)
        #expect(String(decoding: hit.key, as: UTF8.self) == stored)
    }

    @Test func defaultKeysAreTriedAsTheyStandWhateverTheFolding() throws {
        var lower = try relation([("-l:d pathalias", MemoryTable([".:error": "folded"]))])
        #expect(try lower.answer("a", defaults: [".:ERROR"]) == nil)
        var exact = try relation([("-l:d pathalias", MemoryTable([".:ERROR": "unfolded"]))])
        #expect(try exact.answer("a", defaults: [".:ERROR"]) == "unfolded")
    }

    @Test func afterASearchByAddressTheNextMapSeesTheAddressUnchanged() throws {
        let second = MemoryTable(["user@b": "second"])
        var relation = try relation([("-ld pathalias.at", MemoryTable([:])), ("-l", second)])
        #expect(try relation.answer("user@b") == "second")
        #expect(second.asked == ["user@b"])
    }

    @Test(arguments: ["a.b", ".a.b", ".b", ".:recipient", "."])
    func aFailureEndsTheSearchAndIsNeverAnAbsence(key: String) throws {
        let table = MemoryTable([:], failing: [key])
        var relation = try relation([("-l:d pathalias", table), ("-l", MemoryTable(["a.b": "later"]))])
        let error = #expect(throws: MapError.self) { try relation.answer("a.b", defaults: Self.defaults) }
        #expect(error?.key == Array(key.utf8))
        #expect(table.asked.last == key)
    }

    @Test(arguments: [
        ("pathalias", "a.example", "a.example", "[a.example]"),
        ("pathalias", ".r2.example", "A.b.r2.example", "[.a.b]"),
        ("pathalias", ".r2.example", "r2.example", "[]"),
        ("pathalias", ".", "a.b", "[a.b]"),
        ("pathalias.nodot", "bar.edu", "foo.bar.edu", "[.foo]"),
        ("pathalias.at", "u@a.b", "u@a.b", "[u@a.b]"),
        ("pathalias.at", "a.b", "u@a.b", "[a.b]"),
        ("pathalias.at", ".b", "u@a.b", "[.a]"),
        ("pathalias.at", ".", "u@a.b", "[a.b]"),
        ("pathalias.at", "@local@", "u@", "[u@]"),
        ("longestmatch", ".edu", "foo.bar.edu", "[.foo.bar]"),
        ("longestmatch", "192.0.2.0/24", "[192.0.2.7]", "[[192.0.2.7]]"),
    ])
    func whatArgumentZeroStandsFor(driver: String, stored: String, key: String, value: String) throws {
        var relation = try relation([("-l%d \(driver)", MemoryTable([stored: "[%0]"]))])
        #expect(try relation.answer(key) == value)
    }

    @Test(arguments: SearchDriver.allCases)
    func hostileBytesAreAKeyLongAfterShortAndShortAfterLong(driver: SearchDriver) throws {
        let alphabet = Array("..@[]/0123456789aZ\u{0}".utf8)
        let table = MemoryTable([:])
        var relation = try relation([("-l%:" + (driver == .none ? "" : "d \(driver.rawValue)"), table)])
        var state: UInt64 = 1
        func next(_ limit: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % limit
        }
        var text = TextArena()
        for _ in 0..<2000 {
            table.asked = []
            let key = (0...next(40)).map { _ in alphabet[next(alphabet.count)] }
            text.removeAll()
            let hit = try relation.find(
                text.append(key), in: &text, defaults: [Array("default".utf8)], now: MonotonicTime(nanoseconds: 0))
            #expect(hit == nil)
            #expect(text.array == key, "a search that finds nothing leaves nothing behind")
            let folded = String(decoding: key, as: UTF8.self).lowercased()
            // What a search may ask for: parts of the dotted key, and keys of its own.
            let parts = "." + folded + "\n." + folded.replacing("@", with: ".")
            let isExpected = table.asked.allSatisfy {
                $0 == "default" || $0 == "@local@" || parts.contains($0)
            }
            #expect(isExpected, "\(folded): \(table.asked)")
            if driver == .none { #expect(table.asked == [folded]) }
            if driver == .pathalias { #expect(table.asked.first == folded && table.asked.last == "default") }
        }
    }
}
