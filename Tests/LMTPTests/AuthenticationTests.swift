// TLS and AUTH: policies, mechanisms, and secrets that never show.

import Bytes
import LMTP
import MailSyntax
import Testing

private let secret = "s3cr3t-Pa55"
private let user = "lmtpadmin"

private func authentication(isRequired: Bool = true, digest: Authentication.Digest? = nil) -> Authentication {
    Authentication(
        Credentials(user: Array(user.utf8), secret: Array(secret.utf8)), isRequired: isRequired, digest: digest)
}

private func converse(
    offering keywords: String..., digest: Authentication.Digest? = nil, isRequired: Bool = true,
    script: [Step: [Answer]] = [:]
) throws -> Conversation {
    var peer = ScriptedPeer()
    peer.keywords = keywords + ["PIPELINING"]
    peer.script = script
    let options = try options {
        $0.authentication = authentication(isRequired: isRequired, digest: digest)
        $0.recordsTranscript = true
    }
    return LMTPTests.converse(options, peer, [envelope("a")])
}

@Suite struct AuthenticationTests {
    private let plain = "AUTH PLAIN " + string(Base64.encode(Array("\0\(user)\0\(secret)".utf8)))

    @Test func plainWithTheInitialResponse() throws {
        let result = try converse(offering: "AUTH LOGIN PLAIN")
        #expect(result.peer.commands[1] == plain)
        #expect(result.outcomes() == [.delivered])
    }

