// What `zroute convert postfix` makes of a Postfix, against that Postfix: every address is mailed to it, and what its delivery
// agents are told is compared with the routes of the new site.

import Foundation
import Testing
import ZRouteTestKit

@Suite(.serialized) struct PostfixConversionTests {
    /// A transport as the map has it, as the agent's log has it, and as a route of ours.
    private struct Hop {
        let written: String, logged: String, route: String
    }

    private static let hops = [
        Hop(written: "lmtp:unix:/run/a", logged: "lmtp unix:/run/a", route: "smtp-lmtp!run-a"),
        Hop(
            written: "lmtp:inet:[127.0.0.1]:2401", logged: "lmtp inet:[127.0.0.1]:2401",
            route: "smtp-lmtp!127.0.0.1-2401"),
        Hop(written: "lmtp:[store.example]", logged: "lmtp [store.example]", route: "smtp-lmtp!store.example"),
        Hop(written: "smtp:[h1.example]", logged: "smtp [h1.example]", route: "smtp-relay!h1.example"),
        Hop(written: "smtp:[h2.example]:2525", logged: "smtp [h2.example]:2525", route: "smtp-relay!h2.example-2525"),
        Hop(written: "relay:[h3.example]", logged: "relay [h3.example]", route: "smtp-relay!h3.example"),
        Hop(written: "lmtp:unix:/run/main", logged: "lmtp unix:/run/main", route: "smtp-lmtp!run-main"),
        Hop(written: "relay:[in.example]", logged: "relay [in.example]", route: "smtp-relay!in.example"),
    ]

    private static let users = ["ann", "bo", "cy", "dee", "eve", "postmaster"]
    private static let aliasDomains = ["va.example", "vb.example"]
    private static let mailboxDomains = ["mb.example", "mc.example"]
    private static let otherDomains = ["rl.example", "sub.rl.example", "local.example"]
    private static var domains: [String] { aliasDomains + mailboxDomains + otherDomains }

    /// One Postfix: its main.cf and its tables.
    private struct Setup {
        var main: [String]
        var tables: [String: String]
        var asked: [String]
    }

    private static func setup(_ seed: UInt64, place: String) -> Setup {
        var dice = SeededNumbers(seed: seed)
        let delimiter = seed % 4 == 3 ? "" : "+"
        let extensions = delimiter.isEmpty ? [""] : ["", "", "", "+s", "+t"]
        func user() -> String { dice.one(of: users) + dice.one(of: extensions) }
        var virtual = "", mailboxes = "", relayed = "", transports = ""
        for domain in domains {
            for name in users {
                if dice.hits(45) {
                    var members: [String] = []
                    for _ in 0..<dice.one(of: [1, 1, 2, 3]) {
                        let member = user()
                        members.append(
                            "\(dice.hits(15) ? member.capitalized : member)@\(dice.one(of: domains + mailboxDomains + ["far.example"]))"
                        )
                    }
                    if dice.hits(20) { members.append("\(name)@\(domain)") }
                    virtual +=
                        "\(name)\(dice.one(of: extensions))@\(domain) \(members.joined(separator: dice.one(of: [", ", " ", ","])))\n"
                }
                if mailboxDomains.contains(domain), dice.hits(60) { mailboxes += "\(name)@\(domain) \(name)/\n" }
                if domain.hasSuffix("rl.example"), dice.hits(60) { relayed += "\(name)@\(domain) x\n" }
                if dice.hits(10) {
                    let value = dice.hits(20) ? dice.one(of: ["error:5.1.1 gone", ":"]) : dice.one(of: hops).written
                    transports += "\(name)\(dice.one(of: extensions))@\(domain) \(value)\n"
                }
            }
            if dice.hits(30) {
                virtual +=
                    "@\(domain) \(dice.one(of: ["bo@mb.example", "@mb.example", "@mc.example", "cy@far.example"]))\n"
            }
            if dice.hits(30) { transports += "\(domain) \(dice.one(of: hops).written)\n" }
            if mailboxDomains.contains(domain), dice.hits(20) { mailboxes += "@\(domain) all/\n" }
        }
        if dice.hits(50) { virtual += "\(dice.one(of: users)) \(dice.one(of: users))@mb.example\n" }
        if dice.hits(40) { transports += ".rl.example \(dice.one(of: hops).written)\n" }
        let type = { (number: UInt64) in ["hash", "btree", "cdb", "texthash"][Int((seed + number) % 4)] }
        let propagates = seed % 5 == 2 ? ["propagate_unmatched_extensions = canonical"] : []
        let main =
            [
                "compatibility_level = 3.6", "myhostname = mail.example.org", "mydomain = example.org",
                "mydestination = local.example", "myorigin = local.example", "recipient_delimiter = \(delimiter)",
                "virtual_alias_domains = \(aliasDomains.joined(separator: ", "))",
                "virtual_alias_maps = \(type(0)):\(place)/virtual", "virtual_mailbox_domains = \(mailboxDomains[0])",
                "  # a remark", "   \(mailboxDomains[1])", "virtual_mailbox_maps = \(type(1)):\(place)/mailboxes",
                "virtual_transport = lmtp:unix:/run/main", "relay_domains = rl.example",
                "relay_transport = relay:[in.example]",
                "relay_recipient_maps = \(type(2)):\(place)/relayed", "transport_maps = \(type(3)):\(place)/transports",
                "default_transport = smtp", "relayhost = [out.example]:587", "alias_maps =", "local_recipient_maps =",
                "mailbox_transport = lmtp:unix:/run/local", "local_transport = local",
            ] + propagates
        let asked = domains.flatMap { domain in
            (users + ["nobody"]).flatMap { name in
                (delimiter.isEmpty ? [""] : ["", "+s", "+q"]).map { "\(name)\($0)@\(domain)" }
            }
        }
        return Setup(
            main: main,
            tables: ["virtual": virtual, "mailboxes": mailboxes, "relayed": relayed, "transports": transports],
            asked: asked + ["ann@deep.rl.example"])
    }

