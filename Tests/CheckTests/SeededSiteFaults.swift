// Mistakes that only the files of a site together show, and those of owners, modes and dates.

import Configuration
import Foundation
import Glibc
import Maps
import Site
import Spool
import Testing
import ZRouteTestKit

extension SeededFault {
    static let ofFiles: [SeededFault] = [
        SeededFault("writable-by-all: a text map") { site in
            site.afterwards.append { try runCommandSuccessfully("/bin/chmod", ["666", $0.file("fqdnroutes")]) }
            return ExpectedFinding(file: "fqdnroutes", line: nil, severity: .warning, name: "writable-by-all")
        },
        SeededFault("writable-by-all: a source") { site in
            site.afterwards.append { try runCommandSuccessfully("/bin/chmod", ["666", $0.file("compiled")]) }
            return ExpectedFinding(file: "compiled", line: nil, severity: .warning, name: "writable-by-all")
        },
        SeededFault("map-privilege") { site in
            site.afterwards.append { try runCommandSuccessfully("/bin/chmod", ["666", $0.file("compiled.db")]) }
            let line = site.number(of: "dbases.conf") { $0.contains("@SITE@/compiled") }
            return ExpectedFinding(file: "dbases.conf", line: line, severity: .warning, name: "map-privilege")
        },
        SeededFault("unsafe-mode: dbases.conf") { site in
            site.afterwards.append { try runCommandSuccessfully("/bin/chmod", ["666", $0.file("dbases.conf")]) }
            return ExpectedFinding(file: "dbases.conf", line: nil, severity: .warning, name: "unsafe-mode")
        },
        SeededFault("unsafe-mode: the description of the environment") { site in
            site.afterwards.append { try runCommandSuccessfully("/bin/chmod", ["646", $0.file("sleepyenv.conf")]) }
            return ExpectedFinding(file: "sleepyenv.conf", line: nil, severity: .warning, name: "unsafe-mode")
        },
        SeededFault("unsafe-mode: a directory of the spool") { site in
            site.afterwards.append { try runCommandSuccessfully("/bin/chmod", ["777", $0.file("post/transport")]) }
            return ExpectedFinding(file: "post/transport", line: nil, severity: .warning, name: "unsafe-mode")
        },
        SeededFault("source-is-newer") { site in
            site.afterwards.append {
                try runCommandSuccessfully("/bin/touch", ["-d", "2020-01-01", $0.file("compiled.db")])
            }
            return ExpectedFinding(file: "compiled.db", line: nil, severity: .warning, name: "source-is-newer")
        },
        SeededFault("unreadable-map: never compiled") { site in
            site.afterwards.append { try FileManager.default.removeItem(atPath: $0.file("compiled.db")) }
            return ExpectedFinding(file: "compiled.db", line: nil, severity: .error, name: "unreadable-map")
        },
        SeededFault("unreadable-map: damaged") { site in
            site.afterwards.append {
                try $0.write(Array("no database".utf8), to: "live.db")
            }
            return ExpectedFinding(file: "live.db", line: nil, severity: .error, name: "unreadable-map")
        },
        SeededFault("sum-of-another-file") { site in
            _ = site.change("dbases.conf", where: { $0.contains("@SITE@/compiled") }) {
                $0.replacing(" btree ", with: " cdb ")
            }
            site.afterwards.append { place in
                let format = MapBackEnds.all.types.first { $0.name == "cdb" }.flatMap { MapBackEnds.all.format(of: $0) }
                let compiler = MapCompiler()
                _ = try compiler.prepare(
                    CompileJob(
                        source: .file(place.file("compiled")), form: .plain, folding: .lower, format: format,
                        base: place.file("compiled")))
                try compiler.commit()
                let sum = String(decoding: try place.bytes(of: "compiled.cdb.sum"), as: UTF8.self)
                try place.write(sum.replacing("# size ", with: "# size 1"), to: "compiled.cdb.sum")
            }
            return ExpectedFinding(
                file: "compiled.cdb.sum", line: nil, severity: .warning, name: "sum-of-another-file")
        },
        SeededFault("unreadable-map: no directory of its environment") { site in
            site.afterwards.append { try FileManager.default.removeItem(atPath: $0.file("env")) }
            return ExpectedFinding(file: "live.db", line: nil, severity: .error, name: "unreadable-map")
        },
        SeededFault("unreadable-map: no text") { site in
            site.lines["aliases-local"] = nil
            return ExpectedFinding(file: "aliases-local", line: nil, severity: .error, name: "unreadable-map")
        },
        SeededFault("unusable-spool") { site in
            site.afterwards.append { try FileManager.default.removeItem(atPath: $0.file("post/transport")) }
            return ExpectedFinding(file: "post/transport", line: nil, severity: .error, name: "unusable-spool")
        },
        SeededFault("unserved-mail") { site in
            site.afterwards.append { place in
                let control = """
                    @ 0x00000007
                    i 4711
                    o 10
                    l <x@partner.example>
                    e <kim@partner.example>
                    s local kim@partner.example kim@partner.example 0
                    r           smtp-old node1 ann 65534
                    m
                    Subject: x


                    """
                try place.write(Array(control.utf8), to: "post/transport/4711")
            }
            return ExpectedFinding(file: "post/transport/4711", line: nil, severity: .error, name: "unserved-mail")
        },
    ]

