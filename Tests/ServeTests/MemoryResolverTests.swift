// Recipients of the LMTP front that are resolved without a worker: what they lead to is what a worker says, and whatever is not in
// memory is left to one.

import Configuration
import Maps
import Routing
import Serve
import Testing
import ZRouteTestKit

private let request = Resolver.Request()

@Suite("Resolving from memory")
struct MemoryResolverTests {
    @Test("What is answered from memory is what a worker answers")
    func recorded() throws {
        var asked = 0
        var known = 0
        for name in RecordedSite.names {
            let site = try RecordedSite(name)
            let texts = TextTableLoader(allowing: .all, report: { _ in })
            guard let memory = MemoryResolver(site.served, texts: texts) else { continue }
            var worker = LookupEngine(site.served, texts: texts, watch: nil)
            for address in site.addresses {
                let expected = worker.resolve(address.span, request)
                asked += 1
                guard let found = memory.resolve(address.span, request) else { continue }
                known += 1
                #expect(found.failure == nil)
                #expect(found.routes == expected.routes, "\(name): \(address)")
            }
        }
        print("of \(asked) recorded addresses \(known) were resolved from memory")
        #expect(known > 0)
    }

    @Test("Nothing is read: until a worker has read a map, or has read it anew, a worker is asked")
    func changed() throws {
        let site = try LookupSite(["fqdnroutes": "a@x.example smtp-lmtp!store!first"])
        let texts = TextTableLoader(allowing: .all, report: { _ in })
        let memory = try #require(MemoryResolver(site.served, texts: texts))
        var worker = LookupEngine(site.served, texts: texts, watch: nil)
        let address = Array("a@x.example".utf8)
        let quoted = Array("\"a\"@x.example".utf8)

        #expect(memory.resolve(address.span, request) == nil)
        for user in ["first", "second", "third"] {
            if user != "first" {
                try site.directory.write("a@x.example smtp-lmtp!store!\(user)\n", to: "fqdnroutes")
                // Files are looked at twice a second; until then the old entries stand, as they do in a worker.
                let end = ContinuousClock.now + .seconds(30)
                while memory.resolve(address.span, request) != nil, ContinuousClock.now < end {}
                #expect(memory.resolve(address.span, request) == nil)
            }
            // A changed file is believed once it has kept still.
            var users: [String] = []
            let end = ContinuousClock.now + .seconds(30)
            repeat {
                users = worker.resolve(address.span, request).routes.map { String(decoding: $0.user, as: UTF8.self) }
            } while users != [user] && ContinuousClock.now < end
            #expect(users == [user])
            for asked in [address, quoted] {
                var found: Resolution?
                let end = ContinuousClock.now + .seconds(30)
                repeat { found = memory.resolve(asked.span, request) } while found == nil && ContinuousClock.now < end
                #expect(found?.routes.map { String(decoding: $0.user, as: UTF8.self) } == [user])
            }
        }
    }

    @Test(
        "Whatever is not in memory, or fails, is left to a worker",
        arguments: ["account@here.example", "include@x.example", "failing@x.example"])
    func left(address: String) throws {
        let site = try LookupSite(
            [
                "fqdnaliases":
                    "include@x.example: :include:/nowhere/list\nfailing@x.example: z@x.example",
                "fqdnroutes": "other@x.example smtp-lmtp!store!other",
            ], settings: "ROUTEUSER_IN_ABNORMAL_UNIX=", failing: ("fqdnroutes", "z@x.example"))
        let texts = TextTableLoader(allowing: .all, report: { _ in })
        let memory = try #require(MemoryResolver(site.served, texts: texts))
        var worker = LookupEngine(site.served, texts: texts, watch: nil)
        let other = Array("other@x.example".utf8)
        _ = worker.resolve(Array(address.utf8).span, request)
        _ = worker.resolve(other.span, request)
        #expect(memory.resolve(Array(address.utf8).span, request) == nil)
        #expect(memory.resolve(other.span, request) != nil)
    }

    @Test("A site with a map of another kind has none", arguments: ["btree", "cdb"])
    func otherKinds(type: String) throws {
        let site = try LookupSite([:], relations: "routesdb \(type) - - @/more -lm%:d pathalias")
        #expect(MemoryResolver(site.served, texts: TextTableLoader()) == nil)
    }
}
