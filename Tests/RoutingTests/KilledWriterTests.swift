import Configuration
import Foundation
import Glibc
import Maps
import Routing
import Site
import Testing
import ZRouteTestKit

@Suite struct KilledWriterTests {
    /// A process is killed while it writes; what it leaves behind hangs in most tries, and is damaged or well in others.
    @Test func environmentOfAKilledWriterDefersUntilItIsRecovered() throws {
        let updater = try Updater.shared.get()
        var hung = 0
        let tries = 8
        for number in 0..<tries {
            let place = try TemporaryDirectory()
            let home = try place.makeDirectory("env")
            try place.write("envhome = \(home)\nenvmode = 0600\nenvflags = CDB, RO\n", to: "env.conf")
            let conf = "fqdnroutes btree - -r \(home)/m -l -C \(place.file("env.conf"))\n"
            let databases = try DatabasesConf(
                Array(conf.utf8), file: "dbases.conf", variables: Variables(), types: MapBackEnds.all.types)
            let entries = (0..<200).map { (key: "user\($0)@a.example", value: "lmtp!h!u\($0)") }
            try updater.load(entries, home: home, file: "m.db")

            let deadline = Duration.milliseconds(300)
            let health = ResourceHealth(deadline: deadline)
            var pool = ResolverPool(workers: 2, health: health, work: work(databases))
            // Workers that have the map open, and workers that have not.
            if number % 2 == 0 {
                let line = try answer(3, &pool)
                #expect(line == "user3@a.example lmtp!h!u3")
            }
            try updater.killWhileSpinning(
                "user3@a.example", "lmtp!h!u3", home: home, file: "m.db", rewriting: .milliseconds(5 + 7 * number))

            for user in [3, 4, 199, 3] {
                let line = try answer(user, &pool)
                if line.contains(": no answer within 0.3 s") { hung += 1 }
                #expect(
                    line == "user\(user)@a.example lmtp!h!u\(user)"
                        || line.hasPrefix("user\(user)@a.example hold!IO:error!user\(user)@a.example map "))
            }

            // Recovery: its users are gone, so its files are removed and the map is built again.
            for name in try FileManager.default.contentsOfDirectory(atPath: home) { unlink(home + "/" + name) }
            try updater.load(entries, home: home, file: "m.db")
            let start = ContinuousClock.now
            var line = ""
            repeat {
                line = try answer(4, &pool)
            } while line != "user4@a.example lmtp!h!u4" && ContinuousClock.now - start < .seconds(60)
            #expect(line == "user4@a.example lmtp!h!u4")
            line = try answer(3, &pool)
            #expect(line == "user3@a.example lmtp!h!u3")
            pool.close()
        }
        print("killed writers: \(hung) of \(tries) left an environment that hangs")
    }

    func answer(_ user: Int, _ pool: inout ResolverPool<Lines>) throws -> String {
        pool.submit(batch(["user\(user)@a.example"]))
        return try takeNext(&pool).joined()
    }
}