    @Test func loginWhateverThePromptsSay() throws {
        let result = try converse(
            offering: "AUTH=LOGIN", script: [.auth: [.line("334 x")], .authData: [.line("334"), .line("235 ok")]])
        #expect(
            Array(result.peer.commands[1...3]) == [
                "AUTH LOGIN", string(Base64.encode(Array(user.utf8))), string(Base64.encode(Array(secret.utf8))),
            ])
        #expect(result.outcomes() == [.delivered])
    }

    @Test func cramMD5WithTheExampleOfRFC2195() throws {
        let challenge = "PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+"
        let options = try options {
            $0.authentication = Authentication(
                Credentials(user: Array("tim".utf8), secret: Array("tanstaaftanstaaf".utf8))
            ) { key, message in
                #expect(string(key) == "tanstaaftanstaaf")
                #expect(string(message) == "<1896.697170952@postoffice.reston.mci.net>")
                return [
                    0xB9, 0x13, 0xA6, 0x02, 0xC7, 0xED, 0xA7, 0xA4, 0x95, 0xB4, 0xE6, 0xE7, 0x33, 0x4D, 0x38, 0x90,
                ]
            }
        }
        var peer = ScriptedPeer()
        peer.keywords = ["AUTH PLAIN CRAM-MD5 LOGIN"]
        peer.script[.auth] = [.line("334 \(challenge)")]
        let result = LMTPTests.converse(options, peer, [envelope("a")])
        #expect(result.peer.commands[1] == "AUTH CRAM-MD5")
        #expect(result.peer.commands[2] == "dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw")
        #expect(result.outcomes() == [.delivered])
    }

    @Test func cramMD5IsPassedOverWithoutADigest() throws {
        #expect(try converse(offering: "AUTH CRAM-MD5 PLAIN").peer.commands[1] == plain)
    }

    @Test(arguments: ["334 !!!", "334 YQ=", "334-a\r\n334 b"])
    func aChallengeThatIsNoBase64OrOneTooMany(_ challenge: String) throws {
        let script: [Step: [Answer]] = [.auth: [.raw(challenge + "\r\n")], .authData: [.line("334 again")]]
        let cram = try converse(offering: "AUTH CRAM-MD5", digest: { _, _ in [] }, script: script)
        #expect(cram.outcomes() == [.deferred])
        let login = try converse(offering: "AUTH LOGIN", script: script)
        #expect(login.outcomes() == [.deferred])
        #expect(try converse(offering: "AUTH PLAIN", script: script).outcomes() == [.deferred])
    }

    @Test func noRefusalOfASecretFailsARecipientOrIsTriedAgain() throws {
        for code in ["501 5.5.4 undefined error!", "535 5.7.8 no", "504 5.5.4 what", "530 5.7.0 x"] {
            let result = try converse(offering: "AUTH PLAIN LOGIN", script: [.auth: [.line(code)]])
            #expect(result.outcomes() == [.deferred])
            #expect(result.peer.commands.filter { $0.hasPrefix("AUTH") }.count == 1)
            #expect(result.peer.commands.last == "QUIT")
            guard case .authenticationFailed(let reply)? = result.closings[0] else { throw Unexpected() }
            #expect(reply.description == code)
            let told = try #require(result.reports.first?.recipients.first?.reply)
            #expect(told.isLocal && told.enhancedCode == EnhancedStatusCode(4, 7, 8))
        }
        let result = try converse(offering: "AUTH PLAIN", script: [.auth: [.line("454 4.7.0 later")]])
        guard case .authenticationDeferred? = result.closings[0] else { throw Unexpected() }
        #expect(result.outcomes() == [.deferred])
        #expect(result.reports[0].recipients[0].reply.description == "454 4.7.0 later")
    }

    @Test func externalAloneIsNoMechanism() throws {
        let refused = try converse(offering: "AUTH EXTERNAL")
        #expect(refused.outcomes() == [.deferred])
        #expect(refused.closings == [.noAuthenticationMechanism(["EXTERNAL"])])
        let passed = try converse(offering: "AUTH EXTERNAL", isRequired: false)
        #expect(passed.outcomes() == [.delivered])
        #expect(!passed.peer.commands.contains { $0.hasPrefix("AUTH") })
    }

    @Test func noSecretInATranscriptAnActionASessionAFailureOrAReport() throws {
        let encoded = [
            secret, string(Base64.encode(Array(secret.utf8))),
            string(Base64.encode(Array("\0\(user)\0\(secret)".utf8))),
            string(Base64.encode(Array("x \(secret)".utf8))),
        ]
        func check(_ text: String) {
            for hidden in encoded { #expect(!text.contains(hidden), "\(text)") }
            // Nor as the numbers of an array.
            #expect(!text.contains(Array(secret.utf8).map(String.init).joined(separator: ", ")))
            #expect(!text.contains(Base64.encode(Array(secret.utf8)).map { String($0) }.joined(separator: ", ")))
        }
        for mechanism in ["PLAIN", "LOGIN"] {
            for code in ["235 ok", "535 no"] {
                let script: [Step: [Answer]] =
                    mechanism == "PLAIN"
                    ? [.auth: [.line(code)]]
                    : [.auth: [.line("334 a")], .authData: [.line("334 b"), .line(code)]]
                let result = try converse(offering: "AUTH \(mechanism)", script: script)
                for line in result.transcript { check(string(line.bytes)) }
                check("\(result.reports) \(result.closings)")
                #expect(result.transcript.contains { string($0.bytes).hasSuffix("***") })
            }
        }
        var session = ClientSession(options: try options { $0.authentication = authentication() })
        session.hear("220 x")
        session.receive(Array("250-x\r\n250 AUTH PLAIN\r\n".utf8).span)
        var text = ""
        dump(session, to: &text)
        text += "\(session) \(String(reflecting: session)) \(authentication())"
        dump(authentication(), to: &text)
        while let action = session.nextAction() {
            text += "\(action) \(String(reflecting: action))"
            dump(action, to: &text)
        }
        check(text)
        #expect(text.contains("***"))
    }

    @Test func theTranscriptHasBothSidesLineByLineWithoutTheMessage() throws {
        let result = try converse(offering: "AUTH PLAIN")
        #expect(
            result.transcript.map { "\($0.speaker == .client ? "C" : "S") \(string($0.bytes))" } == [
                "S 220 peer ready", "C LHLO client.example", "S 250-peer", "S 250-AUTH PLAIN", "S 250 PIPELINING",
                "C AUTH PLAIN ***", "S 235 2.7.0 ok", "C MAIL FROM:<s@example.org>", "C RCPT TO:<a>", "C DATA",
                "S 250 2.1.0 ok", "S 250 2.1.5 ok", "S 354 go", "C .", "S 250 2.1.5 delivered", "C QUIT",
                "S 221 2.0.0 bye",
            ])
    }

    @Test func base64OfAllLengthsAndWhatIsNone() {
        for length in 0...70 {
            let plain = (0..<length).map { UInt8(truncatingIfNeeded: $0 * 37 + length) }
            #expect(Base64.decode(Base64.encode(plain)) == plain)
        }
        #expect(string(Base64.encode(Array("any carnal pleas".utf8))) == "YW55IGNhcm5hbCBwbGVhcw==")
        for bad in ["a", "ab", "abc", "ab=c", "a===", "====", "ab c", "YR==", "YWJ=", "YQ==YQ==", "Y\nQ="] {
            #expect(Base64.decode(Array(bad.utf8)) == nil, "\(bad)")
        }
    }
}

