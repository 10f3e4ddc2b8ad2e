import Foundation
import Glibc
import Testing
import ZRouteTestKit

/// A map is known by what it is, not by how its path is spelled.
@Suite struct DbPathTests {
    let site: TestSite

    init() throws {
        site = try TestSite()
        try site.succeed(["newdb"])
    }

    /// Spellings of a path.
    enum Spelling: String, CaseIterable {
        case absolute, doubledSlash, dotDot, symbolicLink, linkedDirectory, hardLink, relative, withoutExtension
    }

    /// Runs a subcommand with the map spelled in one way, in the site's directory.
    private func run(_ spelling: Spelling, _ command: [String], _ words: [String]) throws -> CommandResult {
        let path: String
        switch spelling {
        case .absolute: path = site.live
        case .doubledSlash: path = site.place.file("db//live.db")
        case .dotDot: path = site.place.file("db/../env/../db/./live.db")
        case .symbolicLink:
            path = site.place.file("link")
            unlink(path)
            try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "db/live.db")
        case .linkedDirectory:
            path = site.place.file("directory/live.db")
            unlink(site.place.file("directory"))
            try FileManager.default.createSymbolicLink(atPath: site.place.file("directory"), withDestinationPath: "db")
        case .hardLink:
            path = site.place.file("other.db")
            unlink(path)
            // A name that is free yet has no second one.
            if link(site.live, path) != 0 { return try run(.absolute, command, words) }
        case .relative: path = "./db/live.db"
        case .withoutExtension: path = site.place.file("db/live")
        }
        let script = "cd \(site.place.path) && exec \"$0\" \"$@\""
        let program = try Programs.zroute.get()
        return try runCommand("/bin/sh", ["-c", script, program] + site.options(command + [path] + words))
    }

    @Test(arguments: Spelling.allCases, [true, false])
    func everySpellingIsTheLiveMap(spelling: Spelling, exists: Bool) throws {
        if exists { try site.loadLive(10) }
        let put = try run(spelling, ["db", "put"], ["New@x.example", "smtp-lmtp!node!new"])
        #expect(put.status == 0, "\(spelling): \(put.errorText)")
        // Readers in the environment see it, folded as the relation folds.
        #expect(try site.route(of: "new@x.example") == (0, "smtp-lmtp!node!new"), "\(spelling)")
        #expect(try run(spelling, ["db", "get"], ["new@x.example"]).text == "smtp-lmtp!node!new\n")
    }

    @Test(arguments: Spelling.allCases, [true, false])
    func openingItBesideItsEnvironmentIsRefused(spelling: Spelling, exists: Bool) throws {
        if exists { try site.loadLive(10) }
        for option in [["--no-env"], ["--env", site.place.path]] {
            for words in [["put", "k", "v"], ["get", "k"]] {
                let result = try run(spelling, ["db", words[0]] + option, Array(words.dropFirst()))
                #expect(result.status == 64, "\(spelling) \(option): \(result.errorText)")
                #expect(result.errorText.contains("lives in the environment \(site.home)"), "\(result.errorText)")
            }
        }
        // The environment's own directory may be said, however it is spelled.
        let own = try run(
            spelling, ["db", "put", "--env", site.home + "/../env/"], ["k@x.example", "smtp-lmtp!node!k"])
        #expect(own.status == 0, "\(own.errorText)")
    }

    /// Relative paths in dbases.conf and in the environment's description count from the directory of the file.
    @Test func relativePathsInTheConfigurationCountFromItsDirectory() throws {
        try site.place.write("envhome = ../env\nenvmode = 0600\nenvflags = CDB, CREATE\n", to: "db/env.conf")
        try site.place.write("fqdnroutes btree - -r live -lm% -C env.conf\n", to: "db/dbases.conf")
        let program = try Programs.zroute.get()
        for (directory, conf) in [("", "db/dbases.conf"), ("db", "./dbases.conf"), ("env", "../db//dbases.conf")] {
            let script = "cd \(site.place.file(directory)) && exec \"$0\" \"$@\""
            let words = ["--config", site.place.file("zmailer.conf"), "--dbases", conf]
            let key = "user-\(directory)@x.example"
            let put = try runCommand(
                "/bin/sh", ["-c", script, program, "db", "put", "fqdnroutes", key, "smtp-lmtp!node!x"] + words)
            #expect(put.status == 0, "\(directory): \(put.errorText)")
            let route = try runCommand(
                "/bin/sh", ["-c", script, program, "route-test", "--format", "tsv", key] + words)
            #expect(route.text == "\(key)\tsmtp-lmtp!node!x\n", "\(directory): \(route.errorText)")
        }
        #expect(try site.succeed(["db", "count", "fqdnroutes"]) == "3\n")
        #expect(FileManager.default.fileExists(atPath: site.live))
    }

    @Test func hiddenEntryIsWarnedOf() throws {
        let result = try site.run(["db", "put", "fqdnroutes", "One@x.example", "smtp-lmtp!node!other"])
        #expect(result.status == 0)
        #expect(result.errorText.contains("warning: 'one@x.example' is stored, and is not found by lookups"))
        #expect(result.errorText.contains("dbases.conf:2"), "\(result.errorText)")
        #expect(try site.run(["db", "put", "fqdnroutes", "two@x.example", "smtp-lmtp!node!two"]).errors.isEmpty)
    }
}
