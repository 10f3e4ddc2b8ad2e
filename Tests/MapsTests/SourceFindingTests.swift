import BerkeleyDB
import Configuration
import Foundation
import Maps
import Site
import Testing
import ZRouteTestKit

/// What is found in sources before anybody asks what their maps are for.
@Suite struct SourceFindingTests {
    struct Source: Sendable, CustomTestStringConvertible {
        let name: Finding.Name
        let form: SourceForm
        let text: [UInt8]
        let line: Int

        init(_ name: Finding.Name, _ form: SourceForm, _ text: String, line: Int) {
            self.init(name, form, Array(text.utf8), line: line)
        }

        init(_ name: Finding.Name, _ form: SourceForm, _ text: [UInt8], line: Int) {
            self.name = name
            self.form = form
            self.text = text
            self.line = line
        }

        var testDescription: String { "\(name) \(String(decoding: text, as: UTF8.self).debugDescription)" }
    }

    static let utf16 = Array("a b\n".utf16.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] })

    /// Faults that make it doubtful which keys a source has.
    static let doubtful: [Source] = [
        Source(.carriageReturn, .plain, "# c\na b\r\nc d\r\n", line: 2),
        Source(.carriageReturn, .aliases, "a: b\r\n", line: 1),
        Source(.carriageReturn, .aliases, "a: b,\n c\r\n", line: 2),
        Source(.carriageReturn, .plain, "a b\rc d\re f", line: 1),
        Source(.carriageReturn, .plain, "# old\ra b\r", line: 1),
        Source(.carriageReturn, .plain, "a b\n\r\nc d\n", line: 2),
        Source(.byteOrderMark, .plain, "\u{FEFF}a b\n", line: 1),
        Source(.byteOrderMark, .plain, "\u{FEFF}# comment\na b\n", line: 1),
        Source(.byteOrderMark, .aliases, "a: b\n\u{FEFF}c: d\n", line: 2),
        Source(.byteOrderMark, .plain, "a b\u{FEFF}c d\n", line: 1),
        Source(.lineSeparator, .plain, "a b\u{2028}c d\n", line: 1),
        Source(.lineSeparator, .aliases, "x: y\na: b\u{2029}c: d\n", line: 2),
        Source(.lineSeparator, .plain, "# c\u{85}a b\n", line: 1),
        Source(.nulByte, .plain, "a b\nc\0d e\n", line: 2),
        Source(.nulByte, .aliases, "a: b\0\n", line: 1),
        Source(.nulByte, .plain, [0xFF, 0xFE] + utf16, line: 1),
        Source(.nulByte, .plain, utf16, line: 1),
        Source(.nulByte, .plain, [0xFE, 0xFF, 0, 0x61, 0, 0x20, 0, 0x62, 0, 0x0A], line: 1),
        Source(.unreadableLine, .aliases, "a: b\nc d\n", line: 2),
        Source(.unreadableLine, .aliases, "a: b\n c\n", line: 2),
        Source(.unreadableLine, .aliases, " a: b\n", line: 1),
        Source(.unreadableLine, .aliases, "a: b,\n# c\n c\n", line: 3),
        Source(.unreadableLine, .aliases, "\"a b: c\n", line: 1),
        Source(.unreadableLine, .aliases, "a: b\n # c\n", line: 2),
    ]

    /// Faults of one entry.
    static let ofEntries: [Source] = [
        Source(.indentedLine, .plain, "a b\n  c d\n", line: 2),
        Source(.indentedLine, .plain, "\ta b\n", line: 1),
        Source(.unclosedQuote, .plain, "\"a b\"@c d\n", line: 1),
        Source(.invisibleCharacter, .plain, "a\u{A0}b\n", line: 1),
        Source(.invisibleCharacter, .plain, "a\t\u{A0}b\n", line: 1),
        Source(.invisibleCharacter, .plain, "a b\u{3000}\n", line: 1),
        Source(.invisibleCharacter, .aliases, "a\u{200B}: b\n", line: 1),
        Source(.invisibleCharacter, .aliases, "x: y\na: b\u{AD}\n", line: 2),
        Source(.controlCharacter, .plain, "a b\u{0B}c d\n", line: 1),
        Source(.controlCharacter, .aliases, "a: b\u{0C}\n", line: 1),
        Source(.controlCharacter, .plain, "a\u{1B}[m b\n", line: 1),
    ]

    private func job(_ source: Source, allowing: AllowedFindings = AllowedFindings()) -> CompileJob {
        var job = CompileJob(
            source: .bytes(source.text, name: "source"), form: source.form, folding: .lower,
            format: BerkeleyDBFormat(.btree), base: "m")
        job.allowed = allowing
        return job
    }

    @Test(arguments: counted("faults of sources", doubtful + ofEntries))
    func isRefusedWithItsLineAndName(source: Source) throws {
        let error = try #require(throws: CompileError.self) { try MapCompiler.check(job(source)) }
        let first = try #require(error.findings?.firstError)
        #expect(first.name == source.name)
        #expect(first.line == source.line)
        #expect(first.description.hasSuffix("(\(source.name))"))
    }

    @Test(arguments: counted("faults of sources that are allowed, or cannot be", doubtful + ofEntries))
    func isAcceptedByItsNameUnlessItCannotBeStored(source: Source) throws {
        let isAllowable = source.name != .nulByte && source.name != .unreadableLine
        var allowed = AllowedFindings()
        #expect(allowed.allow("\(source.name)", of: Finding.Name.allowableInSources) == isAllowable)
        for allowed in [allowed, .all] {
            let report = try? MapCompiler.check(job(source, allowing: allowed))
            #expect((report != nil) == isAllowable || source.form == .aliases, "\(allowed)")
        }
    }

    @Test(arguments: counted("faults of text maps", doubtful + ofEntries))
    func failsATextMapOnlyWhereItsKeysAreDoubtful(source: Source) throws {
        let place = try TemporaryDirectory()
        try Data(source.text).write(to: URL(fileURLWithPath: place.file("map")))
        let said = Warnings()
        let table = TextTable(
            name: TableName(relation: "r", backEnd: "text", file: place.file("map")), form: source.form,
            folding: .lower,
            loader: TextTableLoader { said.add($0) })
        let isDoubtful = Self.doubtful.contains { $0.text == source.text && $0.form == source.form }
        let answer = Result { () throws(MapError) in try find("absent", in: table) }
        #expect((try? answer.get()) == nil)
        if case .failure = answer { #expect(isDoubtful) } else { #expect(!isDoubtful) }
        #expect(said.all.contains { $0.name == source.name && $0.line == source.line })
    }

    static let allowing: [(text: String, form: SourceForm)] = [
        ("# zroute: allow indented-line\n  a b\n", .plain), ("# zroute: allow all\n\"a b\"@c d\n", .plain),
        ("#zroute: allow invisible-character, indented-line\n a\u{A0}b c\n", .plain),
        ("# zroute: allow invisible-character\na: b\u{A0}\n", .aliases),
        ("a: b\n# zroute: allow duplicate-key\na: c\n", .aliases),
        ("# zroute allow indented-line\n  a b\n", .plain), ("# ZROUTE: Allow indented-line\n  a b\n", .plain),
        ("#zroute:allow indented-line\n  a b\n", .plain), ("## zroute : allow: Indented-Line\n  a b\n", .plain),
        ("# zroute: allow=indented-line\n  a b\n", .plain),
        ("# zroute allow us to say something\na b\n", .plain), ("# zroute is good\na b\n", .plain),
        ("# zroutes: many\na b\n", .plain),
    ]

    @Test(arguments: counted("comments that allow, or speak to people", allowing))
    func commentAllowsTheNextEntry(text: String, form: SourceForm) throws {
        let report = try MapCompiler.check(job(Source(.unreadableLine, form, text, line: 0)))
        #expect(report.findings.first.isEmpty)
    }

    @Test(
        arguments: counted(
            "comments that allow nothing",
            [
                ("# zroute: allow indented-lin", "did you mean 'indented-line'?"),
                ("# zroute allow indented-lines", "did you mean 'indented-line'?"),
                ("# zroute: allow unreadable-line", "cannot be allowed"),
                ("# zroute: allow nul-byte", "cannot be allowed"),
                ("# zroute: allow", "write '# zroute: allow NAME'"), ("#ZROUTE:", "write '# zroute: allow NAME'"),
                ("# zroute: alow indented-line", "write '# zroute: allow NAME'"),
                ("# zroute: indented-line", "write '# zroute: allow NAME'"),
            ]))
    func commentThatAllowsNothingIsSaid(comment: String, cause: String) throws {
        let report = try MapCompiler.check(job(Source(.unknownAllowance, .plain, "\(comment)\na b\n", line: 1)))
        #expect(report.findings.first.map(\.name) == [.unknownAllowance])
        let text = try #require(report.findings.first.first).text
        #expect(text.contains(cause), "\(text)")
    }

    @Test func commentAllowsNoMoreThanTheNextEntry() throws {
        let text = "# zroute: allow indented-line, no-such-name\n  a b\n  c d\n"
        let error = try #require(throws: CompileError.self) {
            try MapCompiler.check(job(Source(.unreadableLine, .plain, text, line: 0)))
        }
        #expect(error.findings?.first.map(\.name) == [.unknownAllowance, .indentedLine])
        #expect(error.findings?.first.map(\.line) == [1, 3])
    }

    @Test(arguments: [SourceForm.plain, .aliases])
    func everyFaultyLineIsNamedUpToALimitAndThenCounted(form: SourceForm) throws {
        let faulty = form == .plain ? " key value\n" : "key value\n"
        for count in [1, 2, 20, 21, 1000] {
            let text = String(repeating: faulty, count: count) + "good: value\n"
            let error = try #require(throws: CompileError.self) {
                try MapCompiler.check(job(Source(.unreadableLine, form, text, line: 0)))
            }
            let findings = try #require(error.findings)
            #expect(findings.errorCount == count)
            let errors = findings.first.filter { $0.severity == .error }
            #expect(errors.map(\.line) == Array(1...min(count, 20)))
            let rest = count - 20
            let expected = rest > 0 ? ["source: \(rest) more error\(rest == 1 ? "" : "s")"] : []
            #expect(findings.remainders.filter { $0.contains("error") } == expected)
        }
    }

    @Test func errorBehindManyWarningsIsNamed() throws {
        let text = String(repeating: "a: b\n", count: 500) + "no colon\n" + String(repeating: "a: b\n", count: 500)
        let error = try #require(throws: CompileError.self) {
            try MapCompiler.check(job(Source(.unreadableLine, .aliases, text, line: 0)))
        }
        #expect(error.line == 501)
        #expect(error.findings?.first.map(\.line) == Array(2...21) + [501])
    }

    @Test func linesOfAnEntryThatWasPassedOverAreNoFaultsOfTheirOwn() throws {
        let text = "no colon,\n  b,\n  c\nx: y,\n  z\n"
        let error = try #require(throws: CompileError.self) {
            try MapCompiler.check(job(Source(.unreadableLine, .aliases, text, line: 0)))
        }
        #expect(error.findings?.errorCount == 1)
    }

    static let right: [(text: String, form: SourceForm)] = [
        (
            "ann@example.org smtp!h!ann\n\n# Grüße\n   # indented comment\n\nbob@example.org\tsmtp!h\t\n",
            SourceForm.plain
        ),
        ("éric@bücher.example smtp!h!é\n", .plain), ("می\u{200C}خواهم.example smtp!h\n", .plain), ("", .plain),
        ("# only a comment\n", .plain), ("root: a, b,\n  c,\n\td\n\nx  :  y\n", .aliases),
        ("\"a b\": \"|/bin/x y\"\n", .aliases), ("a: \"é, ü\" <e@x.example>\n", .aliases), ("a:\n", .aliases),
        ("# page\u{0C}\na: b\n", .aliases), ("name: Jörg\u{A0}Müller <j@x.example>\n", .aliases),
    ]

    @Test(arguments: counted("sources that are right", right))
    func whatIsRightIsNotFound(text: String, form: SourceForm) throws {
        let report = try MapCompiler.check(job(Source(.unreadableLine, form, text, line: 0)))
        #expect(report.findings.first.isEmpty)
    }
}
