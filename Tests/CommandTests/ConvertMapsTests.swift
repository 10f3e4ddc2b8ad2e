// `convert maps`: from each type to each other, live maps while they are changed, and everything that must leave a site as it was.

import Foundation
import Glibc
import Maps
import Site
import Testing
import ZRouteTestKit

@Suite struct ConvertMapsTests {
    /// What maps can be made of.
    private static let types: [String] = MapBackEnds.all.compiledTypes.map(\.name) + ["text"]
    private static let pairs: [(String, String)] = types.flatMap { from in
        types.filter { $0 != from }.map { (from, $0) }
    }
    /// What a live Berkeley DB map can become.
    private static let others: [String] = types.filter { $0 != "btree" && $0 != "bhash" }

    private static let files = [
        "zmailer.conf": "MAILVAR=@SITE@\nhostname=store.example.net\nDBTYPE=@TYPE@\n",
        "db/dbases.conf": """
        # what stands here stays
        aliases     $DBTYPE - -la $MAILVAR/db/aliases     -lm
        fqdnaliases $DBTYPE - -la $MAILVAR/db/fqdnaliases -lm%   # a remark
        fqdnroutes\t$DBTYPE - -l $MAILVAR/db/fqdnroutes -lm%

        routesdb    $DBTYPE - -l  $MAILVAR/db/routes      -lm%: -d pathalias
        thishost    $DBTYPE - -l  $MAILVAR/db/localnames  -lm% -d pathalias
        expired     NONE    - -   -                       -

        """,
        "db/aliases": "root: admin, \"odd name\"@example.org\n\"a b\": bob\nsupport+urgent: eve@example.org\n",
        "db/fqdnaliases": "team@example.org: bob@example.org,\n  eve@example.org\n",
        "db/fqdnroutes":
            "bob@example.org smtp-lmtp!cyrus!bob%2\neve@example.org smtp-lmtp!cyrus!eve # no remark \n@catch.example error!x!é\n",
        "db/routes": "example.org error!nosuchuser\n. smtp!gateway\n",
        "db/localnames": "store.example.net\nempty.example\n",
    ]

    private func site(_ type: String, _ changes: [String: String] = [:]) throws -> TestSite {
        var files = Self.files.merging(changes) { $1 }
        files["zmailer.conf"] = files["zmailer.conf"]?.replacing("@TYPE@", with: type)
        let site = try TestSite(files)
        let result = try site.run(["newdb", "--allow", "all"])
        try #require(result.status == 0, "\(result.errorText)")
        return site
    }

    /// A copy of a site, to be compared with it later.
    private func copy(of site: TestSite) throws -> TemporaryDirectory {
        let copy = try TemporaryDirectory()
        try runCommandSuccessfully("/bin/cp", ["-a", "\(site.path)/.", copy.path])
        return copy
    }

    private func expectSame(_ before: TemporaryDirectory, _ site: TestSite, _ what: String) throws {
        let result = try runCommand(Programs.zroute.get(), ["diff", before.path, site.path])
        #expect(result.status == 0, "\(what): \(result.text)\(result.errorText)")
    }

    /// The types in dbases.conf.
    private func types(of site: TestSite) throws -> [String] {
        String(decoding: try site.place.bytes(of: "db/dbases.conf"), as: UTF8.self).split(separator: "\n")
            .filter { !$0.hasPrefix("#") }.map { String($0.split { $0 == " " || $0 == "\t" }[1]) }
    }