@Suite struct TLSTests {
    private func converse(
        _ policy: ClientOptions.TLSPolicy, offering: Bool = true, script: [Step: [Answer]] = [:]
    ) throws -> Conversation {
        var peer = ScriptedPeer()
        peer.keywords = (offering ? ["STARTTLS"] : []) + ["AUTH PLAIN", "SIZE"]
        peer.script = script
        return LMTPTests.converse(
            try options {
                $0.tls = policy
                $0.authentication = authentication()
            }, peer, [envelope("a")])
    }

    @Test(arguments: [.opportunistic, .required] as [ClientOptions.TLSPolicy])
    func helloSTARTTLSHelloAgainAndOnlyThenAUTH(_ policy: ClientOptions.TLSPolicy) throws {
        let result = try converse(policy)
        #expect(
            result.peer.commands.prefix(4).map { $0.prefix(8) } == ["LHLO cli", "STARTTLS", "LHLO cli", "AUTH PLA"])
        #expect(result.tlsHandshakes == 1)
        #expect(result.outcomes() == [.delivered])
    }

    @Test(arguments: ["", "454 4.7.0 no", "502 5.5.1 no"])
    func whereItIsNotToBeHadOnlyDemandEndsTheSession(_ refusal: String) throws {
        let script: [Step: [Answer]] = refusal.isEmpty ? [:] : [.startTLS: [.line(refusal)]]
        let required = try converse(.required, offering: !refusal.isEmpty, script: script)
        #expect(required.outcomes() == [.deferred])
        #expect(!required.peer.commands.contains { $0.hasPrefix("AUTH") || $0.hasPrefix("MAIL") })
        #expect(required.tlsHandshakes == 0)
        let optional = try converse(.opportunistic, offering: !refusal.isEmpty, script: script)
        #expect(optional.outcomes() == [.delivered])
        #expect(optional.tlsHandshakes == 0)
    }

    @Test func neverThoughOffered() throws {
        #expect(try !converse(.never).peer.commands.contains("STARTTLS"))
    }

    @Test(arguments: ["250 injected\r\n", "x", "\r\n"], [true, false])
    func bytesBeforeTheHandshakeAreAnAttack(_ bytes: String, _ isJoined: Bool) throws {
        var session = ClientSession(options: try options { $0.tls = .required })
        _ = session.enqueue(envelope("a"))
        session.hear("220 x", "250-x\r\n250 STARTTLS")
        if isJoined {
            session.receive(Array("220 go\r\n\(bytes)".utf8).span)
        } else {
            session.receive(Array("220 go\r\n".utf8).span)
            #expect(session.waitingFor == .tlsHandshake)
            session.receive(Array(bytes.utf8).span)
        }
        var seen: [String] = []
        while let action = session.nextAction() { seen.append(action.description) }
        #expect(session.isClosed)
        #expect(!seen.contains("start TLS"))
        session.tlsEstablished()
        #expect(!session.isEncrypted)
    }

    @Test func whatWasAnnouncedBeforeTLSIsForgotten() throws {
        var session = ClientSession(options: try options { $0.tls = .required })
        session.hear("220 x", "250-x\r\n250-SMTPUTF8\r\n250 STARTTLS", "220 go")
        #expect(session.capabilities.extensions == [.smtpUTF8, .startTLS])
        session.tlsEstablished()
        #expect(session.isEncrypted)
        #expect(session.capabilities == Capabilities())
        session.drainSends()
        session.hear("250-x\r\n250 STARTTLS")
        #expect(session.isIdle)
    }

    @Test func aFailedHandshakeDefersWithItsReason() throws {
        var session = ClientSession(options: try options { $0.tls = .opportunistic })
        _ = session.enqueue(envelope("a"))
        session.hear("220 x", "250-x\r\n250 STARTTLS", "220 go")
        session.tlsFailed("certificate has expired")
        var reports: [TransactionReport] = []
        while let action = session.nextAction() {
            if case .finished(let report) = action { reports.append(report) }
        }
        #expect(reports.first?.recipients.first?.outcome == .deferred)
        #expect(reports.first?.recipients.first?.reply.description.contains("certificate has expired") == true)
    }
}