    /// What came of one Postfix.
    private struct Outcome {
        var compared = 0, refused = 0, noted = 0
        var differences: [String] = []
    }

    @Test func sendsWhereItsPostfixSends() throws {
        guard PostfixPeer.canRun("PostfixConversionTests") else { return }
        var whole = Outcome()
        for seed in counted("random Postfixes that are converted", Array(UInt64(1)...12)) {
            let outcome = try Self.compare(seed)
            whole.compared += outcome.compared
            whole.refused += outcome.refused
            whole.noted += outcome.noted
            whole.differences += outcome.differences.map { "seed \(seed): \($0)" }
        }
        print(
            "PostfixConversionTests: \(whole.compared) addresses compared, \(whole.refused) of them refused by both,"
                + " \(whole.noted) named in reports")
        #expect(whole.differences.isEmpty, "\(whole.differences.prefix(20).joined(separator: "\n"))")
        #expect(whole.compared > 1000 && whole.refused > 100 && whole.noted * 10 < whole.compared)
    }

    private static func compare(_ seed: UInt64) throws -> Outcome {
        let place = try TemporaryDirectory(isInMemory: true)
        let setup = setup(seed, place: place.path)
        for (name, text) in setup.tables { try place.write(text, to: name) }
        let main = setup.main.joined(separator: "\n") + "\n"
        try place.write(main, to: "main.cf")
        // Agents that say whom and what they were given, and deliver nothing.
        let agents = ["lmtp", "smtp", "relay", "local", "virtual"].map {
            "postconf -M '\($0)/unix=\($0) unix - - n - - discard -o syslog_name=hop-\($0)'"
        }
        let compiled = setup.main.flatMap { $0.split(separator: " ") }
            .filter { ["hash:", "btree:", "cdb:"].contains(where: $0.hasPrefix) }.map { "postmap \($0)" }
        let postfix = try PostfixPeer(main, commands: agents + compiled)
        defer { postfix.stop() }

        let zroute = try Programs.zroute.get()
        let converted = try runCommand(zroute, ["convert", "postfix", place.file("main.cf"), place.file("site")])
        guard converted.status == 0 || converted.status == 1 else { throw CommandFailure(converted.errorText) }
        let site = place.file("site/zmailer.conf")
        let check = try runCommand(zroute, ["check", "--config", site])
        var outcome = Outcome()
        if check.status > 1 { outcome.differences.append("check: \(check.text)") }
        for type in ["text", "btree", "cdb"] {
            let newdb = try runCommand(zroute, ["newdb", "--set", "DBTYPE=\(type)", "--config", site])
            if newdb.status != 0 { outcome.differences.append("newdb \(type): \(newdb.errorText)") }
        }

        let replies = try postfix.clients.send(setup.asked, subjects: "asked")
        try postfix.waitUntilEmpty()
        let given = Self.given(postfix.log)
        let routed = try runCommand(
            zroute, ["route-test", "--format", "tsv", "--config", site, "-"],
            input: Array(setup.asked.joined(separator: "\n").utf8))
        let routes = routed.text.split(separator: "\n").map {
            Self.routes(String($0.split(separator: "\t").last ?? ""))
        }
        guard routes.count == setup.asked.count else {
            throw CommandFailure("\(routes.count) routes: \(routed.errorText)")
        }
        for (address, (reply, routes)) in zip(setup.asked, zip(replies, routes)) {
            let expected: Set<String>
            switch reply.kind {
            case "2": expected = given[reply.description.split(separator: " ").last.map(String.init) ?? ""] ?? []
            case "5": expected = ["error"]
            default:
                // Aliases that lead to themselves.
                outcome.noted += 1
                let base = address.split(separator: "@")[0].split(separator: "+")[0]
                if !converted.text.contains("key '\(base)"), !converted.text.contains("key '@"),
                    !converted.text.contains("lead back")
                {
                    outcome.differences.append("\(address): \(reply), and nothing in the report")
                }
                continue
            }
            outcome.compared += 1
            if expected == ["error"] { outcome.refused += 1 }
            if expected != routes {
                // Named are extensions as such, and not each of them.
                let named = address.replacing(/\+[a-z]/, with: "")
                if converted.text.contains("key '\(named)': it goes to ")
                    || named != address && converted.text.contains("key '\(named)': with an extension")
                    || converted.text.contains("key '\(address)'")
                {
                    outcome.noted += 1
                } else {
                    outcome.differences.append(
                        "\(address): here \(routes.sorted()), in Postfix \(expected.sorted()) (\(reply))")
                }
            }
        }
        return outcome
    }

