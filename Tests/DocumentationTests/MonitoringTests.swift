// The alert rules and the dashboard: each metric that they name is one that the program shows, and Prometheus understands them.

import Foundation
import Testing
import ZRouteTestKit

@Suite struct MonitoringTests {
    private static let rules = "\(SourceTree.root)/contrib/monitoring/alerts.yml"

    @Test func everyMetricThatIsNamedIsShown() throws {
        let shown = try shownMetrics()
        #expect(shown.count >= 20, "\(shown)")
        let texts = [try SourceTree.text("contrib/monitoring/alerts.yml")] + (try dashboard())
        let named = Set(
            texts.flatMap { $0.matches(of: /\bzroute_[a-z_]+/).map { String($0.0) } })
        #expect(named.count >= 15)
        #expect(named.isSubset(of: shown), "not shown: \(named.subtracting(shown).sorted())")
        // Whoever wants an alert of his own finds every metric in the pages.
        let pages = try ["serve", "delivery", "copies", "lmtp-front"].map { try SourceTree.text("docs/\($0).md") }
            .joined()
        let bare = Set(shown.map { $0.replacing(/_(bucket|sum|count)$/, with: "") })
        for metric in bare { #expect(pages.contains("`\(metric)`"), "no page has \(metric)") }
        print("MonitoringTests: \(named.count) metrics are named, \(shown.count) are shown")
    }

    /// Labels and their values are those that the program has.
    @Test func everyLabelThatIsAskedForIsShown() throws {
        let output = try output()
        let texts = [try SourceTree.text("contrib/monitoring/alerts.yml")] + (try dashboard())
        var asked = 0
        for text in texts {
            for match in text.matches(of: /(zroute_[a-z_]+)\{([^}]*)\}/) {
                for pair in match.2.matches(of: /([a-z]+)="([^"]*)"/) {
                    asked += 1
                    let lines = output.split(separator: "\n").filter { $0.hasPrefix("\(match.1){") }
                    // What nobody has counted yet has no line; its name is checked above.
                    guard !lines.isEmpty else { continue }
                    #expect(lines.contains { $0.contains("\(pair.1)=\"\(pair.2)\"") }, "\(match.0)")
                }
            }
        }
        #expect(asked >= 8)
    }

    @Test func prometheusUnderstandsTheRules() throws {
        guard let promtool = Self.promtool else { return }
        let place = try TemporaryDirectory()
        // What the dashboard asks is made rules, too.
        let records = try dashboard().enumerated().map { number, expression in
            "      - record: \"dashboard:panel:\(number)\"\n        expr: >\n          "
                + expression.replacing("$instance", with: ".*") + "\n"
        }
        try place.write(
            "groups:\n  - name: dashboard\n    rules:\n" + records.joined(), to: "dashboard.yml")
        for file in [Self.rules, place.file("dashboard.yml")] {
            let result = try runCommand(promtool, ["check", "rules", file])
            #expect(result.status == 0, "\(result.text)\(result.errorText)")
            print("MonitoringTests: \(result.text.replacing("\n", with: " "))")
        }
    }

    /// Each alert is fired by what it is for, and by nothing that is as it should be.
    @Test func theAlertsFire() throws {
        guard let promtool = Self.promtool else { return }
        let place = try TemporaryDirectory()
        try FileManager.default.copyItem(atPath: Self.rules, toPath: place.file("alerts.yml"))
        try FileManager.default.copyItem(
            atPath: Fixture.path("monitoring/alerts.test.yml"), toPath: place.file("alerts.test.yml"))
        let result = try runCommand(promtool, ["test", "rules", place.file("alerts.test.yml")])
        #expect(result.status == 0, "\(result.text)\(result.errorText)")
        let tested = try Fixture.text("monitoring/alerts.test.yml")
        let alerts = try SourceTree.text("contrib/monitoring/alerts.yml").matches(of: /- alert: (\w+)/).map { $0.1 }
        for alert in alerts { #expect(tested.contains("alertname: \(alert)\n"), "\(alert) is not tested") }
    }

    // MARK: What there is

    /// Prometheus's own reader of rules; nil, after saying so, where it is not there.
    private static let promtool: String? = {
        let unpacked = "\(SourceTree.root)/.build/servers/usr/bin/promtool"
        let found = [unpacked, "/usr/bin/promtool"].first { FileManager.default.isExecutableFile(atPath: $0) }
        if found == nil {
            print("MonitoringTests: rules are not given to Prometheus: `make test` unpacks the package prometheus")
        }
        return found
    }()

    /// The expressions of the dashboard.
    private func dashboard() throws -> [String] {
        struct Dashboard: Decodable {
            struct Panel: Decodable {
                struct Target: Decodable {
                    let expr: String
                }
                let title: String
                let targets: [Target]
            }
            let panels: [Panel]
        }
        let text = try SourceTree.text("contrib/monitoring/dashboard.json")
        let panels = try JSONDecoder().decode(Dashboard.self, from: Data(text.utf8)).panels
        #expect(panels.count >= 10)
        return panels.flatMap { $0.targets.map(\.expr) }
    }

    /// The names of all metrics that `serve` and `deliver` show.
    private func shownMetrics() throws -> Set<String> {
        var names: Set<String> = []
        for match in try output().matches(of: /# TYPE (zroute_[a-z_]+) ([a-z]+)/) {
            let name = String(match.1)
            if match.2 == "histogram" {
                names.formUnion(["_bucket", "_sum", "_count"].map { name + $0 })
            } else {
                names.insert(name)
            }
        }
        return names
    }

    /// What both show, of a site with a map that is copied from a server, whether that is there or not.
    private func output() throws -> String {
        let site = try TestSite(
            [
                "zmailer.conf": "MAILVAR=@SITE@\nPOSTOFFICE=@SITE@/post\nhostname=mail.example.org\n",
                "db/dbases.conf": """
                aliases     NONE     - - - -
                fqdnaliases NONE     - - - -
                fqdnroutes  ldapsync - - $MAILVAR/db/routes.ldap -lm%:
                routesdb    NONE     - - - -
                thishost    NONE     - - - -

                """,
                "db/routes.ldap": """
                uri    ldap://127.0.0.1:1
                base   dc=example,dc=org
                filter (mail=%s)
                attr   mailRoutingAddress
                canary postmaster@example.org

                """,
                "scheduler.conf": "smtp-lmtp\n  command=\"smtp -M -x -F UNIX:@SITE@/store\"\n",
            ], spool: "post")
        var text = ""
        let listen = ["lmtp", "lines"].flatMap { ["--listen", "\($0)=unix:\(site.place.file($0))"] }
        for command in [["serve"] + listen, ["deliver", "--route", "--watch"]] {
            let file = site.place.file("\(command[0]).prom")
            let program = try site.start(
                command + ["--scheduler", site.place.file("scheduler.conf"), "--metrics", file])
            let isServe = command[0] == "serve"
            if isServe {
                #expect(
                    try holds { (try? LocalStream(path: site.place.file("lines"))) != nil || !program.isRunning })
                // A map's copy is counted once a worker has opened it.
                let stream = try LocalStream(path: site.place.file("lines"))
                try stream.write("route ann@example.org\n")
                #expect(try stream.readLine().hasPrefix("TEMP "))
            }
            let last = "# TYPE " + (isServe ? "zroute_copy_generations_total" : "zroute_lookups_total")
            var written = ""
            #expect(
                try holds {
                    written = String(decoding: FileManager.default.contents(atPath: file) ?? Data(), as: UTF8.self)
                    return written.contains(last) || !program.isRunning
                })
            text += written
            program.send(SIGTERM)
            #expect(program.wait() == 0, "\(program.errors)")
        }
        return text
    }
}
