// What the commands that write maps say of names, files and entries that are not what their owner thinks.

import Foundation
import Glibc
import Testing
import ZRouteTestKit

@Suite struct MapMessagesTests {
    let site: TestSite

    init() throws { site = try TestSite() }

    @Test(
        arguments: counted(
            "names that cannot be allowed",
            [
                ("value-is-no-rout", "did you mean 'value-is-no-route'? (names: all, value-is-no-route, "),
                ("key-is-never-asked", "'key-is-never-asked' is the name of no finding that can be allowed"),
                ("unreadable-line", "cannot be allowed: such a line has no key and value"),
                ("nul-byte", "cannot be allowed: such a line has no key and value"),
                ("source-is-newer", "run zroute newdb"), ("everything", "(names: all, "),
            ]), [["newdb"], ["makedb", "btree", "x"], ["db", "put", "m", "k", "v"], ["db", "load", "m"]])
    func allowWithANameThatCannotBeAllowedSaysWhichNamesCan(name: (String, cause: String), command: [String]) throws {
        let result = try site.run(command + ["--allow", name.0])
        #expect(result.status == 64)
        #expect(result.errorText.contains(name.cause), "\(result.errorText)")
        #expect(result.errorText.contains("percent-without-flag"), "all names are listed: \(result.errorText)")
    }

    private enum Obstacle: String, CaseIterable, Sendable {
        case missing, directory, device, circle, file

        func make(at path: String) throws {
            switch self {
            case .missing: break
            case .directory: mkdir(path, 0o755)
            case .device: symlink("/dev/null", path)
            case .circle: symlink(path, path)
            case .file: symlink("/etc/passwd/x", path)
            }
        }

        var remedy: String {
            switch self {
            case .missing: "create it, or correct its path"
            case .directory, .device: "name a file"
            case .circle: "which lead in a circle"
            case .file: "of which a part is no directory"
            }
        }
    }

