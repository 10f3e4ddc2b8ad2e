import Foundation
import Glibc
import Testing
import ZRouteTestKit

/// Everything that can be wrong with a map on the disk: the whole program defers, says why, and does so in time.
@Suite struct DbDamageTests {
    /// One way for a live map, or its environment, to be useless.
    enum Damage: String, CaseIterable {
        case missing, empty, text, hundredBytes, oddSize, truncated, randomPages, zeroedRoot, otherVersion, wrongType
        case directory, noPermission, homeMissing, regionEmpty, regionZeroed, regionVersion, environmentFileMissing
        case killedInsidePut
    }

    @Test(arguments: Damage.allCases)
    func addressIsDeferredWithAReasonInTime(damage: Damage) throws {
        let site = try TestSite()
        try site.succeed(["newdb"])
        try site.loadLive(500)
        guard try stage(damage, site) else { return }
        // Without a deadline of its own it would hang, and be ended here.
        let result = try site.run(["route-test", "--format", "tsv", "user9@live.example"], endedAfter: 120)
        #expect(result.status == 75, "\(damage): \(result.text)\(result.errorText)")
        #expect(result.text == "user9@live.example\thold!IO:error!user9@live.example\n", "\(damage)")
        let lines = result.errorText.split(separator: "\n")
        #expect(lines.count < 5 && lines.first?.hasPrefix("zroute: ") == true, "\(damage): \(result.errorText)")
        print("\(damage): \(lines.first ?? "")")
        // A live map has no source that could be compiled.
        #expect(!result.errorText.contains("compile the map"), "\(damage): \(result.errorText)")
        let get = try site.run(["db", "get", "fqdnroutes", "user9@live.example"])
        #expect(!get.errorText.contains("compile the map"), "\(damage): \(get.errorText)")
        if damage == .regionEmpty || damage == .regionZeroed || damage == .missing || damage == .homeMissing {
            // One text for one damage.
            #expect(reason(get) == reason(result), "\(damage)")
        }
        if damage == .missing {
            #expect(get.errorText.contains("zroute db load fqdnroutes < /dev/null"), "\(get.errorText)")
        }
        #expect(get.status == 75 || get.status == 78, "\(damage): \(get.errorText)")
        let verify = try site.run(["db", "verify", "fqdnroutes"])
        #expect(verify.status != 0, "\(damage): \(verify.text)")
    }

    /// What a message says behind the map and the key.
    private func reason(_ result: CommandResult) -> String? {
        let line = result.errorText.split(separator: "\n").first ?? ""
        guard let start = line.range(of: "db)")?.upperBound else { return nil }
        return line[start...].replacingOccurrences(of: " key 'user9@live.example'", with: "")
            .replacingOccurrences(of: ": deferred", with: "")
    }

    /// - Returns: false where it cannot be staged, which is said.
    private func stage(_ damage: Damage, _ site: TestSite) throws -> Bool {
        let region = site.home + "/__db.001"
        func change(_ path: String, _ body: (inout [UInt8]) -> Void) throws {
            var bytes = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
            body(&bytes)
            try Data(bytes).write(to: URL(fileURLWithPath: path))
        }
        // What the environment's cache holds would hide what is wrong with the file.
        func changeFile(_ body: (inout [UInt8]) -> Void) throws {
            for number in 1...9 { unlink("\(site.home)/__db.00\(number)") }
            try change(site.live, body)
        }
        switch damage {
        case .missing: unlink(site.live)
        case .empty: try changeFile { $0 = [] }
        case .text: try changeFile { $0 = Array("user9@live.example smtp-lmtp!x!y\n".utf8) }
        case .hundredBytes: try changeFile { $0 = Array($0.prefix(100)) }
        case .oddSize: try changeFile { $0 = Array($0.prefix(1234)) }
        case .truncated: try changeFile { $0 = Array($0.prefix(4096)) }
        case .randomPages:
            var generator = SystemRandomNumberGenerator()
            try changeFile { for index in 4096..<$0.count { $0[index] = .random(in: 0...255, using: &generator) } }
        case .zeroedRoot: try changeFile { for index in 4096..<8192 { $0[index] = 0 } }
        case .otherVersion: try changeFile { $0[16] = 7 }
        case .wrongType:
            unlink(site.live)
            try runCommandSuccessfully(
                "/usr/bin/db5.3_load", ["-T", "-t", "recno", site.live], input: Array("a\nb\n".utf8))
        case .directory:
            unlink(site.live)
            try site.place.makeDirectory("db/live.db")
        case .noPermission:
            guard geteuid() != 0 else {
                print("noPermission: not run: the superuser may read everything")
                return false
            }
            chmod(site.live, 0)
        case .homeMissing: #expect(rename(site.home, site.place.file("elsewhere")) == 0)
        case .regionEmpty: #expect(truncate(region, 0) == 0)
        case .regionZeroed: try change(region) { $0 = [UInt8](repeating: 0, count: $0.count) }
        case .regionVersion: try change(region) { $0[4] = 4 }
        case .environmentFileMissing: unlink(site.place.file("db/env.conf"))
        case .killedInsidePut:
            try Updater.shared.get().dieInsidePut("user9@live.example", "x", home: site.home, file: site.live)
        }
        return true
    }

