// The pages of the documentation: what they say to type is typed, what they show is compared, and where they lead there is something.

import Foundation
import Testing
import ZRouteTestKit

@Suite(.serialized) struct PageTests {
    private static let pages: [String] = {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(SourceTree.root)/docs")) ?? []
        return ["README.md", "SECURITY.md", "CONTRIBUTING.md"]
            + names.filter { $0.hasSuffix(".md") }.sorted().map { "docs/\($0)" }
    }()

    /// Prints how many commands were typed, how many outputs compared, and why some were not typed.
    @Test(arguments: pages) func saysWhatHappensWhenItIsTyped(page: String) throws {
        try expectSuccess(try type(page))
    }

    @Test func areAsPagesHaveToBe() throws {
        try expectSuccess(try check([]))
    }

    // MARK: What is noticed

    @Test(arguments: [
        ("```console\n$ echo one\ntwo\n```\n", "the page shows\ntwo\n--- and printed was\none"),
        ("```console\n$ echo one\n```\n", "and printed was\none"),
        ("```console\n$ zroute route-test --format tsv a@b@c\na@b@c\t...\n```\n", "ends with 67, and not 0"),
        ("```sh\nfalse\n```\n", "ends with 1, and not 0"),
        ("```sh\ntrue # status 1\n```\n", "ends with 0, and not 1"),
        ("```sh stays\nzroute serve --listen lines=relative\n```\n", "it does not stay"),
        ("```sh not-run:\ntrue\n```\n", "is no fence that Scripts/pages.py knows"),
        ("```file\nno name\n```\n\n```sh\ntrue\n```\n", "the first line of a file names it"),
    ])
    func aPageThatIsWrongIsFound(text: String, said: String) throws {
        let place = try TemporaryDirectory()
        try place.write("# A page\n\n\(text)", to: "page.md")
        let result = try type(place.file("page.md"))
        guard result.status != Self.unavailable else { return print(result.text) }
        #expect(result.status == 1 && result.text.contains(said), "\(result.status): \(result.text)")
    }

    @Test func whatIsRightIsTyped() throws {
        let place = try TemporaryDirectory()
        try place.write(
            """
            # A page

            ```file
            # /etc/greeting
            hello
            ```

            ```console status=3
            $ cd /etc && name=greeting
            $ tail -n 1 $name; date -u +%Y-%m-%dT%H:%M:%SZ
            hello
            2026-11-29T12:00:00Z
            $ for i in 1 2; do
            >     echo line $i of many
            > done
            ...
            line 2 ... many
            $ (exit 3)
            ```

            """, to: "page.md")
        let result = try type(place.file("page.md"))
        guard result.status != Self.unavailable else { return print(result.text) }
        #expect(result.status == 0, "\(result.text)\(result.errorText)")
        #expect(result.text.contains("4 commands typed, 2 outputs compared, 1 files written, 0 commands not typed"))
    }

    @Test(arguments: [
        ("[a](none.md)\n", "there is no "),
        ("[a](#none)\n", "has no heading #none"),
        ("    zroute check\n", "a block without a fence says nothing of itself"),
        ("```\nzroute check\n```\n", "a block with commands is `sh` or `console`"),
        ("Say `zroute chek`.\n", "'zroute chek': "),
        ("Say `zroute check --prove`.\n", "'zroute check --prove': "),
        ("# Another title\n", "it has 2 titles, and not one"),
    ])
    func aPageThatIsNotAsItHasToBeIsFound(text: String, said: String) throws {
        let place = try TemporaryDirectory()
        try place.write("# A page\n\n\(text)", to: "page.md")
        let result = try check([place.file("page.md")])
        #expect(result.status == 1 && result.text.contains(said), "\(result.text)\(result.errorText)")
        #expect(result.text.hasSuffix(", 1 problems\n"))
    }

    // MARK: The scripts

    /// The status where no machine can be made for a page.
    private static let unavailable: Int32 = 69

    private func type(_ page: String) throws -> CommandResult {
        let package = try SourceTree.debianPackage.get().file
        return try runCommand("\(SourceTree.root)/Scripts/type-page", [package, page])
    }

    private func check(_ pages: [String]) throws -> CommandResult {
        try runCommand("\(SourceTree.root)/Scripts/check-pages", [try Programs.zroute.get()] + pages)
    }

    /// Prints what a script counted, and expects that it found nothing wrong.
    private func expectSuccess(_ result: CommandResult) throws {
        print(result.text, terminator: "")
        #expect([0, Self.unavailable].contains(result.status), "\(result.text)\(result.errorText)")
    }
}
