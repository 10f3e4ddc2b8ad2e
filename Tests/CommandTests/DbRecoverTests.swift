import Foundation
import Glibc
import Testing
import ZRouteTestKit

@Suite struct DbRecoverTests {
    let site: TestSite
    let updater: Updater

    init() throws {
        site = try TestSite()
        updater = try Updater.shared.get()
        try site.succeed(["newdb"])
    }

    private var recover: [String] { ["db", "recover", "fqdnroutes", "--force"] }

    /// How the environment came into being: by us, with the means to notice dead processes, or by another program.
    enum Creator: CaseIterable { case zroute, other }

    private func load(by creator: Creator, _ count: Int = 500) throws {
        switch creator {
        case .zroute: try site.loadLive(count)
        case .other:
            try updater.load(
                (0..<count).map { ("user\($0)@live.example", "smtp-lmtp!node!user\($0)") }, home: site.home,
                file: site.live)
        }
    }

    @Test(arguments: Creator.allCases)
    func processKilledInsidePutDefersUntilRecovered(creator: Creator) throws {
        try load(by: creator)
        try updater.dieInsidePut("user9@live.example", "smtp-lmtp!node!lost", home: site.home, file: site.live)
        // Readers and writers answer within the deadline, and nothing is taken for absent.
        #expect(try site.route(of: "user9@live.example").status == 75)
        for command in [
            ["get", "fqdnroutes", "user9@live.example"], ["put", "fqdnroutes", "a@live.example", "smtp!b"],
        ] {
            let result = try site.run(["db"] + command, endedAfter: 120)
            #expect(result.status == 75, "\(command): \(result.errorText)")
            #expect(result.errorText.contains("recover"), "\(result.errorText)")
        }
        let result = try site.run(recover)
        #expect(result.status == 0, "\(result.text)\(result.errorText)")
        #expect(result.text.contains("works in the new environment; 500 entries"), "\(result.text)")
        #expect(try site.route(of: "user9@live.example") == (0, "smtp-lmtp!node!user9"))
        try site.succeed(["db", "put", "fqdnroutes", "user9@live.example", "smtp-lmtp!node!new"])
        #expect(try site.route(of: "user9@live.example") == (0, "smtp-lmtp!node!new"))
    }

    @Test func deadReaderIsClearedAwayInAnEnvironmentOfOurs() throws {
        try load(by: .zroute)
        try updater.dieReading(home: site.home, file: site.live)
        try site.succeed(["db", "put", "fqdnroutes", "user9@live.example", "smtp-lmtp!node!new"])
    }

    @Test func deadReaderInAnothersEnvironmentMeansADeadline() throws {
        try load(by: .other)
        try updater.dieReading(home: site.home, file: site.live)
        let result = try site.run(["db", "put", "fqdnroutes", "a@live.example", "smtp!b"])
        #expect(result.status == 75)
        #expect(result.errorText.contains("no answer within 2 s"))
        #expect(result.errorText.contains("zroute db recover --env \(site.home)"))
        try site.succeed(recover)
        try site.succeed(["db", "put", "fqdnroutes", "a@live.example", "smtp!b"])
    }

    @Test func refusesWhileALivingProcessUsesTheEnvironment() throws {
        try load(by: .other)
        try updater.whileSpinning("k", "v", home: site.home, file: site.live) {
            let result = try site.run(recover)
            #expect(result.status == 75)
            #expect(result.errorText.contains("in use by process "), "\(result.errorText)")
            #expect(result.errorText.contains("(updater)"), "\(result.errorText)")
            #expect(result.output.isEmpty)
        }
        try site.succeed(recover)
    }

    @Test func damagedMapIsBuiltAnewAndTheOldOneKept() throws {
        try load(by: .zroute, 2000)
        try damage()
        let result = try site.run(recover)
        #expect(result.status == 1, "entries are lost: \(result.errorText)")
        #expect(result.text.contains("\(site.live): is damaged; "), "\(result.text)")
        #expect(result.text.contains("built anew from"), "\(result.text)")
        #expect(try BerkeleyDBTools.verify(site.live).status == 0)
        let names = try FileManager.default.contentsOfDirectory(atPath: site.place.file("db"))
        #expect(names.contains { $0.hasPrefix("live.db.damaged-") })
        #expect(names.contains { $0.hasPrefix("live.db.salvage-") })
        let count = try #require(Int(try site.succeed(["db", "count", "fqdnroutes"]).dropLast()))
        #expect(count > 1500 && count < 2000)
        // Pages are not equally full: the number is a guess from the others.
        let lost = try #require(result.text.firstMatch(of: /about ([0-9]+) entries are lost; before mail flows, load/))
        let guess = try #require(Int(lost.1))
        print("recover: \(2000 - count) of 2000 entries lost, said: about \(guess)")
        #expect(guess > 0 && guess <= 4 * (2000 - count) && 2000 - count <= 4 * guess)
        #expect(result.text.contains("`zroute db load fqdnroutes FILE`"))
    }