    /// By the name of a message, whom the agents were given and where to.
    private static func given(_ log: String) -> [String: Set<String>] {
        var given: [String: Set<String>] = [:]
        for line in log.split(separator: "\n") {
            guard let to = line.range(of: ": to=<"), let end = line[to.upperBound...].firstIndex(of: ">") else {
                continue
            }
            let recipient = line[to.upperBound..<end].lowercased()
            let words = line[..<to.lowerBound].split(separator: " ")
            guard words.count >= 2 else { continue }
            let message = String(words[words.count - 1]), agent = words[words.count - 2]
            if agent.hasPrefix("postfix/error") {
                given[message, default: []].insert("error")
                continue
            }
            guard agent.hasPrefix("hop-"), let sent = line.range(of: "status=sent (") else { continue }
            let name = agent.dropFirst(4).prefix { $0 != "/" }
            let nextHop = line[sent.upperBound...].dropLast()
            let route: String
            if name == "local" {
                route = "local"
            } else if name == "smtp", nextHop == "[out.example]:587" {
                route = "smtp!\(recipient.split(separator: "@").last ?? "")"
            } else {
                route = hops.first { $0.logged == "\(name) \(nextHop)" }?.route ?? "\(name) \(nextHop)"
            }
            given[message, default: []].insert("\(route)!\(recipient)")
        }
        return given
    }

    private static func routes(_ text: String) -> Set<String> {
        Set(
            text.split(separator: ";").map { route in
                let parts = route.lowercased().split(separator: "!")
                switch parts[0] {
                case "error": return "error"
                case "local": return "local!\(parts[parts.count - 1])"
                default: return parts.joined(separator: "!")
                }
            })
    }
}
