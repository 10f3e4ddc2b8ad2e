// Loops, limits and failures of expansion: where the answers are ours and not ZMailer's.

import Bytes
import Maps
import Routing
import Testing

@Suite struct ExpansionTests {
    @Test func passesAKeyOverThatIsAlreadyBeingExpandedAndOnlyOnItsOwnBranch() throws {
        let site = MemorySite([
            "fqdnaliases": [
                "m1@a.example": "m2@a.example", "m2@a.example": "m1@a.example",
                "list@a.example": "one@a.example, one@a.example, list@a.example", "one@a.example": "dest@x.example",
                "@all.example": "%1@all.example",
            ],
            "fqdnroutes": ["m1@a.example": "smtp-lmtp!n!m1"],
            "aliases": ["self": "self", "a": "b, c", "b": "c", "c": "a, end@x.example"],
        ])
        #expect(try site.routes("m1@a.example") == ["smtp-lmtp!n!m1"])
        #expect(
            try site.routes("list@a.example") == [
                "smtp!x.example!dest@x.example", "smtp!x.example!dest@x.example", "smtp!a.example!list@a.example",
            ])
        #expect(try site.routes("any@all.example") == ["smtp!all.example!any@all.example"])
        #expect(try site.routes("self") == ["local!self!self"])
        #expect(
            try site.routes("a") == [
                "local!a!a", "smtp!x.example!end@x.example", "local!a!a", "smtp!x.example!end@x.example",
            ])
    }

    @Test(arguments: [(99, true), (100, true), (101, false)])
    func stopsAtTheDepthThatIsSetAndNotBefore(length: Int, fits: Bool) throws {
        var aliases: [String: String] = [:]
        for level in 1...length { aliases["d\(level)"] = level == length ? "end@x.example" : "d\(level + 1)" }
        let site = MemorySite(["aliases": aliases])
        let expected = fits ? ["smtp!x.example!end@x.example"] : ["error!expansionlimit!d1"]
        #expect(try site.routes("d1") == expected)
    }

    @Test(arguments: [(10, true), (11, false)])
    func stopsAtTheSizeThatIsSetAndNotBefore(count: Int, fits: Bool) throws {
        let members = (1...count).map { "m\($0)@x.example" }.joined(separator: ", ")
        var site = MemorySite(["aliases": ["list": members]])
        site.settings["expansionsize"] = "10"
        let routes = try site.routes("list")
        #expect(fits ? routes.count == count : routes == ["error!expansionlimit!list"])
    }

    @Test func isStoppedBeforeItExplodes() throws {
        var aliases: [String: String] = [:]
        for level in 1...60 { aliases["e\(level)"] = "e\(level + 1), e\(level + 1)" }
        #expect(try MemorySite(["aliases": aliases]).routes("e1") == ["error!expansionlimit!e1"])
    }

    @Test(arguments: ["fqdnaliases", "fqdnroutes", "routesdb", "thishost"], ["%0", "%1", "%0%1", "%1,"])
    func byAValueThatRepeatsTheAddressIsStoppedBeforeItIsWrittenOut(relation: String, reference: String) throws {
        // Some 400 MB each: more than the test's memory would stand for all of them at once.
        let value = String(repeating: reference, count: 40_000)
        let user = String(repeating: "u", count: 10_000)
        let domain = "d" + String(repeating: ".d", count: 120)
        let key = relation.hasPrefix("fqdn") ? "@\(domain)" : ".d"
        let site = MemorySite([relation: [key: relation == "fqdnroutes" ? "smtp!" + value : value]])
        let routes = try site.routes("\(user)@\(domain)")
        // Below the fully qualified maps there is no %1, and %0 is a part of the domain.
        let isSubstituted = relation.hasPrefix("fqdn") || reference.hasPrefix("%0")
        if isSubstituted { #expect(routes == ["error!expansionlimit!\(user)@\(domain)"]) }
        #expect(routes.count == 1 && routes[0].utf8.count < 1_000_000)
    }

    @Test(arguments: [(100, true), (9_000, false)])
    func toManyMembersThatEachGetALongTailIsStopped(count: Int, fits: Bool) throws {
        let list = (0..<count).map { "m\($0)@x.example" }.joined(separator: ",")
        let tail = "+" + String(repeating: "t", count: 20_000)
        let routes = try MemorySite(["fqdnaliases": ["list@a.example": list]]).routes("list\(tail)@a.example")
        #expect(fits ? routes.count == count : routes == ["error!expansionlimit!list\(tail)@a.example"])
    }

    @Test(arguments: ["a!!b.%0.%0.c", "a!!b.%0.c"])
    func ofAnAddressToALongerOneAgainAndAgainIsStopped(value: String) throws {
        var site = MemorySite(["routesdb": [".": value]])
        site.settings["expansiondepth"] = "10000"
        #expect(try site.routes("u@a.example") == ["error!expansionlimit!u@a.example"])
    }

    @Test(arguments: [(14, true), (15, false), (60, false)], ["%1.%1@", "%1.%1@d60.example, %1.%1@"])
    func throughAChainOfAliasesStopsWhereTheyLengthenTheAddressTooMuch(
        _ chain: (length: Int, fits: Bool), value: String
    ) throws {
        var aliases: [String: String] = [:]
        for level in 1..<chain.length { aliases["@d\(level).example"] = value + "d\(level + 1).example" }
        let routes = try MemorySite(["fqdnaliases": aliases]).routes("u@d1.example")
        guard chain.fits else {
            #expect(routes == ["error!expansionlimit!u@d1.example"])
            return
        }
        // Each level doubles the local part and adds a dot.
        let localPart = Array(repeating: "u", count: 1 << (chain.length - 1)).joined(separator: ".")
        let domain = "d\(chain.length).example"
        #expect(routes.last == "smtp!\(domain)!\(localPart)@\(domain)")
    }

    @Test func ofOneBadMemberFailsThatMemberOnly() throws {
        let site = MemorySite(["aliases": ["list": "good@x.example, !bad"]])
        #expect(try site.routes("list") == ["smtp!x.example!good@x.example", "error!syntax!!bad"])
    }

    @Test(arguments: ["fqdnroutes", "routesdb", "thishost"])
    func holdsTheWholeAddressWhenOneLookupFails(relation: String) throws {
        var site = MemorySite(["aliases": ["list": "a@x.example, b@x.example"]])
        site.failing = [relation]
        #expect(try site.routes("list") == ["hold!IO:error!list"])
        var resolver = try site.makeResolver()
        let resolution = resolver.resolve(Array("list".utf8).span)
        #expect(resolution.status == .deferred)
        #expect(resolution.failure?.description.contains("map \(relation)") == true)
    }

    @Test func keepsAnAnswerThatWasFoundBeforeTheBrokenMapIsReached() throws {
        var site = MemorySite(["fqdnroutes": ["u@a.example": "smtp-lmtp!n!u%2"]])
        site.failing = ["routesdb"]
        #expect(try site.routes("u+t@a.example") == ["smtp-lmtp!n!u+t"])
        #expect(try site.routes("v@a.example") == ["hold!IO:error!v@a.example"])
    }

    @Test func tellsWhoLedToWhom() throws {
        let site = MemorySite(["aliases": ["a": "b, x@y.example", "b": "z@y.example"]])
        var resolver = try site.makeResolver()
        let resolution = resolver.resolve(Array("a".utf8).span)
        let chains = resolution.routes.indices.map { index in
            resolution.ancestors(ofRoute: index).map { String(decoding: $0, as: UTF8.self) }
        }
        #expect(chains == [["z@y.example", "b", "a"], ["x@y.example", "a"]])
    }

    @Test func leavesNoRoomOfALargeAnswerInThoseThatFollow() throws {
        let members = (1...2000).map { "member\($0)@x.example" }.joined(separator: ", ")
        var resolver = try MemorySite(["aliases": ["list": members]]).makeResolver()
        var answer = Answer()
        for (number, address) in (["list"] + Array(repeating: "u@y.example", count: 10)).enumerated() {
            resolver.resolve(Array(address.utf8).span, Resolver.Request(), into: &answer)
            let texts = answer.routes.map(\.text)
            if number == 0 {
                #expect(texts.count == 2000 && texts.last == "smtp!x.example!member2000@x.example")
            } else {
                #expect(texts == ["smtp!y.example!u@y.example"])
                let capacity = answer.text.capacity
                #expect(capacity < 5000)
            }
        }
    }

    @Test func anAnswerThatIsKeptSaysWhatTheAnswerSaid() throws {
        // Each of fifty hops writes the address anew.
        let address = String(repeating: "u", count: 1000) + String(repeating: "%here.example", count: 50)
        var resolver = try MemorySite(["thishost": ["here.example": ""], "aliases": ["a": "b, c@x.example"]])
            .makeResolver()
        for address in [address + "@here.example", "a", "u@y.example", "no address"] {
            var answer = Answer()
            resolver.resolve(Array(address.utf8).span, Resolver.Request(), into: &answer)
            let kept = resolver.resolve(Array(address.utf8).span)
            let routes = answer.routes
            #expect(kept.routes == routes && !routes.isEmpty)
            let (status, failure) = (answer.status, answer.failure?.description)
            let ancestry = answer.resolution.ancestry
            #expect(kept.status == status && kept.ancestry == ancestry)
            #expect(kept.failure?.description == failure)
            for (route, place) in zip(kept.routes.indices, answer.places) where !ancestry.isEmpty {
                #expect(kept.ancestors(ofRoute: route).first == ancestry[place.origin].address)
            }
        }
    }

    @Test(arguments: ["%here.example", "%here.example%", "!"])
    func anAddressOfManyHopsTakesNoMoreMemoryThanOneOfFew(separator: String) throws {
        var resolver = try MemorySite(["thishost": ["here.example": "", ".here.example": "here.example"]])
            .makeResolver()
        let name = String(repeating: "long", count: 10_000)
        for (hops, tail) in [(3, ""), (40, ""), (40, "+tail")] {
            let address =
                separator == "!"
                ? String(repeating: "here.example!", count: hops) + name + tail
                : name + tail + String(repeating: separator, count: hops) + "@here.example"
            var answer = Answer()
            resolver.resolve(Array(address.utf8).span, Resolver.Request(), into: &answer)
            let (routes, capacity) = (answer.routes.map(\.text), answer.text.capacity)
            #expect(routes == ["local!\(address)!\(name)\(tail)"])
            #expect(capacity < 16 * name.utf8.count)
        }
    }
}