    @Test func sourceBringsEverythingBack() throws {
        try load(by: .zroute, 2000)
        let dump = site.place.file("backup")
        try site.place.write(try site.bytes(["db", "dump", "fqdnroutes"]), to: "backup")
        try site.succeed(["db", "put", "fqdnroutes", "aaa@live.example", "smtp!since-the-backup"])
        try damage()
        let result = try site.run(recover + ["--source", dump])
        #expect(result.status == 0, "\(result.errorText)")
        #expect(result.text.contains("built anew from \(dump), 2000 entries"), "\(result.text)")
        #expect(result.text.contains("1 key of the old file could be read and are not in"), "\(result.text)")
        #expect(try site.succeed(["db", "count", "fqdnroutes"]) == "2000\n")
        #expect(try site.run(["db", "verify", "fqdnroutes"]).status == 0)
    }

    @Test func garbageInThePlaceOfAMapIsKeptAndNothingInvented() throws {
        try load(by: .zroute, 10)
        try site.place.write("no database at all", to: "db/live.db")
        let result = try site.run(recover)
        #expect(result.status == 1, "\(result.errorText)")
        #expect(result.text.contains("0 entries written to"), "\(result.text)")
        #expect(result.text.contains("how many entries are lost cannot be told"), "\(result.text)")
        #expect(try site.succeed(["db", "count", "fqdnroutes"]) == "0\n")
    }

    @Test func wholeEnvironmentWithoutConfiguration() throws {
        let place = try TemporaryDirectory()
        let program = try Programs.zroute.get()
        try runCommandSuccessfully(program, ["db", "put", "--env", place.path, place.file("m.db"), "k", "v"])
        let text = try runCommandSuccessfully(program, ["db", "recover", "--force", "--env", place.path])
        #expect(String(decoding: text, as: UTF8.self).contains("works in the new environment; 1 entry"))
        #expect(
            try runCommandSuccessfully(program, ["db", "get", "--env", place.path, place.file("m.db"), "k"])
                == Array("v\n".utf8))
    }

    /// Two within a second: each keeps what it found under names of its own.
    @Test func recoveriesAtOnceKeepTheirFilesApart() throws {
        try load(by: .zroute, 2000)
        for _ in 0..<3 {
            try damage()
            for number in 1...9 { unlink("\(site.home)/__db.00\(number)") }
            #expect(try site.run(recover).status == 1)
        }
        let names = try FileManager.default.contentsOfDirectory(atPath: site.place.file("db"))
        #expect(names.filter { $0.hasPrefix("live.db.damaged-") }.count == 3, "\(names)")
        #expect(names.filter { $0.hasPrefix("live.db.salvage-") }.count == 3, "\(names)")
    }

    /// Who may not look into the environment's directory cannot know who uses it.
    @Test func refusesAnEnvironmentThatItMayNotRead() throws {
        guard geteuid() == 0 else {
            print("refusesAnEnvironmentThatItMayNotRead: not run: only the superuser can become another user")
            return
        }
        try load(by: .zroute)
        chmod(site.home, 0o300)
        chmod(site.place.path, 0o755)
        chmod(site.place.file("db"), 0o777)
        let program = try Programs.zroute.get()
        let words = ["--reuid=65534", "--regid=65534", "--clear-groups", program] + site.options(recover)
        let result = try runCommand("/usr/bin/setpriv", words)
        #expect(result.status == 75, "\(result.text)\(result.errorText)")
        #expect(result.errorText.contains(site.home), "\(result.errorText)")
        #expect(access(site.home + "/__db.001", F_OK) == 0)
    }

    /// Overwrites a leaf page.
    private func damage() throws {
        var bytes = Array(try Data(contentsOf: URL(fileURLWithPath: site.live)))
        let page = bytes.count / 2 / 4096 * 4096
        bytes.replaceSubrange(page..<(page + 4096), with: [UInt8](repeating: 0xA5, count: 4096))
        try Data(bytes).write(to: URL(fileURLWithPath: site.live))
    }
}
