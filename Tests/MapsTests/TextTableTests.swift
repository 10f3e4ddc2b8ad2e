import Configuration
import Foundation
import Glibc
import Maps
import Synchronization
import Testing
import ZRouteTestKit

/// Collects what a loader reports.
final class Warnings: Sendable {
    private let list = Mutex<[Finding]>([])
    var all: [Finding] { list.withLock { $0 } }
    func add(_ findings: SourceFindings) { list.withLock { $0 += findings.first } }
}

@Suite struct TextTableTests {
    let place: TemporaryDirectory
    let warnings = Warnings()
    let loader: TextTableLoader

    init() throws {
        place = try TemporaryDirectory()
        loader = TextTableLoader { [warnings] in warnings.add($0) }
    }

    func table(_ path: String, _ form: SourceForm, folding: KeyFolding = .none) -> TextTable {
        TextTable(
            name: TableName(relation: "r", backEnd: "text", file: path), form: form, folding: folding, loader: loader)
    }

    func table(text: String, _ form: SourceForm, folding: KeyFolding = .none) throws -> TextTable {
        table(try place.write(text, to: "source"), form, folding: folding)
    }

    @Test func plainForm() throws {
        let text = "# c\n  # c\nUser@Dom a  b \n\tlead x\nonly\nonly2  \ntab\tv\tw\n\n   \nk # c\n\"q u\"@d x\n"
        let table = try table(text: text, .plain)
        #expect(try find("User@Dom", in: table) == "a  b ")
        #expect(try find("user@dom", in: table) == nil)
        #expect(try find("lead", in: table) == "x")
        #expect(try find("only", in: table) == "")
        #expect(try find("only2", in: table) == "")
        #expect(try find("tab", in: table) == "v\tw")
        #expect(try find("k", in: table) == "# c")
        #expect(try find("\"q", in: table) == "u\"@d x")
        #expect(try find("#", in: table) == nil)
        #expect(try find("", in: table) == nil)
        // What is probably a mistake is said, and answered as ZMailer answers it.
        #expect(warnings.all.map(\.name) == [.indentedLine, .unclosedQuote])
        #expect(warnings.all.map(\.line) == [4, 11])
    }

    @Test(arguments: [(KeyFolding.lower, "user@d\u{C9}"), (.upper, "USER@D\u{C9}"), (.none, "User@d\u{C9}")])
    func keysAreFoldedWhenRead(folding: KeyFolding, stored: String) throws {
        let table = try table(text: "User@d\u{C9} V\n", .plain, folding: folding)
        #expect(try find(stored, in: table) == "V")
        for other in ["User@d\u{C9}", "USER@D\u{C9}", "user@d\u{C9}", "user@d\u{E9}"] where other != stored {
            #expect(try find(other, in: table) == nil)
        }
    }

    @Test func aliasesForm() throws {
        let text = """
            # comment
            Root: a@b

            space@d   :   val  x\("  ")
            "q u:"@d: quoted
            esc\\:x@d: esc
            empty@d:
            only@d: a,\("  ")
              b,
            \tc
            : nokey

            """
        let table = try table(text: text, .aliases)
        #expect(try find("root", in: table) == "a@b")
        #expect(try find("Root", in: table) == nil)
        #expect(try find("space@d", in: table) == "val  x  ")
        #expect(try find("\"q u:\"@d", in: table) == "quoted")
        #expect(try find("esc\\:x@d", in: table) == "esc")
        #expect(try find("empty@d", in: table) == "")
        #expect(try find("only@d", in: table) == "a,b,c")
        #expect(try find("", in: table) == "nokey")
        #expect(warnings.all.isEmpty)
    }

