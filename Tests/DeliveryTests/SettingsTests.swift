// scheduler.conf, the smtp command line, the secrets and TLS files, time-outs, patterns, retries.

import Configuration
import Delivery
import LMTP
import Testing
import ZRouteTestKit

@Suite struct SettingsTests {
    @Test(arguments: [
        ("*", "anything", true), ("smtp-{lmtp,x}", "smtp-lmtp", true), ("smtp-{lmtp,x}", "smtp-x", true),
        ("smtp-{lmtp,x}", "smtp-y", false), ("*.Example.ORG", "a.example.org", true), ("a?c", "abc", true),
        ("a?c", "ac", false), ("{a,b{c,d}}*", "bdz", true), ("", "", true), ("", "x", false),
        ("a*b*c", "aXXbYYc", true),
        ("a*b*c", "aXXbYY", false), ("{}", "", true),
    ])
    func patterns(pattern: String, text: String, fits: Bool) {
        #expect(GlobPattern(pattern.utf8)?.matches(text.utf8) == fits)
    }

    @Test(arguments: ["{a", "a}", String(repeating: "{a,b}", count: 20), String(repeating: "{", count: 100)])
    func unusablePatterns(pattern: String) {
        #expect(GlobPattern(pattern.utf8) == nil)
    }

    @Test(arguments: [
        ("90", 90), ("5m", 300), ("1h30m", 5400), ("3d", 259_200), ("0", 0), ("1d2h3m4s", 93_784), ("1m5", 65),
        ("99999999999999999999d", 3_153_600_000), ("", nil), ("m", nil), ("5x", nil), ("-5", nil),
    ])
    func times(text: String, seconds: Int?) {
        #expect(TimeSpan(text)?.seconds == seconds)
    }

    @Test func timeOuts() throws {
        let limits = try #require(TimeLimits("conn=1m,tcpw=2m,cmd=3m,data=4m,dot=5m"))
        #expect(limits.connection.seconds == 60)
        #expect(limits.block.seconds == 120)
        #expect(limits.command.seconds == 180)
        #expect(limits.data.seconds == 240)
        #expect(limits.final.seconds == 300)
        #expect(TimeLimits("90")?.command.seconds == 90)
        #expect(TimeLimits("dots=1m") == nil)
        #expect(TimeLimits("cmd=0") == nil)
        #expect(TimeLimits().final.seconds == 1200)
    }

    @Test(arguments: [
        ("UNIX:/run/lmtp", "UNIX:/run/lmtp"), ("/run/lmtp", "UNIX:/run/lmtp"), ("store:24", "store:24"),
        ("192.0.2.1:24", "192.0.2.1:24"), ("[2001:db8::1]:24", "[2001:db8::1]:24"), ("store", nil), ("store:0", nil),
        ("store:65536", nil), ("2001:db8::1:24", nil), ("UNIX:run", nil), (":24", nil),
    ])
    func endpoints(text: String, form: String?) {
        #expect(Endpoint(text)?.description == form)
    }

    // MARK: scheduler.conf

    private static let conf = """
        # defaults
        */*
            interval=2m expiry=2d
            retries="1 2 3"
        smtp-lmtp/special.example
        smtp-lmtp/*.lists
            maxthr=2   # two
            command = "smtp -c $channel -M -x -F UNIX:/run/special"
        smtp-lmtp
            interval=10s maxchannel=5 maxring=4
            command="smtp -M -x -F UNIX:${SOCKETS}/lmtp -s \\
              -l ${LOGDIR}/log"
        local/* command="mailbox -8"
        smtp/{a,b}.example
            command="smtp -x -F [relay.example] -p 2525"
        smtp/mx.example
            command="smtp"
        smtp/queue.example
            queueonly command="smtp -x"
        """

    private func conf(_ text: String = Self.conf) throws -> SchedulerConf {
        try SchedulerConf(bytes: Array(text.utf8), file: "scheduler.conf")
    }

    @Test func clausesInheritDefaultsAndShareContent() throws {
        let conf = try conf()
        let special = conf.match(channel: Array("smtp-lmtp".utf8), host: Array("special.example".utf8)).parameters
        #expect(special.command == "smtp -c $channel -M -x -F UNIX:/run/special")
        #expect(special.maximumPerEndpoint == 2)
        #expect(special.interval?.seconds == 120)
        #expect(special.retries == [1, 2, 3])
        let other = conf.match(channel: Array("smtp-lmtp".utf8), host: Array("node".utf8)).parameters
        #expect(other.interval?.seconds == 10)
        #expect(other.expiry?.seconds == 172_800)
        #expect(other.maximumPerChannel == 5)
        #expect(other.maximumPerClause == 4)
        #expect(other.command?.contains("-l ${LOGDIR}/log") == true)
        #expect(conf.match(channel: Array("none".utf8), host: Array("x".utf8)).parameters.command == nil)
    }

