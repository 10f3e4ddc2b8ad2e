// Live maps: their entries are judged as they are, whoever changes them is not disturbed, and a process that died in their
// environment is found.

import Check
import Foundation
import Testing
import ZRouteTestKit

@Suite struct LiveMapTests {
    private static let files = [
        "zmailer.conf": "MAILVAR=@SITE@\nhostname=store.example.net\nlookuptimeout=2\n",
        "sleepyenv.conf": "envhome = @SITE@/env\nenvmode = 0600\nenvflags = CDB, CREATE\n",
        "dbases.conf": """
        aliases NONE - - - -
        fqdnaliases NONE - - - -
        fqdnroutes text - -l @SITE@/local -lm%
        fqdnroutes btree - -r @SITE@/live -lm% -C @SITE@/sleepyenv.conf
        routesdb text - -l @SITE@/domains -lm%d pathalias
        thishost NONE - - - -

        """,
        "local": "ann@d.example smtp-lmtp!h!ann%2\n", "domains": "d.example error!nosuchuser\n",
    ]

    private func site(_ entries: [(key: String, value: String)], nul: Bool = true) throws -> TestSite {
        let site = try TestSite(Self.files)
        try site.place.makeDirectory("env")
        try Updater.shared.get().load(entries, home: site.place.file("env"), file: site.place.file("live.db"), nul: nul)
        return site
    }

    private func names(_ site: TestSite) -> [String] {
        SeededSite.check(site).found.map { "\($0.file) \($0.name)" }
    }

    private static let entries = (0..<2_000).map { (key: "user\($0)@d.example", value: "smtp-lmtp!h!user\($0)%2") }

    @Test func aLiveMapInOrderHasNoFinding() throws {
        #expect(names(try site(Self.entries)) == [])
    }

    @Test(arguments: [
        ("bob@d.example", "fg56778", "value-is-no-route"), ("Bob@d.example", "smtp-lmtp!h!bob", "key-case"),
        ("ann@d.example", "smtp-lmtp!h!other", "shadowed-entry"),
    ])
    func eachEntryIsJudged(key: String, value: String, name: String) throws {
        #expect(names(try site(Self.entries + [(key, value)])) == ["live.db \(name)"])
    }

    @Test func aKeyWithoutItsNULIsFound() throws {
        #expect(names(try site([("bob@d.example", "smtp-lmtp!h!bob")], nul: false)) == ["live.db missing-nul"])
    }

    @Test func aProcessThatDiedReadingIsFound() throws {
        let site = try site(Self.entries)
        try Updater.shared.get().dieReading(home: site.place.file("env"), file: site.place.file("live.db"))
        #expect(names(site) == ["env dead-process"])
    }

    @Test func aProcessThatDiedWritingIsFoundInTime() throws {
        let site = try site(Self.entries)
        try Updater.shared.get().dieInsidePut(
            "eve@d.example", "smtp-lmtp!h!eve", home: site.place.file("env"), file: site.place.file("live.db"))
        let found = names(site)
        #expect(found.contains { $0.hasSuffix("dead-process") }, "\(found)")
    }

    /// Whoever writes meanwhile goes on, and finds the environment as before.
    @Test func aCheckDisturbsNoWriter() throws {
        let site = try site(Self.entries)
        let (home, file) = (site.place.file("env"), site.place.file("live.db"))
        for round in 0..<20 {
            try Updater.shared.get().put("new\(round)@d.example", "smtp-lmtp!h!new\(round)", home: home, file: file)
            #expect(names(site) == [])
        }
        try Updater.shared.get().delete("new3@d.example", home: home, file: file)
        #expect(names(site) == [])
    }
}

/// Certificates of the TLS file by the dates they end at.
@Suite struct CertificateDateTests {
    @Test(arguments: [(-1, "certificate-ended"), (10, "certificate-ends-soon"), (90, nil)] as [(Int, String?)])
    func certificatesAreToldByTheirEnds(days: Int, name: String?) throws {
        var seeded = SeededSite(seed: 5)
        seeded.lines["tls"] = ["# TLS", "tls-cert-file @SITE@/cert.pem", "tls-key-file @SITE@/key.pem"]
        seeded.afterwards.append { place in
            let (key, request) = (place.file("key.pem"), place.file("request.pem"))
            try runCommandSuccessfully(
                "/usr/bin/openssl",
                [
                    "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                    "/CN=h.example", "-keyout", key, "-out", request,
                ])
            // `req` makes no certificate that has ended.
            try runCommandSuccessfully(
                "/usr/bin/openssl",
                ["x509", "-req", "-in", request, "-signkey", key, "-days=\(days)", "-out", place.file("cert.pem")])
            try runCommandSuccessfully("/bin/chmod", ["600", key])
        }
        let (found, texts) = SeededSite.check(try seeded.write())
        let expected = name.map { ["tls:2 \($0)"] } ?? []
        #expect(found.map { "\($0.file):\($0.line ?? 0) \($0.name)" } == expected, "\(texts)")
    }
}
