// The documentation as a site: it is whole, it replaces the one before, and its search finds what is asked for, without a network.

import Foundation
import Testing
import ZRouteTestKit

@Suite struct SiteTests {
    /// The site, made twice: the second one takes the first one's place.
    private static let site = Result {
        let place = try TemporaryDirectory()
        for _ in 1...2 { print("SiteTests: \(try SourceTree.run("make-site", [place.file("site")]).trimmed)") }
        return place
    }

    private func text(_ name: String) throws -> String {
        String(decoding: try Self.site.get().read("site/\(name)"), as: UTF8.self)
    }

    @Test func everyPageIsInItAndEveryLinkLeadsSomewhere() throws {
        let directory = try Self.site.get().file("site")
        let files = Set(try FileManager.default.contentsOfDirectory(atPath: directory))
        for page in try FileManager.default.contentsOfDirectory(atPath: "\(SourceTree.root)/docs")
        where page.hasSuffix(".md") {
            #expect(files.contains(page.replacing(".md", with: ".html")), "\(page)")
        }
        var links = 0
        for page in files where page.hasSuffix(".html") {
            let text = try text(page)
            for match in text.matches(of: /(?:href|src)="([^"#]*)(?:#([^"]*))?"/)
            where !match.1.contains(":") {
                links += 1
                let target = match.1.isEmpty ? page : String(match.1)
                #expect(files.contains(target), "\(page): \(match.1)")
                if let anchor = match.2 {
                    let there = try target == page ? text : self.text(target)
                    #expect(there.contains("id=\"\(anchor)\""), "\(page): \(target)#\(anchor)")
                }
            }
            // It brings all that it needs along.
            #expect(text.firstMatch(of: /<(?:script|link|img)[^>]*(?:https?:)?\/\//) == nil, "\(page)")
        }
        #expect(links > 1000, "\(links)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: Self.site.get().path) == ["site"])
    }

    @Test(arguments: [
        ("killed inside environment", "live-maps.html"), ("qshape", "queue.html"),
        ("reject_unverified_recipient", "postfix.html"),
        ("SystemCallFilter", "security.html"), ("imapsync", "tutorial.html"), ("SHA-256", "cdb.html"),
    ])
    func searchFindsThePage(words: String, page: String) throws {
        guard Chromium.program != nil else { return }
        let question = try #require(words.addingPercentEncoding(withAllowedCharacters: .alphanumerics))
        let document = try Chromium.document(of: "file://\(Self.site.get().file("site"))/search.html?q=\(question)")
        #expect(document.contains("<li><a href=\"\(page)"), "\(document.suffix(2000))")
    }

    @Test func searchSaysWhereThereIsNothing() throws {
        guard Chromium.program != nil else { return }
        let document = try Chromium.document(
            of: "file://\(Self.site.get().file("site"))/search.html?q=%3Cb%3Exyzzy")
        #expect(document.contains("0 sections have \"&lt;b&gt;xyzzy\""), "\(document.suffix(2000))")
        #expect(!document.contains("<li><a"))
    }
}
