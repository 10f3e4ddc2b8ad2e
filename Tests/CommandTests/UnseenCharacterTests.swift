// Characters that nobody sees, in each configuration file of a site: said with file, line, column and remedy, and mail waits.

import Testing
import ZRouteTestKit

@Suite struct UnseenCharacterTests {
    /// A place in a file: a line, and the column that a character is put before.
    struct Place: Sendable, CustomTestStringConvertible {
        let file: SiteFile
        let line: Int
        let column: Int
        var testDescription: String { "\(file.rawValue):\(line):\(column)" }
    }

    static let places = [
        Place(file: .zmailer, line: 4, column: 12), Place(file: .zmailer, line: 4, column: 1),
        Place(file: .zmailer, line: 5, column: 9), Place(file: .mail, line: 1, column: 18),
        Place(file: .mail, line: 1, column: 13), Place(file: .databases, line: 3, column: 20),
        Place(file: .databases, line: 1, column: 8), Place(file: .databases, line: 4, column: 67),
        Place(file: .scheduler, line: 1, column: 4), Place(file: .scheduler, line: 3, column: 10),
        Place(file: .scheduler, line: 4, column: 1), Place(file: .scheduler, line: 4, column: 13),
        Place(file: .scheduler, line: 5, column: 30),
    ]

    /// A site with bytes put into one of its files.
    private func site(_ place: Place, _ bytes: [UInt8]) throws -> TestSite {
        let site = try TestSite(nil)
        var lines = Array(place.file.text.replacing("@SITE@", with: site.place.path).utf8)
            .split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map(Array.init)
        lines[place.line - 1].insert(contentsOf: bytes, at: place.column - 1)
        // What is behind the last byte of a line must not become the end of a CR LF.
        if bytes == [0x0D], place.column > lines[place.line - 1].count - 1 { lines[place.line - 1].append(0x20) }
        try site.place.write(Array(lines.joined(separator: [UInt8(ascii: "\n")])), to: place.file.rawValue)
        return site
    }

    @Test(arguments: places)
    func isRefusedWithItsPlaceAndWhatToDo(place: Place) throws {
        for character in UnseenText.all {
            let site = try site(place, character.bytes)
            let result = try site.runForMistake(in: place.file)
            #expect(result.status == 78, "\(character)")
            #expect(result.output.isEmpty)
            let expected = "\(site.place.file(place.file.rawValue)):\(place.line): column \(place.column) has "
            #expect(result.errorText.contains(expected), "\(character): \(result.errorText)")
            for word in [character.description, "invisible-character"] {
                #expect(result.errorText.contains(word), "\(character): \(result.errorText)")
            }
            let remedies = ["remove it", "write a plain one", "write a newline", "convert the file"]
            #expect(remedies.contains { result.errorText.contains($0) }, "\(result.errorText)")
        }
    }

    @Test(arguments: SiteFile.allCases)
    func isNoMatterInACommentUnlessItEndsLinesElsewhere(file: SiteFile) throws {
        for character in UnseenText.all {
            let site = try TestSite(nil)
            let text = file.text.replacing("@SITE@", with: site.place.path)
            try site.place.write(
                Array(text.utf8) + Array("# one".utf8) + character.bytes + Array("two\n".utf8), to: file.rawValue)
            let result = try site.runForMistake(in: file)
            #expect(result.status == (character.endsLines ? 78 : 0), "\(character): \(result.errorText)")
            #expect(result.errorText.isEmpty == !character.endsLines, "\(character): \(result.errorText)")
        }
    }

    @Test(arguments: UnseenText.all.filter { $0.bytes.count > 1 })
    func isRefusedOnTheCommandLineToo(character: UnseenText) throws {
        let site = try TestSite(nil)
        let result = try site.run([
            "route-test", "--set", "DBTYPE=text" + String(decoding: character.bytes, as: UTF8.self), "a@example.org",
        ])
        #expect(result.status == 78)
        #expect(result.errorText.contains("--set: the value of DBTYPE: column 5 has "), "\(result.errorText)")
    }

    /// The script of ZMailer's router is not ours: only the settings that are taken from it matter.
    @Test(arguments: [true, false])
    func isRefusedInASettingOfRouterCfAndNoMatterElsewhereInIt(isSetting: Bool) throws {
        let site = try TestSite(nil)
        let line = isSetting ? "orgdomain=example\u{A0}" : "  echo a\u{A0}b"
        try site.place.write("#!/bin/sh\n\(line)\n", to: "router.cf")
        let result = try site.run(["route-test", "--format", "tsv", "a@example.org"])
        #expect(result.status == (isSetting ? 78 : 0), "\(result.errorText)")
        #expect(result.errorText.contains("router.cf:2: column 18 has ") == isSetting, "\(result.errorText)")
    }

    @Test func casesAreCounted() {
        let variants = Self.places.count * UnseenText.all.count
        print(
            "UnseenCharacterTests: \(UnseenText.all.count) characters at \(Self.places.count) places: \(variants) variants;"
                + " \(SiteFile.allCases.count * UnseenText.all.count) in comments")
        #expect(variants > 200)
    }
}