    @Test(arguments: Self.pairs)
    func everyTypeBecomesEveryOther(from: String, to: String) throws {
        let site = try site(from)
        let before = try copy(of: site)
        let result = try site.run(["convert", "maps", to])
        #expect(result.status == 0, "\(result.errorText)")
        #expect(result.text.split(separator: "\n").count == 5, "\(result.text)")
        #expect(try types(of: site) == [to, to, to, to, to, "NONE"])
        let text = String(decoding: try site.place.bytes(of: "db/dbases.conf"), as: UTF8.self)
        #expect(text.hasPrefix("# what stands here stays\n"))
        #expect(text.contains("-lm%   # a remark\n"))
        let padded = to + String(repeating: " ", count: max(7 - to.count, 0))
        #expect(text.contains("fqdnroutes\t\(padded) - -l $MAILVAR/db/fqdnroutes -lm%\n\n"))
        let kept = try site.place.bytes(of: "db/dbases.conf.before-\(to)")
        #expect(kept == Array(Self.files["db/dbases.conf"]?.utf8 ?? "".utf8))
        try expectSame(before, site, "\(from) to \(to)")
        // And back, where the old files are still there.
        let refused = try site.run(["convert", "maps", from])
        if from != "text" {
            #expect(refused.status == 78, "\(refused.errorText)")
            #expect(refused.errorText.contains("is there already"))
        }
        let back = try site.run(["convert", "maps", from, "--replace"])
        if from != "text" || refused.status != 0 { #expect(back.status == 0, "\(back.errorText)") }
        #expect(try types(of: site) == [from, from, from, from, from, "NONE"])
        try expectSame(before, site, "\(from) to \(to) and back")
        #expect(try leftovers(site).isEmpty)
    }

    /// Files of runs that did not tidy up.
    private func leftovers(_ site: TestSite) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: site.place.file("db")).filter { $0.contains(".zroute-") }
    }

    @Test func aTrialChangesNothing() throws {
        let site = try site("btree")
        let before = try files(site)
        let result = try site.run(["convert", "maps", "cdb", "--dry-run"])
        #expect(result.status == 0)
        #expect(result.errorText.contains("every route is the same"))
        #expect(result.errorText.contains("nothing was changed"))
        #expect(try files(site) == before)
    }

    @Test func oneRelationIsConvertedAlone() throws {
        let site = try site("btree")
        let before = try copy(of: site)
        let result = try site.run(["convert", "maps", "cdb", "fqdnroutes"])
        #expect(result.status == 0, "\(result.errorText)")
        #expect(result.text.split(separator: "\n").count == 1)
        #expect(try types(of: site) == ["$DBTYPE", "$DBTYPE", "cdb", "$DBTYPE", "$DBTYPE", "NONE"])
        for line in ["aliases", "fqdnaliases", "routesdb", "thishost"] {
            #expect(result.errorText.contains("\(line) stays btree: it was not asked for"), "\(result.errorText)")
        }
        #expect(result.errorText.contains("still needs Berkeley DB"))
        try expectSame(before, site, "one relation")
    }

    /// All files with their contents.
    private func files(_ site: TestSite) throws -> [String: [UInt8]] {
        var contents: [String: [UInt8]] = [:]
        for name in try FileManager.default.subpathsOfDirectory(atPath: site.path) {
            var isDirectory: ObjCBool = false
            _ = FileManager.default.fileExists(atPath: site.place.file(name), isDirectory: &isDirectory)
            if !isDirectory.boolValue { contents[name] = try site.place.bytes(of: name) }
        }
        return contents
    }

    /// What must not be done, and what is said.
    @Test(arguments: [
        ("a source that is newer than its map", "text", [], 1, "bob@example.org"),
        ("a relation that there is not", "cdb", ["fqdnroute"], 78, "did you mean 'fqdnroutes'"),
        ("a map that is damaged", "cdb", [], 75, "fqdnroutes"),
        ("a map that is missing", "cdb", [], 73, "db/fqdnroutes.db"),
        ("a file that is there", "cdb", [], 78, "say --replace"),
    ])
    func whatFailsLeavesTheSiteAsItWas(
        _ what: String, to: String, relations: [String], status: Int32, message: String
    ) throws {
        let site = try site("btree")
        switch what {
        case "a source that is newer than its map":
            try site.place.write("bob@example.org smtp-lmtp!other!bob\n", to: "db/fqdnroutes")
        case "a map that is damaged":
            var bytes = try site.place.bytes(of: "db/fqdnroutes.db")
            for index in bytes.indices.dropFirst(4096) { bytes[index] = 0 }
            try site.place.write(bytes, to: "db/fqdnroutes.db")
        case "a map that is missing": unlink(site.place.file("db/fqdnroutes.db"))
        case "a file that is there": try site.place.write("anything", to: "db/routes.cdb")
        default: break
        }
        let before = try files(site)
        let result = try site.run(["convert", "maps", to] + relations)
        #expect(result.status == status, "\(result.errorText)")
        #expect((result.text + result.errorText).contains(message), "\(result.text)\(result.errorText)")
        #expect(try files(site) == before, "\(what)")
    }

    // MARK: Live maps

    @Test(arguments: Self.others)
    func aLiveMapBecomesOneOfEveryType(to: String) throws {
        let site = try TestSite()
        try site.succeed(["newdb"])
        try site.loadLive(3000)
        let before = try addresses(site, 3000)
        let updates = Updates(site)
        updates.begin()
        let result = try site.run(["convert", "maps", to])
        let written = updates.end()
        #expect(result.status == 0, "\(result.errorText)")
        #expect(try addresses(site, 3000) == before)
        for (key, value) in written {
            let route = try site.route(of: key)
            #expect(route.text == value, "\(key): \(result.errorText)")
        }
        print("\(to): \(written.count) updates while a live map was converted")
        if Self.isChangedInPlace(to) {
            try site.succeed(["db", "put", "fqdnroutes", "late@live.example", "smtp-lmtp!node!late"])
            #expect(try site.route(of: "late@live.example").text == "smtp-lmtp!node!late")
            // And back into an environment.
            let missing = try site.run(["convert", "maps", "btree"])
            #expect(missing.status == 78)
            #expect(missing.errorText.contains("--env FILE"))
            let back = try site.run(
                ["convert", "maps", "btree", "--replace", "--env", site.place.file("db/env.conf")])
            #expect(back.status == 0, "\(back.errorText)")
            #expect(try addresses(site, 3000) == before)
            #expect(try site.route(of: "late@live.example").text == "smtp-lmtp!node!late")
            try site.succeed(["db", "put", "fqdnroutes", "last@live.example", "smtp-lmtp!node!last"])
            #expect(try site.route(of: "last@live.example").text == "smtp-lmtp!node!last")
        } else {
            #expect(result.errorText.contains("its entries stand in \(site.place.file("db/live"))"))
        }
    }

    /// A program that has the old map open from before the conversion to after it.
    @Test(arguments: Self.others.filter { Self.isChangedInPlace($0) })
    func whatAnotherProgramStillWritesIsCarriedOver(to: String) throws {
        let site = try TestSite()
        try site.succeed(["newdb"])
        try site.loadLive(500)
        var written = 0, late = 0
        let updater = try Updater.shared.get()
        let program = try site.start(["convert", "maps", to, "--follow", "3"])
        try updater.whileLoading(home: site.home, file: site.live) { put in
            while late < 50, program.isRunning {
                try put("old\(written)@live.example", "smtp-lmtp!node!old\(written)")
                written += 1
                if program.output.isEmpty { usleep(2000) } else { late += 1 }
            }
        }
        #expect(program.wait() == 0, "\(program.errors)")
        #expect(late == 50, "\(program.errors)")
        let list = (0..<written).map { "old\($0)@live.example\n" }.joined()
        let answers = try site.run(["route-test", "--format", "tsv", "-"], input: Array(list.utf8)).text
        let wanted = (0..<written).map { "old\($0)@live.example\tsmtp-lmtp!node!old\($0)\n" }.joined()
        #expect(answers == wanted, "\(program.errors)")
        print("\(to): \(written) updates by a program that has the old map open, \(late) of them after the conversion")
    }

    private static func isChangedInPlace(_ type: String) -> Bool {
        MapBackEnds.all.types.first { $0.name == type }?.isChangedInPlace == true
    }

    private func addresses(_ site: TestSite, _ count: Int) throws -> String {
        let list = (0..<count).map { "user\($0)@live.example\n" }.joined() + "one@x.example\nnobody@live.example\n"
        return try site.run(["route-test", "--format", "tsv", "-"], input: Array(list.utf8)).text
    }

    /// Somebody who stores entries one by one, and remembers which he was told are stored.
    private final class Updates: @unchecked Sendable {
        // Everything below the lock is only touched while it is held; the rest never changes.
        private let site: TestSite
        private let lock = NSLock()
        private var written: [(String, String)] = []
        private var isEnding = false
        private let group = DispatchGroup()

        init(_ site: TestSite) { self.site = site }

        func begin() {
            Thread.detachNewThread { [self] in
                group.enter()
                defer { group.leave() }
                var number = 0
                while !lock.withLock({ isEnding }) {
                    let (key, value) = ("new\(number)@live.example", "smtp-lmtp!node!new\(number)")
                    number += 1
                    guard (try? site.run(["db", "put", "fqdnroutes", key, value]))?.status == 0 else { continue }
                    lock.withLock { written.append((key, value)) }
                }
            }
            while lock.withLock({ written.isEmpty }) { usleep(1000) }
        }

        /// - Returns: what was stored for certain.
        func end() -> [(String, String)] {
            lock.withLock { isEnding = true }
            group.wait()
            return lock.withLock { written }
        }
    }

    // MARK: Ends that nobody wishes for

    /// Killed at any moment, the site has the old dbases.conf or the new one, and every route is the same.
    @Test func aKilledRunLeavesTheSiteWhole() throws {
        let site = try site("btree")
        let before = try copy(of: site)
        let began = ContinuousClock.now
        #expect(try site.run(["convert", "maps", "cdb", "--dry-run"]).status == 0)
        let duration = Int((ContinuousClock.now - began) / .microseconds(1))
        var converted = 0
        for _ in 0..<12 {
            let program = try site.start(["convert", "maps", "cdb", "--replace"])
            usleep(UInt32(Int.random(in: 0...duration)))
            program.send(SIGKILL)
            _ = program.wait()
            try expectSame(before, site, "killed")
            let kinds = Set(try types(of: site).dropLast())
            #expect(kinds == ["$DBTYPE"] || kinds == ["cdb"])
            guard kinds == ["cdb"] else { continue }
            converted += 1
            #expect(try site.run(["convert", "maps", "btree", "--replace"]).status == 0)
            try site.place.write(Array(Self.files["db/dbases.conf"]?.utf8 ?? "".utf8), to: "db/dbases.conf")
        }
        print("convert: 12 runs killed, \(converted) of them after they were done")
        #expect(try site.run(["convert", "maps", "cdb", "--replace"]).status == 0)
        try expectSame(before, site, "after kills")
    }
}
