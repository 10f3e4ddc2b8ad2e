// newdb, makedb and route-test with maps of the type `cdb`.

import Testing
import ZRouteTestKit

@Suite struct CDBCommandTests {
    let site: TestSite
    var place: TemporaryDirectory { site.place }

    init() throws {
        site = try TestSite([
            "zmailer.conf": "MAILVAR=@SITE@\nhostname=here.example\n",
            "db/dbases.conf": """
            aliases cdb - -la $MAILVAR/db/aliases -lm
            fqdnroutes cdb - -l $MAILVAR/db/routes -lm%
            fqdnaliases NONE - - - -
            routesdb NONE - - - -
            thishost NONE - - - -

            """,
            "db/aliases": "root: anna@y.example\n",
            "db/routes": "anna@y.example smtp-lmtp!node!anna%2\n",
        ])
    }

    @Test func newdbCompilesAndRouteTestAnswers() throws {
        let result = try site.run(["newdb"])
        #expect(result.status == 0, "\(result.errorText)")
        #expect(
            result.text == "aliases\t1\t\(place.path)/db/aliases.cdb\nfqdnroutes\t1\t\(place.path)/db/routes.cdb\n")
        let answer = try site.run(["route-test", "--format", "tsv", "anna+news@y.example", "root"])
        #expect(answer.status == 0, "\(answer.errorText)")
        #expect(answer.text.contains("smtp-lmtp!node!anna+news"))
        #expect(answer.text.contains("smtp-lmtp!node!anna\n"))
    }

    @Test(arguments: ["cut", "zeros", "text", "none"])
    func aFileThatCannotBeAskedHoldsItsAddresses(damage: String) throws {
        #expect(try site.run(["newdb"]).status == 0)
        switch damage {
        case "cut": try place.write(Array(place.bytes(of: "db/routes.cdb").dropLast()), to: "db/routes.cdb")
        case "zeros": try place.write([UInt8](repeating: 0, count: 9000), to: "db/routes.cdb")
        case "text": try place.write("anna@y.example smtp-lmtp!node!anna\n", to: "db/routes.cdb")
        default: try runCommandSuccessfully("/bin/rm", [place.file("db/routes.cdb")])
        }
        let answer = try site.run(["route-test", "--format", "tsv", "anna@y.example"])
        #expect(answer.text.contains("hold!IO:error!anna@y.example"), "\(answer.text)")
        #expect(answer.errorText.contains("routes.cdb"), "\(answer.errorText)")
    }

    @Test func makedbAddsToAFile() throws {
        let base = place.file("db/m")
        try place.write("a old\nb old\n", to: "first")
        try place.write("b new\nc new\n", to: "second")
        #expect(try site.run(["makedb", "cdb", base, place.file("first")]).status == 0)
        let added = try site.run(["makedb", "-A", "cdb", base, place.file("second")])
        #expect(added.status == 0, "\(added.errorText)")
        #expect(added.errorText.contains("1 key was there already; the old value stands"))
        for (key, value) in [("a", "old"), ("b", "old"), ("c", "new")] {
            #expect(try runCommandSuccessfully("/usr/bin/cdb", ["-q", base + ".cdb", key]) == Array(value.utf8))
        }
        // A damaged file is not added to: what its damage hides would be lost for good.
        try place.write([UInt8](repeating: 0, count: 9000), to: "db/m.cdb")
        #expect(try site.run(["makedb", "-A", "cdb", base, place.file("second")]).status != 0)
        #expect(try place.bytes(of: "db/m.cdb").count == 9000)
    }

    @Test func anEnvironmentHasNoEffect() throws {
        try place.write("fqdnroutes cdb - -l $MAILVAR/db/routes -lm% -C sleepyenv.conf\n", to: "db/dbases.conf")
        let result = try site.run(["newdb"])
        #expect(result.errorText.contains("a map of type cdb lives in no environment"))
    }
}
