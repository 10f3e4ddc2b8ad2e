// The manual pages: one for each command and file format, that man(1) and mandoc(1) find nothing wrong with.

import Foundation
import Testing
import ZRouteTestKit

@Suite struct ManualPageTests {
    /// Pages of other packages that ours refer to.
    private static let others: Set = ["dot.1", "passwd.5", "sh.1", "systemd.1"]

    @Test func eachCommandAndEachFileFormatHasAPage() throws {
        let names = try SourceTree.files(below: try SourceTree.stage.get().file("usr/share/man"))
        let commands = try SourceTree.commands()
        #expect(commands.count >= 15)
        for command in commands { #expect(names.contains("man1/zroute-\(command).1")) }
        for name in ["dbases.conf", "scheduler.conf", "sleepyenv.conf", "zmailer.conf"] {
            #expect(names.contains("man5/\(name).5"))
        }
        #expect(names.filter { $0.hasPrefix("man1/") }.count == commands.count + 1)
    }

    @Test func manAndMandocFindNothingWrong() throws {
        let pages = try pages()
        for page in pages {
            let shown = try runCommand("/usr/bin/man", ["--warnings", "--local-file", page])
            #expect(shown.status == 0 && shown.errorText.isEmpty, "\(page): \(shown.errorText)")
        }
        // It looks for the pages that ours refer to; pages of other packages need not be installed.
        let manuals = "MANPATH=\(try SourceTree.stage.get().file("usr/share/man"))"
        let checked = try runCommand("/usr/bin/env", [manuals, "mandoc", "-T", "lint", "-W", "style"] + pages)
        let faults = checked.text.split(separator: "\n").filter { line in
            !Self.others.contains { line.hasSuffix("referenced manual not found: Xr \($0.replacing(".", with: " "))") }
        }
        #expect(checked.status < 3 && faults.isEmpty, "\(faults.joined(separator: "\n"))\(checked.errorText)")
        print("ManualPageTests: \(pages.count) pages")
    }

    @Test func eachPageThatAPageRefersToIsThere() throws {
        let pages = try pages()
        let names = Set(pages.map { URL(fileURLWithPath: $0).lastPathComponent })
        for page in pages {
            let lines = String(decoding: try Data(contentsOf: URL(fileURLWithPath: page)), as: UTF8.self)
                .split(separator: "\n")
            for words in lines.map({ $0.split(separator: " ") }) {
                guard let macro = words.firstIndex(of: "Xr") ?? words.firstIndex(of: ".Xr"),
                    words.count > macro + 2
                else { continue }
                let name = "\(words[macro + 1]).\(words[macro + 2])"
                #expect(names.contains(name) || Self.others.contains(name), "\(page): \(name)")
            }
            #expect(lines.contains(".Sh SEE ALSO"), "\(page)")
            // A command with commands of its own says it of each of them.
            let saysStatus = lines.contains(".Sh EXIT STATUS") || lines.contains { $0.hasPrefix("The exit status") }
            #expect(saysStatus || page.hasSuffix(".5"), "\(page)")
        }
    }

    /// The files of all pages.
    private func pages() throws -> [String] {
        let root = try SourceTree.stage.get().file("usr/share/man")
        return try SourceTree.files(below: root).map { "\(root)/\($0)" }
    }
}