    @Test(arguments: [
        ("smtp-lmtp", "node", "UNIX:/srv/lmtp"), ("smtp", "a.example", "relay.example:2525"),
        ("smtp-lmtp", "x.lists", "UNIX:/run/special"),
    ])
    func decisionsToDeliver(channel: String, host: String, endpoint: String) throws {
        let place = try TemporaryDirectory()
        let settings = try testSettings([("SOCKETS", "/srv"), ("LOGDIR", place.path)])
        let decision = DeliveryPlan(.scheduler(try conf()), settings: settings).decision(
            channel: Array(channel.utf8), host: Array(host.utf8))
        guard case .deliver(let destination) = decision.disposition else {
            Issue.record("\(decision.disposition)")
            return
        }
        #expect(destination.endpoint.description == endpoint)
    }

    @Test(arguments: [
        ("local", "x", "command 'mailbox' is not carried out here"), ("smtp", "mx.example", "an MX look-up"),
        ("smtp", "queue.example", "queueonly"), ("other", "x", "no clause with a command"),
    ])
    func decisionsToKeep(channel: String, host: String, reason: String) throws {
        let place = try TemporaryDirectory()
        let decision = DeliveryPlan(.scheduler(try conf()), settings: try testSettings([("LOGDIR", place.path)]))
            .decision(channel: Array(channel.utf8), host: Array(host.utf8))
        switch decision.disposition {
        case .keep(let text): #expect(text.contains(reason) && reason != "queueonly", "\(text)")
        // It is meant to stay.
        case .wait(let text): #expect(text.contains(reason) && reason == "queueonly", "\(text)")
        case .deliver: Issue.record("\(decision.disposition)")
        }
    }

    @Test(arguments: [
        ("interval=5m\n", "behind blanks"), (" interval=5m\n", "before any"), ("a/*\n interval=never\n", "not a time"),
        ("a/{b\n", "no pattern"),
        ("a\n what=1\n", "unknown parameter"), ("a\n command=\"smtp\n", "closing quote"),
        ("a\n retries=\"1 x\"\n", "retries"),
        ("a\n maxring=many\n", "not a number"),
    ])
    func unusableFiles(text: String, reason: String) {
        #expect(performing: { try conf(text) }, throws: { "\($0)".contains(reason) })
    }

    // MARK: Commands

    private func variables(host: String = "node") -> Variables {
        Variables(["channel": "smtp-lmtp", "host": host, "LOGDIR": "/log"])
    }

    @Test func commandLine() throws {
        let line = try SMTPCommandLine(
            "/mail/bin/ta/smtp -sMx8P1 -c $channel -F[10.0.0.1] -p 24 -A /s -S /t -T conn=5s -h me -l${LOGDIR}/x -E -H $host",
            variables: variables())
        #expect(line.isLMTP && line.avoidsMX && line.forcesEightBit && line.avoidsPipelining && line.isOneMessage)
        #expect(line.secretsFile == "/s" && line.tlsFile == "/t" && line.helloName == "me" && line.logFile == "/log/x")
        #expect(line.limits.connection.seconds == 5)
        #expect(try line.endpoint(host: "node") == .tcp(host: "10.0.0.1", port: 24))
        #expect(line.operands == ["node"])
    }

    @Test(arguments: ["x -F UNIX:/evil", "-FUNIX:/evil", "$LOGDIR", "a b"])
    func hostsAreNoOptions(host: String) throws {
        let line = try SMTPCommandLine("smtp -M -p 24 -F $host", variables: variables(host: host))
        #expect(line.nextHop == host)
        let plain = try SMTPCommandLine("smtp -M -p 24 $host", variables: variables(host: host))
        #expect(plain.nextHop == nil && plain.operands == [host])
    }