    static let ofSite: [SeededFault] = [
        SeededFault("shadowed-entry, by an earlier map") { site in
            let index = site.choose(from: "fqdnroutes")
            let key = site.lines["fqdnroutes"]?[index].split(separator: "\t").first.map(String.init) ?? ""
            _ = site.insert("\(key) smtp-lmtp!node2!other%2", into: "fqdnroutes-local")
            return ExpectedFinding(file: "fqdnroutes", line: index + 1, severity: .warning, name: "shadowed-entry")
        },
        SeededFault("shadowed-entry, of lists by an earlier map") { site in
            let index = site.choose(from: "fqdnaliases")
            let key = site.lines["fqdnaliases"]?[index].split(separator: ":").first.map(String.init) ?? ""
            _ = site.insert("\(key): user5@d1.example", into: "fqdnaliases-local")
            return ExpectedFinding(file: "fqdnaliases", line: index + 1, severity: .warning, name: "shadowed-entry")
        },
        SeededFault("shadowed-entry, a route behind a list") { site in
            let index = site.choose(from: "fqdnroutes")
            let key = site.lines["fqdnroutes"]?[index].split(separator: "\t").first.map(String.init) ?? ""
            _ = site.insert("\(key): kim@partner.example", into: "fqdnaliases-local")
            return ExpectedFinding(file: "fqdnroutes", line: index + 1, severity: .warning, name: "shadowed-entry")
        },
        .line("shadowed-entry", .warning, "mail.example.net smtp!mx.example.net", into: "routes", "a local domain"),
        SeededFault("shadowed-entry, behind an entry for the whole domain") { site in
            _ = site.insert("@d9.example: user1@d2.example", into: "fqdnaliases")
            _ = site.insert("d9.example", into: "smtp-policy.relay")
            let line = site.insert("d9.example smtp!mx.partner.example", into: "routes")
            return ExpectedFinding(file: "routes", line: line, severity: .warning, name: "shadowed-entry")
        },
        .line("unresolved-target", .warning, "ann@d1.example: user1@d2.example, gone@d3.example", into: "fqdnaliases"),
        .line("unresolved-target", .warning, "ann: gone@d4.example", into: "aliases-local", "of a name"),
        .line("unusable-include", .error, "ann: :include:/none/list", into: "aliases-local"),
        .line("alias-loop", .warning, "ann@d1.example: ann@d1.example", into: "fqdnaliases", "of one"),
        SeededFault("alias-loop, of two in aliases") { site in
            let second = site.insert("loopb: loopa", into: "aliases-local")
            var first = site.insert("loopa: loopb", into: "aliases-local")
            first = min(first, second >= first ? first : second)
            return ExpectedFinding(file: "aliases-local", line: first, severity: .warning, name: "alias-loop")
        },
        SeededFault("alias-loop, of three in fqdnaliases") { site in
            var lines: [Int] = []
            for (one, other) in [("a", "b"), ("b", "c"), ("c", "a")] {
                let line = site.insert("loop\(one)@d1.example: loop\(other)@d1.example", into: "fqdnaliases")
                lines = lines.map { $0 >= line ? $0 + 1 : $0 } + [line]
            }
            return ExpectedFinding(file: "fqdnaliases", line: lines.min(), severity: .warning, name: "alias-loop")
        },
        SeededFault("expansion-limit, too many") { site in
            let members = (0..<10_001).map { "m\($0)@partner.example" }.joined(separator: ", ")
            let line = site.insert("all@d1.example: \(members)", into: "fqdnaliases")
            return ExpectedFinding(file: "fqdnaliases", line: line, severity: .error, name: "expansion-limit")
        },
        SeededFault("expansion-limit, too deep") { site in
            site.lines["aliases-local"]? += (1...99).map { "deep\($0): deep\($0 + 1)" } + ["deep100: user1@d2.example"]
            let line = site.insert("deep0: deep1", into: "aliases-local", notBefore: 3)
            return ExpectedFinding(file: "aliases-local", line: line, severity: .error, name: "expansion-limit")
        },
        SeededFault("tail-lost in fqdnaliases") { site in
            _ = site.insert("plain@d1.example smtp-lmtp!node1!plain", into: "fqdnroutes")
            let line = site.insert("ann@d2.example: plain+lists@d1.example", into: "fqdnaliases")
            return ExpectedFinding(file: "fqdnaliases", line: line, severity: .warning, name: "tail-lost")
        },
        SeededFault("tail-lost in fqdnaliases, with dashes") { site in
            _ = site.insert("plain@d1.example smtp-lmtp!node1!plain", into: "fqdnroutes")
            let line = site.insert("ann@d2.example: plain--lists@d1.example", into: "fqdnaliases")
            return ExpectedFinding(file: "fqdnaliases", line: line, severity: .warning, name: "tail-lost")
        },
        SeededFault("unserved-route, a local user") { site in
            site.lines["scheduler.conf"]?.removeLast(2)
            site.remove(from: "aliases-local") { $0.hasPrefix("both:") }
            let line = site.insert("ann: nobody.here", into: "aliases-local")
            return ExpectedFinding(file: "aliases-local", line: line, severity: .error, name: "unserved-route")
        },
        .line("unserved-route", .error, "ann@d1.example smtp-lmpt!node1!ann%2", into: "fqdnroutes", "a channel"),
        .line("unserved-route", .error, "ann@d1.example smtp-lmtp!node7!ann%2", into: "fqdnroutes", "a host"),
        .line(
            "unserved-route", .error, "far.example smtp-tls!mx.partner.example", into: "routes", "a domain's channel"),
        SeededFault("no-failover-route in smtp-policy.relay") { site in
            site.remove(from: "routes") { $0.hasPrefix("d3.example") }
            let line = site.number(of: "smtp-policy.relay") { $0 == "d3.example" }
            return ExpectedFinding(file: "smtp-policy.relay", line: line, severity: .warning, name: "no-failover-route")
        },
        .line("no-failover-route", .warning, "d9.example", into: "smtp-policy.relay", "a new domain"),
        .line("unlisted-domain", .warning, "ann@d9.example smtp-lmtp!node1!ann%2", into: "fqdnroutes"),
        SeededFault("unlisted-domain in fqdnaliases") { site in
            _ = site.insert("d9.example error!nosuchuser", into: "routes")
            let line = site.insert("ann@d9.example: user1@d2.example", into: "fqdnaliases")
            return ExpectedFinding(file: "fqdnaliases", line: line, severity: .warning, name: "unlisted-domain")
        },
        .line("local-service-domain", .warning, "d2.example", into: "localnames"),
        .line("hidden-failover", .warning, "@d4.example smtp-lmtp!node1!%1", into: "fqdnroutes"),
        .line("hidden-failover", .warning, "@d4.example: user1@d2.example", into: "fqdnaliases", "a list"),
        .line("canonical-name-not-local", .warning, "old.example.net new.example.org", into: "localnames"),
    ]