    @Test(arguments: counted("obstacles", Obstacle.allCases))
    private func aSourceThatCannotBeReadIsSaidWithWhatToDo(obstacle: Obstacle) throws {
        let path = site.place.file("db/routes")
        unlink(path)
        try obstacle.make(at: path)
        var commands = [["newdb"], ["newdb", "--check"], ["makedb", "btree", site.place.file("x"), path]]
        if obstacle != .device { commands.append(["db", "load", "fqdnroutes", path]) }
        for command in commands {
            let result = try site.run(command)
            #expect([65, 66, 74].contains(result.status), "\(command): \(result.status)")
            #expect(
                result.errorText.contains(path) && result.errorText.contains(obstacle.remedy), "\(result.errorText)")
        }
    }

    @Test(
        arguments: counted(
            "dumps with keys twice",
            [
                ("a@x.example\tsmtp!h!a\na@x.example\tsmtp!h!b\n", [2], "smtp!h!b"),
                ("a@x.example\tsmtp!h!a\nb@x.example\tsmtp!h\na@x.example\tsmtp!h!a\n", [3], "smtp!h!a"),
                ("a@x.example\tsmtp!h!a\na@x.example\tsmtp!h!b\na@x.example\tsmtp!h!c\n", [2, 3], "smtp!h!c"),
                (
                    "VERSION=3\nformat=bytevalue\ntype=btree\nHEADER=END\n 614078 00\n".replacingOccurrences(
                        of: " 614078 00", with: " 6140782e6500\n 736d7470216800\n 6140782e6500\n 736d7470216900")
                        + "DATA=END\n", [7], nil
                ),
            ] as [(String, [Int], String?)]))
    func aDumpWithAKeyTwiceIsSaidToWithTheLineThatStands(dump: String, lines: [Int], value: String?) throws {
        try site.succeed(["newdb"])
        let result = try site.run(["db", "load", "fqdnroutes"], input: Array(dump.utf8))
        #expect(result.status == 0, "\(result.errorText)")
        let said = result.errorText.split(separator: "\n").filter { $0.contains("(duplicate-key)") }
        #expect(said.count == lines.count, "\(result.errorText)")
        for line in lines where value != nil {
            #expect(result.errorText.contains("standard input:\(line): warning: the key 'a@x.example'"))
        }
        if let value { #expect(try site.succeed(["db", "get", "fqdnroutes", "a@x.example"]) == "\(value)\n") }
        let allowed = try site.run(["db", "load", "fqdnroutes", "--allow", "duplicate-key"], input: Array(dump.utf8))
        #expect(allowed.errorText.isEmpty)
    }

    @Test(
        arguments: counted(
            "names of databases", [("btree", "db"), ("bhash", "dbh"), ("btree", "dbh"), ("bhash", "db")]))
    func makedbTakesTheNameOfTheDatabaseForTheNameWithoutItsExtension(kind: String, ending: String) throws {
        let base = site.place.file("db/routes")
        let file = base + (kind == "btree" ? ".db" : ".dbh")
        try site.write(routes: "one@x.example fg\n")
        let refused = try site.run(["makedb", "-l", kind, "\(base).\(ending)", base])
        // What is judged is judged by the line of dbases.conf, which has a B-tree there, or only the base's name.
        #expect(refused.status == 65, "\(refused.errorText)")
        try site.write(routes: "one@x.example smtp!h!one\n")
        for arguments in [["\(base).\(ending)", base], ["\(base).\(ending)"]] {
            let result = try site.run(["makedb", "-l", kind] + arguments)
            #expect(result.status == 0, "\(result.errorText)")
            #expect(result.text == "1\t\(file)\n")
            #expect(result.errorText.contains("BASE is taken without .\(ending): the database is \(file)"))
        }
        let names = try FileManager.default.contentsOfDirectory(atPath: site.place.file("db"))
        #expect(!names.contains { $0.contains(".db.") || $0.contains(".dbh.") }, "\(names)")
    }

    @Test(arguments: counted("emptied sources", ["", "# nothing left\n", "\n\n"]), [1, 3])
    func aSourceThatWasEmptiedIsSaidWithTheNumberOfEntriesThereWere(text: String, count: Int) throws {
        let routes = (1...count).map { "u\($0)@x.example smtp!h\n" }.joined()
        try site.write(routes: routes)
        try site.succeed(["newdb"])
        try site.write(routes: text)
        let had = "which had \(count) \(count == 1 ? "entry" : "entries"), becomes empty"
        let result = try site.run(["newdb"])
        #expect(result.status == 0)
        #expect(result.errorText.contains(had), "\(result.errorText)")
        // What was empty before loses nothing.
        #expect(try site.run(["newdb"]).errorText.isEmpty)
        let base = site.place.file("db/routes")
        try site.write(routes: routes)
        try site.succeed(["makedb", "-l", "bhash", base])
        try site.write(routes: text)
        #expect(try site.run(["makedb", "-l", "bhash", base, "--allow", "empty-source"]).errorText.isEmpty)
        try site.write(routes: routes)
        try site.succeed(["makedb", "-l", "bhash", base])
        try site.write(routes: text)
        #expect(try site.run(["makedb", "-l", "bhash", base]).errorText.contains(had))
    }

    @Test(arguments: ["put", "load"])
    func anEntryThatAnEarlierMapOfTheRelationHidesIsSaidToBe(command: String) throws {
        try site.succeed(["newdb"])
        for (key, isHidden) in [("one@x.example", true), ("two@x.example", false)] {
            let result =
                command == "put"
                ? try site.run(["db", "put", "fqdnroutes", key, "smtp!h"])
                : try site.run(["db", "load", "fqdnroutes"], input: Array("\(key)\tsmtp!h\n".utf8))
            #expect(result.status == 0)
            #expect(result.errorText.contains("which comes first in") == isHidden, "\(result.errorText)")
            #expect(result.errorText.contains("'smtp-lmtp!node!one'; change it there") == isHidden)
        }
    }

    @Test func newdbSaysThatEveryoneMayWriteATextMap() throws {
        let site = try TestSite(mapType: "text")
        chmod(site.place.file("db/aliases"), 0o666)
        for command in [
            ["newdb", "--check"], ["makedb", "-la", "btree", site.place.file("x"), site.place.file("db/aliases")],
        ] {
            let result = try site.run(command)
            #expect(result.errorText.contains("everyone may write this source"), "\(command): \(result.errorText)")
            #expect(result.errorText.components(separatedBy: "everyone may").count == 2)
        }
    }
}
