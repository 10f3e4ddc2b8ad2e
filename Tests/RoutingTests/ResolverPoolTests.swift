import Configuration
import Maps
import Routing
import Site
import Testing
import ZRouteTestKit

@Suite struct ResolverPoolTests {
    let place: TemporaryDirectory
    let databases: DatabasesConf

    init() throws {
        place = try TemporaryDirectory()
        let routes = (0..<1000).map { (key: "user\($0)@known.example", value: "smtp-lmtp!node\($0 % 7)!u\($0)") }
        try BerkeleyDBTools.load(routes, into: place.file("routes.db"))
        try BerkeleyDBTools.load([("list", "a@x.example, b@x.example")], into: place.file("aliases.db"))
        let lines = """
            fqdnroutes btree - -l \(place.file("routes")) -lm%
            aliases btree - -la \(place.file("aliases")) -lm
            """
        databases = try DatabasesConf(
            Array(lines.utf8), file: "dbases.conf", variables: Variables(), types: MapBackEnds.all.types)
    }

    @Test(arguments: [1, 2, 8])
    func hangingLookupDefersItsAddressAndTheRestGoesOn(workers: Int) throws {
        let health = ResourceHealth(deadline: .milliseconds(200))
        let stuck = (relation: "fqdnroutes", key: "stuck@known.example")
        // As long as it is this file, nobody recovered the environment.
        try place.write("a region", to: "__db.001")
        var pool = ResolverPool(workers: workers, health: health, work: work(databases, stuck: stuck, home: place.path))
        pool.submit(batch(["user1@known.example", "root", "stuck@known.example", "user2@known.example", "root"]))
        let first = try takeNext(&pool)
        #expect(first.count == 5)
        #expect(first[0] == "user1@known.example smtp-lmtp!node1!u1")
        #expect(first[1] == "root local!root!root")
        #expect(first[4] == first[1], "it needs no map that hangs")
        #expect(
            first[2]
                == "stuck@known.example hold!IO:error!stuck@known.example map fqdnroutes "
                + "(btree:\(place.file("routes")).db) key 'stuck@known.example': no answer within 0.2 s: the environment "
                + "\(place.path) was probably left locked by a killed process; run `zroute db recover`: deferred")
        #expect(first[3].hasPrefix("user2@known.example hold!IO:error!user2@known.example map fqdnroutes "))
        #expect(first[3].contains("not asked, because a lookup before had no answer"))

        // The pool and its process go on.
        for number in 0..<50 { pool.submit(batch(["nobody\(number)", "user\(number)@known.example"])) }
        for number in 0..<50 {
            let lines = try takeNext(&pool)
            #expect(lines[0].hasPrefix("nobody\(number) "))
            #expect(!lines[0].contains("hold!"))
            #expect(lines[1].hasPrefix("user\(number)@known.example hold!IO:error!"))
        }
        let none = pool.next()
        #expect(none == nil)
        pool.close()
    }

    @Test func orderOfResultsIsOrderOfAddresses() throws {
        let addresses = (0..<100_000).map { number in
            switch number % 4 {
            case 0: "user\(number % 1000)@known.example"
            case 1: "no mailbox \(number)"
            case 2: "local\(number)"
            default: "@\(number)"
            }
        }
        let one = try resolve(addresses, workers: 1, batchSize: 100_000)
        let many = try resolve(addresses, workers: 8, batchSize: 97)
        #expect(one.count == addresses.count)
        #expect(one == many)
    }

    func resolve(_ addresses: [String], workers: Int, batchSize: Int) throws -> Lines {
        let health = ResourceHealth(deadline: .seconds(600))
        var pool = ResolverPool(workers: workers, health: health, work: work(databases))
        var lines: Lines = []
        for start in stride(from: 0, to: addresses.count, by: batchSize) {
            pool.submit(batch(addresses[start..<min(start + batchSize, addresses.count)]))
            while pool.inFlight >= pool.capacity { lines += try takeNext(&pool) }
        }
        while let more = pool.next() { lines += more }
        pool.close()
        return lines
    }

    @Test(arguments: [
        ("a\nb\r\n\nc", ["a", "b", "", "c"]), ("a\r\n", ["a"]), ("", []), ("\n", [""]), ("\r", ["\r"]),
    ])
    func linesAreAddresses(input: String, expected: [String]) throws {
        var pool = ResolverPool(
            workers: 1, health: ResourceHealth(deadline: .seconds(600)),
            work: ResolverPool<[String]>.Work(
                makeResolver: resolver(databases), emptyProduct: { _ in [] },
                report: { address, _, _, lines in lines.append(text(address)) }))
        pool.submit(AddressBatch(lines: Array(input.utf8)))
        let lines = try takeNext(&pool)
        #expect(lines == expected)
        pool.close()
    }

    @Test func addressesOfAnyBytesStayWhole() throws {
        var pool = ResolverPool(workers: 1, health: ResourceHealth(deadline: .seconds(600)), work: work(databases))
        pool.submit(AddressBatch([Array("a\nb".utf8), [], Array("list".utf8)]))
        let lines = try takeNext(&pool)
        #expect(lines.count == 3)
        #expect(lines[0].hasPrefix("a\nb error!syntax!a\nb"))
        #expect(lines[1].hasPrefix(" error!syntax!"))
        pool.close()
    }

    @Test func batchesThatNobodyWaitsForAreDropped() throws {
        var pool = ResolverPool(workers: 2, health: ResourceHealth(deadline: .seconds(600)), work: work(databases))
        for _ in 0..<100 { pool.submit(batch(["user1@known.example"])) }
        pool.close()
    }
}