    @Test(arguments: [
        ("sm -c $channel hold", "'sm'"), ("smtp -Z", "-Z"), ("smtp -p", "no value"), ("smtp -p x", "no port"),
        ("smtp -T never", "-T"),
    ])
    func unusableCommands(command: String, reason: String) {
        #expect(
            performing: { try SMTPCommandLine(command, variables: variables()) }, throws: { "\($0)".contains(reason) })
    }

    @Test(arguments: [
        ("smtp", "MX"), ("smtp -M -x", "port 25"), ("smtp -M -p 25 -F a", "port 25"), ("smtp -F a", "MX"),
    ])
    func unusableEndpoints(command: String, reason: String) throws {
        let line = try SMTPCommandLine(command, variables: variables())
        #expect(performing: { try line.endpoint(host: "node") }, throws: { "\($0)".contains(reason) })
    }

    @Test(arguments: [
        ("", []), ("-T conn=5", []), ("-Z", ["unusable-command"]), ("-p 99999", ["unusable-command"]),
        ("-A /none/s -S /none/t", ["missing-file", "missing-file"]), ("-A /none/$host -S /none/$channel", []),
        ("-l /none/log -A /etc/hostname", ["missing-log-directory", "readable-secrets"]),
    ])
    func optionsOfOneServerAreJudgedBefore(options: String, names: [String]) throws {
        let plan = DeliveryPlan(
            .single(.unix(path: "/none/lmtp"), options: options, parameters: SchedulerParameters()),
            settings: try testSettings())
        // A file in the place of another one also has lines that are none.
        let found = plan.findings.filter { $0.name.description != "invalid-secret" }
        #expect(found.map(\.name.description) == names, "\(found)")
    }

    // MARK: Secrets

    @Test func secretsStayHidden() throws {
        let place = try TemporaryDirectory()
        let secret = "c2VjcmV0LXdvcmQ="
        let path = try place.write(
            "# comment\n\nsmtp-lmtp Node.example dXNlci1uYW1l \(secret)\n* other dQ== cA==\n", to: "s")
        #expect(performing: { try SecretsFile(path: path) }, throws: { "\($0)".contains("chmod 600") })
        try runCommandSuccessfully("/bin/chmod", ["600", path])
        let file = try SecretsFile(path: path)
        let found = try #require(file.credentials(channel: "smtp-lmtp", hosts: ["x", "node.EXAMPLE"]))
        #expect(file.credentials(channel: "smtp", hosts: ["node.example"]) == nil)
        #expect(file.credentials(channel: "any", hosts: ["other"]) != nil)
        var dumped = ""
        dump(file, to: &dumped)
        dump(found, to: &dumped)
        dumped += "\(file) \(found) \(String(reflecting: file)) \(String(reflecting: found))"
        for hidden in [secret, "secret-word", "dXNlci1uYW1l", "user-name"] { #expect(!dumped.contains(hidden)) }
        try place.write("smtp-lmtp node dXNlcg== not*base64 c2VjcmV0LXdvcmQ=\n", to: "s")
        #expect(
            performing: { try SecretsFile(path: path) },
            throws: { "\($0)".contains("\(path):1:") && !"\($0)".contains("c2Vj") && !"\($0)".contains("not*") })
    }

    @Test func tlsFiles() throws {
        let place = try TemporaryDirectory()
        let path = try place.write("# x\ntls-CAfile /ca.pem\ndemand-tls-mode\n", to: "tls")
        let file = try TLSFile(path: path)
        #expect(file.authorityFile == "/ca.pem" && file.isDemanded)
        try place.write("demand-tls\n", to: "tls")
        #expect(performing: { try TLSFile(path: path) }, throws: { "\($0)".contains("\(path):1: 'demand-tls'") })
    }

    /// The files that options of a command in scheduler.conf name, and scheduler.conf itself.
    enum OptionFile: String, CaseIterable, Sendable {
        case secrets = "smtp-lmtp| node dQ== cA==\n"
        case tls = "tls-CAfile| /ca.pem\n"
        case scheduler = "smtp-lmtp|\n  maxthr=4\n"

        func read(_ path: String) throws {
            switch self {
            case .secrets: _ = try SecretsFile(path: path)
            case .tls: _ = try TLSFile(path: path)
            case .scheduler: _ = try SchedulerConf(file: path)
            }
        }
    }

    @Test(arguments: OptionFile.allCases)
    func charactersThatNobodySeesAreNamed(file: OptionFile) throws {
        let place = try TemporaryDirectory()
        let parts = file.rawValue.split(separator: "|").map { Array($0.utf8) }
        for character in UnseenText.all {
            let path = try place.write(Array("# x\n".utf8) + parts[0] + character.bytes + [0x20] + parts[1], to: "f")
            try runCommandSuccessfully("/bin/chmod", ["600", path])
            let error = #expect(throws: ConfigurationError.self) { try file.read(path) }
            let text = error?.description ?? ""
            #expect(text.hasPrefix("\(path):2: column \(parts[0].count + 1) has "), "\(text)")
            #expect(text.contains(character.description), "\(text)")
        }
        print("SettingsTests: \(UnseenText.all.count) characters that nobody sees in the file of \(file)")
    }

    // MARK: Retries

    @Test func retriesFollowTheirIntervals() {
        let schedule = RetrySchedule(
            interval: TimeSpan(seconds: 60), retries: [1, 2, 5], expiry: TimeSpan(seconds: 3600))
        #expect(schedule.next(arrival: 1000, last: 1000) == 1060)
        #expect(schedule.next(arrival: 1000, last: 1060) == 1180)
        #expect(schedule.next(arrival: 1000, last: 1180) == 1480)
        #expect(schedule.next(arrival: 1000, last: 1480) == 1780)
        #expect(schedule.next(arrival: 1000, last: 1_000_000) > 1_000_000)
        #expect(schedule.next(arrival: 1000, last: 1_000_000) <= 1_000_300)
        #expect(!schedule.isExpired(arrival: 1000, now: 4599))
        #expect(schedule.isExpired(arrival: 1000, now: 4600))
    }
}