    static let all = ofLines + ofEntries + ofDatabases + ofSettings + ofDelivery + ofFiles + ofSite
}

@Suite(.serialized) struct SeededFaultTests {
    @Test func theCleanSiteHasNoFinding() throws {
        let seeded = SeededSite(seed: 1)
        let (found, texts) = SeededSite.check(try seeded.write())
        #expect(found.isEmpty, "\(texts.joined(separator: "\n"))")
        #expect(seeded.entryCount >= 10_000)
    }

    @Test(arguments: SeededFault.all.indices)
    func eachFaultIsFoundAtItsPlaceAndNothingElse(index: Int) throws {
        let fault = SeededFault.all[index]
        var seeded = SeededSite(seed: UInt64(index) + 7)
        let expected = fault.change(&seeded)
        let (found, texts) = SeededSite.check(try seeded.write())
        #expect(found == [expected], "\(fault.testDescription):\n\(texts.joined(separator: "\n"))")
    }

    @Test func kindsAreCounted() {
        let kinds = Set(SeededFault.all.map(\.name))
        print("SeededFaultTests: \(SeededFault.all.count) faults of \(kinds.count) kinds in a site of 10,000 entries")
        #expect(kinds.count >= 60)
    }

    @Test func aMissingNewlineAtTheEndIsFound() throws {
        let seeded = SeededSite(seed: 3)
        let site = try seeded.write { $0 != "fqdnaliases" }
        let (found, _) = SeededSite.check(site)
        let last = seeded.lines["fqdnaliases"]?.count
        #expect(
            found == [ExpectedFinding(file: "fqdnaliases", line: last, severity: .warning, name: "no-final-newline")])
    }

    @Test func aSourceThatLostAllItsEntriesIsFound() throws {
        let seeded = SeededSite(seed: 4)
        let site = try seeded.write()
        try site.write("# Nothing.\n", to: "compiled")
        try runCommandSuccessfully("/bin/touch", ["-d", "2020-01-01", site.place.file("compiled")])
        let (found, _) = SeededSite.check(site)
        #expect(found == [ExpectedFinding(file: "compiled", line: nil, severity: .warning, name: "empty-source")])
    }

    /// What an entry's comment or an option allows is no finding, of whichever kind.
    @Test(arguments: Array(stride(from: 0, to: SeededFault.all.count, by: 8)))
    func faultsCanBeAllowed(index: Int) throws {
        let fault = SeededFault.all[index]
        var seeded = SeededSite(seed: UInt64(index) + 7)
        let expected = fault.change(&seeded)
        // Such a line has no key and value, whoever means it.
        guard !["unreadable-line", "nul-byte"].contains(expected.name) else { return }
        var allowed = AllowedFindings()
        _ = allowed.allow(expected.name, of: [Finding.Name(expected.name)])
        let (found, texts) = SeededSite.check(try seeded.write(), allowing: allowed)
        #expect(!found.contains { $0.name == expected.name }, "\(texts.joined(separator: "\n"))")
    }

    @Test(arguments: SeededFault.ofSite.indices)
    func whatFilesSayTogetherCanBeAllowedInTheFile(index: Int) throws {
        let fault = SeededFault.ofSite[index]
        var seeded = SeededSite(seed: UInt64(index) + 70)
        let expected = fault.change(&seeded)
        guard let line = expected.line else { return }
        seeded.lines[expected.file]?.insert("# zroute: allow \(expected.name)", at: line - 1)
        let (found, texts) = SeededSite.check(try seeded.write())
        #expect(found.isEmpty, "\(fault.testDescription):\n\(texts.joined(separator: "\n"))")
    }
}