    @Test func whatOthersWriteIsRead() throws {
        let site = try TestSite()
        try site.succeed(["newdb"])
        let entries = (0..<1000).map { ("u\($0)@live.example", "smtp-lmtp!node!u\($0)") }
        try BerkeleyDBTools.load(entries, into: site.live)
        #expect(try site.route(of: "u7@live.example") == (0, "smtp-lmtp!node!u7"))
        #expect(try site.succeed(["db", "count", "fqdnroutes"]) == "1000\n")
        #expect(try site.run(["db", "verify", "fqdnroutes"]).status == 0)
    }

    @Test func whatWeWriteOthersRead() throws {
        let site = try TestSite()
        try site.loadLive(1000)
        #expect(try BerkeleyDBTools.verify(site.live).status == 0)
        let lines = try BerkeleyDBTools.dump(site.live).split(separator: "\n").filter { $0.hasPrefix(" ") }
        #expect(lines.count == 2000)
    }

    /// What the messages say of a missing map works, with any readable input.
    @Test(arguments: ["< /dev/null", "/dev/null", "<(printf '')", "- < /dev/null"])
    func missingMapIsMadeAsTheMessageSays(input: String) throws {
        let site = try TestSite()
        let program = try Programs.zroute.get()
        let script = "\(program) db load fqdnroutes --config \(site.place.file("zmailer.conf")) \(input)"
        let result = try runCommand("/bin/bash", ["-c", script])
        #expect(result.status == 0, "\(result.errorText)")
        #expect(try site.succeed(["db", "count", "fqdnroutes"]) == "0\n")
        #expect(try site.run(["db", "get", "fqdnroutes", "a@x.example"]).status == 1)
    }

    /// Answers that nobody can read are no answers.
    @Test(arguments: [
        ["db", "count", "fqdnroutes"], ["db", "verify", "fqdnroutes"], ["db", "dump", "fqdnroutes"],
        ["db", "get", "fqdnroutes", "user9@live.example"], ["newdb"], ["newdb", "--check"],
        ["route-test", "user9@live.example"],
    ])
    func answersThatCannotBeWrittenAreAnError(command: [String]) throws {
        let site = try TestSite()
        try site.succeed(["newdb"])
        try site.loadLive(100)
        let program = try Programs.zroute.get()
        let result = try runCommand(
            "/bin/sh", ["-c", "exec \"$0\" \"$@\" > /dev/full", program] + site.options(command))
        #expect(result.status == 74, "\(command): \(result.errorText)")
        #expect(result.errorText.contains("standard output: write: No space left on device"), "\(result.errorText)")
    }

    /// A small file system that is really full.
    @Test func fullDiskLeavesTheOldMaps() throws {
        let site = try TestSite()
        let directory = site.place.file("db")
        let saved = try ["aliases", "routes", "dbases.conf", "env.conf"].map { name in
            (name, try String(contentsOfFile: "\(directory)/\(name)", encoding: .utf8))
        }
        guard let disk = try SmallDisk(at: directory, kibibytes: 400, for: "fullDiskLeavesTheOldMaps") else { return }
        for (name, text) in saved { try site.place.write(text, to: "db/\(name)") }
        try site.succeed(["newdb"])
        try site.loadLive(100)
        let bulk = (0..<9000).map { "more\($0)@x.example smtp-lmtp!node!more\n" }.joined()
        let dump = try site.place.write(bulk.replacingOccurrences(of: " ", with: "\t"), to: "dump")
        let load = try site.run(["db", "load", "fqdnroutes", dump])
        #expect(load.status == 74, "\(load.errorText)")
        #expect(load.errorText.contains("No space left on device"), "\(load.errorText)")
        #expect(try site.run(["db", "get", "fqdnroutes", "user9@live.example"]).status == 0)
        try site.place.write(String(bulk.prefix(100_000)), to: "bulk")
        try site.write(routes: "one@x.example smtp-lmtp!node!changed\n")
        try disk.fill()
        let result = try site.run(["newdb"])
        #expect(result.status == 73 || result.status == 66 || result.status == 65, "\(result.errorText)")
        #expect(try site.route(of: "one@x.example") == (0, "smtp-lmtp!node!one"))
        print("fullDiskLeavesTheOldMaps: load \(load.status), newdb \(result.status)")
    }
}
