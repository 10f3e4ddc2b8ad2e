// Habits of other mailers, and maps that lose all they have, as newdb and makedb meet them.

import Glibc
import Testing
import ZRouteTestKit

@Suite struct MapHabitsTests {
    @Test(arguments: counted("values that mark a domain", ["OK", "yes", "1", "RELAY", "x", "true"]))
    func aValueThatOnlyMarksADomainAsOnesOwnIsRefusedInThishost(value: String) throws {
        let site = try TestSite(Mistake(.databases, 5, "thishost btree - -l $MAILVAR/db/own -lm%d pathalias"))
        try site.place.write("example.org \(value)\n", to: "db/own")
        let result = try site.run(["newdb", "thishost"])
        #expect(result.status == 65)
        #expect(result.errorText.contains("db/own:1: '\(value)'"), "\(result.errorText)")
    }

    @Test(arguments: ["routesdb", "thishost"], [".example.org", "."])
    func aKeyThatOnlyASearchDriverAsksForIsRefusedWhereTheMapHasNone(relation: String, key: String) throws {
        let line = relation == "routesdb" ? 4 : 5
        let site = try TestSite(Mistake(.databases, line, "\(relation) btree - -l $MAILVAR/db/names -lm%:"))
        try site.place.write(
            "\(key) \(relation == "routesdb" ? "smtp!gate.example.net" : "h.example")\n", to: "db/names")
        let result = try site.run(["newdb", relation])
        #expect(result.status == 65)
        #expect(result.errorText.contains("-d pathalias"), "\(result.errorText)")
    }

    @Test func aDisplayNameInAnEncodedWordIsOne() throws {
        let site = try TestSite(Mistake(.databases, 1, "aliases btree - -la $MAILVAR/db/aliases -lm"))
        try site.place.write("crew: =?utf-8?q?Kim?= <kim@x.example>\n", to: "db/aliases")
        let result = try site.run(["newdb", "aliases"])
        #expect(result.status == 0, "\(result.errorText)")
    }

    @Test(arguments: counted("sources without entries", ["", "# nothing left\n"]))
    func aSourceThatWasEmptiedIsSaidToEmptyItsMap(text: String) throws {
        let site = try TestSite(Mistake(.databases, 1, "aliases btree - -la $MAILVAR/db/aliases -lm"))
        try site.place.write("root: ann@example.org\n", to: "db/aliases")
        #expect(try site.run(["newdb", "aliases"]).errorText.isEmpty)
        try site.place.write(text, to: "db/aliases")
        let result = try site.run(["newdb", "aliases"])
        #expect(result.errorText.contains("empty-source"), "\(result.errorText)")
    }

    @Test(
        arguments: counted(
            "descriptions of environments",
            [
                nil, "envflags = CDB\n", "envhome = /x\nenvmode = often\n", "envhme = /x\n",
                "envhome = /x\nenvflags = CBD\n",
            ]))
    func newdbCheckReadsTheDescriptionsOfEnvironmentsToo(text: String?) throws {
        let site = try TestSite(
            Mistake(.databases, 1, "aliases btree - -r $MAILVAR/db/a -lm -C $MAILVAR/db/env.conf"))
        if let text { try site.place.write(text, to: "db/env.conf") }
        let result = try site.run(["newdb", "--check"])
        #expect(result.status == 78)
        #expect(result.errorText.contains(site.place.file("db/env.conf")), "\(result.errorText)")
    }

    @Test func theDiskKeepsRoomForAllThatAnEnvironmentsCacheMayGrowToWhoeverEntersIt() throws {
        let site = try TestSite()
        try site.loadLive(1)
        let region = site.place.file("env/__db.003")
        #expect(try site.succeed(["db", "get", "fqdnroutes", "user0@live.example"]) == "smtp-lmtp!node!user0\n")
        var status = stat()
        #expect(stat(region, &status) == 0)
        #expect(Int(status.st_blocks) * 512 >= 8 << 20, "\(status.st_blocks) blocks for \(status.st_size) bytes")
    }

    @Test(arguments: counted("spellings of a live map", ["db/live", "db/../db/live", "db//live"]))
    func makedbLeavesALiveMapAlone(base: String) throws {
        let site = try TestSite()
        try site.loadLive(3)
        try site.place.write("one@live.example smtp-lmtp!node!one\n", to: "source")
        let result = try site.run(["makedb", "-l", "btree", site.place.file(base), site.place.file("source")])
        #expect(result.status == 64)
        #expect(result.errorText.contains("live map") && result.errorText.contains("db load"), "\(result.errorText)")
        #expect(try site.succeed(["db", "count", "fqdnroutes"]) == "3\n")
    }
}