    @Test func firstOfDuplicatesWinsAndBothLinesAreNamed() throws {
        let table = try table(text: "other x\nk 1\nK 2\n\n# c\nk 3\n", .plain, folding: .lower)
        #expect(try find("k", in: table) == "1")
        let path = place.file("source")
        #expect(
            warnings.all.map(\.description) == [
                "\(path):3: warning: duplicate of key 'k'; line 2 stands, remove one (duplicate-key)",
                "\(path):6: warning: duplicate of key 'k'; line 2 stands, remove one (duplicate-key)",
            ])
    }

    @Test func duplicateOfAContinuedEntryNamesItsFirstLine() throws {
        let table = try table(text: "a: x,\n y,\n z\nb: 1\nb: 2\na: w\n", .aliases)
        #expect(try find("a", in: table) == "x,y,z")
        #expect(
            warnings.all.map(\.text) == [
                "duplicate of key 'b'; line 4 stands, remove one", "duplicate of key 'a'; line 1 stands, remove one",
            ])
        #expect(warnings.all.map(\.line) == [5, 6])
    }

    @Test func colonAndMissingNewlineAreWarnedOf() throws {
        let table = try table(text: "a@b: smtp!x\n: y\nlast z", .plain)
        #expect(try find("a@b", in: table) == "smtp!x")
        #expect(try find(":", in: table) == "y")
        #expect(try find("last", in: table) == "z")
        #expect(warnings.all.map(\.line) == [1, 3])
        #expect(warnings.all.map(\.name) == [.colonAfterKey, .noFinalNewline])
    }

    @Test func valuesAndLinesHaveNoLengthLimit() throws {
        let long = String(repeating: "user@example.org,", count: 20_000)
        let table = try table(text: "a: \(long)\n  last\n", .aliases)
        #expect(try find("a", in: table) == long + "last")
    }

    @Test(arguments: [
        ("missing", nil), ("directory", nil), ("fifo", nil), ("nul", "a b\n\0c d\n"),
    ])
    func unreadableIsNeverAnAbsence(kind: String, text: String?) throws {
        let path = place.file("source")
        if let text { try place.write(text, to: "source") }
        if kind == "directory" { try place.makeDirectory("source") }
        if kind == "fifo" { #expect(mkfifo(path, 0o600) == 0) }
        let table = table(path, .plain)
        for _ in 0..<2 {
            let error = try #require(failure(of: "k", in: table))
            #expect(error.text.hasPrefix(path))
            #expect(error.key == Array("k".utf8))
        }
    }

    @Test func brokenGrammarNamesFileAndLineAndIsNoticedWhenRepaired() throws {
        let table = try table(text: "good: a\nbad line\n", .aliases)
        let path = place.file("source")
        let error = try #require(failure(of: "good", in: table))
        let text = "map r (text:\(path)) key 'good': \(path):2: no colon after the key; write 'key: value'"
        #expect(error.description.hasPrefix(text), "\(error)")
        #expect(warnings.all.map(\.line) == [2])
        #expect(!table.refresh())
        try place.write("good: abc\n", to: "next")
        #expect(rename(place.file("next"), path) == 0)
        #expect(table.refresh())
        #expect(try find("good", in: table) == "abc")
    }

    @Test func workersShareOneLoadUntilTheFileIsReplaced() throws {
        let first = try table(text: "k 1\nk 2\n", .plain)
        let second = table(place.file("source"), .plain)
        #expect(try find("k", in: first) == "1")
        #expect(try find("k", in: second) == "1")
        #expect(warnings.all.count == 1, "loaded once")
        try place.write("k 3\nk 4\n", to: "next")
        #expect(rename(place.file("next"), place.file("source")) == 0)
        #expect(try find("k", in: first) == "1", "one generation until the refresh")
        #expect(first.refresh())
        #expect(try find("k", in: first) == "3")
        #expect(!first.refresh())
        #expect(try find("k", in: second) == "1")
        #expect(second.refresh())
        #expect(try find("k", in: second) == "3")
        #expect(warnings.all.count == 2, "loaded twice")
    }

    @Test func findsEveryOneOfManyKeys() throws {
        let entries = manyEntries(20_000)
        let unique = Dictionary(entries.map { ($0.key, $0.value) }) { first, _ in first }
        let table = try table(text: entries.map { "\($0.key) \($0.value)\n" }.joined(), .plain)
        for (key, value) in unique { #expect(try find(key, in: table) == value) }
        for number in 0..<1000 { #expect(try find("nobody\(number)", in: table) == nil) }
    }

    @Test func keysOfEveryLengthAreTold() throws {
        let keys = (1...200).map { String(repeating: "k", count: $0) }
        let table = try table(text: keys.map { "\($0) \($0.count)\n" }.joined(), .plain)
        for key in keys {
            #expect(try find(key, in: table) == "\(key.count)")
            #expect(try find(String(key.dropLast()) + "x", in: table) == nil)
            #expect(try find("x" + key.dropFirst(), in: table) == nil)
        }
    }

    @Test func unorderedIgnoresCaseAndKeepsTheWholeValue() throws {
        try place.write("User@D error!nosuchuser!some text\nuser@d second\nb@c x\n", to: "source")
        let name = TableName(relation: "r", backEnd: "unordered", file: place.file("source"))
        let table = TextTable.unordered(name: name, loader: loader)
        #expect(try find("uSER@d", in: table) == "error!nosuchuser!some text")
        #expect(try find("B@C", in: table) == "x")
        #expect(try find("none", in: table) == nil)
    }

    @Test func orderedComparesBytes() throws {
        try place.write("b 2\na 1\nB 3\n", to: "source")
        let name = TableName(relation: "r", backEnd: "ordered", file: place.file("source"))
        let table = TextTable.ordered(name: name, folding: .none, loader: loader)
        #expect(try find("a", in: table) == "1")
        #expect(try find("B", in: table) == "3")
        #expect(try find("A", in: table) == nil)
    }

    @Test(
        arguments: [
            (KeyFolding.lower, "user@d", "1"), (.lower, "b", "2"), (.none, "User@D", "1"), (.none, "user@d", nil),
            (.upper, "B", "2"),
            (.upper, "USER@D", nil),
        ] as [(KeyFolding, String, String?)])
    func orderedIgnoresCaseWhereLookupsAreInLowerCase(folding: KeyFolding, key: String, value: String?) throws {
        try place.write("B 2\nUser@D 1\n", to: "source")
        let name = TableName(relation: "r", backEnd: "ordered", file: place.file("source"))
        #expect(try find(key, in: TextTable.ordered(name: name, folding: folding, loader: loader)) == value)
    }

    @Test(arguments: [(KeyFolding.none, "root", "ROOT"), (.lower, "root", "ROOT"), (.upper, "ROOT", "root")])
    func keysOfAliasesAreFoldedToLowerCaseWhereNotToUpper(folding: KeyFolding, key: String, other: String) throws {
        let table = try table(text: "Root: a\n", .aliases, folding: folding)
        #expect(try find(key, in: table) == "a")
        #expect(try find(other, in: table) == nil)
    }

    @Test func privilegeIsTheOwnersUnlessOthersMayWrite() throws {
        let table = try table(text: "k v\n", .plain)
        chmod(place.file("source"), 0o644)
        _ = try find("k", in: table)
        #expect(table.privilege == getuid())
        chmod(place.file("source"), 0o646)
        #expect(table.refresh())
        _ = try find("k", in: table)
        #expect(table.privilege == 65534)
    }

    @Test(arguments: 0..<200)
    func arbitraryBytesNeverCrash(round: Int) throws {
        let alphabet: [UInt8] = Array(" \t\n\n\r#:\\\",ab".utf8) + [0x80, 0xFF]
        let bytes = (0..<Int.random(in: 0...400)).map { _ in alphabet[Int.random(in: 0..<alphabet.count)] }
        let path = try place.write(bytes, to: "source")
        for form in [SourceForm.aliases, .plain] {
            _ = try? find("a", in: table(path, form, folding: .lower))
        }
    }
}

@Suite struct WrapperTests {
    let inner: IncoreTable

    init() {
        inner = IncoreTable(name: TableName(relation: "r", backEnd: "incore", file: "-"))
        inner[Array("k".utf8)] = Array("v".utf8)
    }

    @Test func incoreHoldsWhatIsPutIntoIt() throws {
        #expect(try find("k", in: inner) == "v")
        #expect(try find("l", in: inner) == nil)
        inner[Array("k".utf8)] = nil
        #expect(try find("k", in: inner) == nil)
        #expect(!inner.refresh())
    }

    @Test func failingTableFailsForAllKeysOrOne() throws {
        #expect(failure(of: "l", in: FailingTable(wrapping: inner))?.code == EIO)
        let one = FailingTable(wrapping: inner, key: Array("l".utf8))
        #expect(try find("k", in: one) == "v")
        #expect(failure(of: "l", in: one)?.text == "failure injected by --fail-map")
        #expect(one.name == inner.name)
    }

    @Test func tracingTableReportsEveryOutcome() throws {
        var seen: [String] = []
        let failing = FailingTable(wrapping: inner, key: Array("bad".utf8))
        let table = TracingTable(wrapping: failing) { lookup in
            let key = String(decoding: lookup.key, as: UTF8.self)
            switch lookup.outcome {
            case .found(let value): seen.append("\(key)=\(String(decoding: value, as: UTF8.self))")
            case .absent: seen.append("\(key) absent")
            case .failed(let error): seen.append("\(key) failed \(error.code)")
            }
        }
        #expect(try find("k", in: table) == "v")
        #expect(try find("l", in: table) == nil)
        _ = failure(of: "bad", in: table)
        #expect(seen == ["k=v", "l absent", "bad failed 5"])
    }
}
