// Every class of answer at every step, over LMTP and SMTP, pipelined and not, in whole reads and byte by byte.

import LMTP
import Testing

/// The classes of answers.
enum AnswerClass: String, CaseIterable, Sendable {
    case success, preliminary, intermediate, transient, permanent, goodbye, garbage, codeless, changingCode, multiline
    case close, stall, halfLine

    func answer(at step: Step) -> Answer {
        switch self {
        case .success:
            switch step {
            case .greeting, .startTLS: .line("220 2.0.0 ok")
            case .auth, .authData: .line("235 2.7.0 ok")
            case .data: .line("354 go")
            case .quit: .line("221 2.0.0 bye")
            default: .line("250 2.0.0 ok")
            }
        case .preliminary: .line("150 wait")
        case .intermediate: .line("350 more")
        case .transient: .line("450 4.2.0 later")
        case .permanent: .line("550 5.1.1 never")
        case .goodbye: .line("421 4.3.2 closing")
        case .garbage: .line("hello there")
        case .codeless: .line("")
        case .changingCode: .say(["550-never", "250 or now"])
        case .multiline: .say(["550-never", "550-ever", "550 5.1.1 said"])
        case .close: .close
        case .stall: .stall()
        case .halfLine: .stall("250 2.0.0 o")
        }
    }

    /// What the answer says about what it answers: nil where the session cannot go on.
    func verdict(at step: Step) -> RecipientReport.Outcome? {
        switch self {
        case .success: .delivered
        case .transient: .deferred
        case .permanent, .multiline: .failed
        default: nil
        }
    }
}

struct DialogueCase: Sendable, CustomTestStringConvertible {
    let step: Step
    let answer: AnswerClass
    let dialect: Dialect
    let isPipelined: Bool

    var testDescription: String { "\(step) \(answer) \(dialect)\(isPipelined ? " pipelined" : "")" }

    static let all: [DialogueCase] = {
        var cases: [DialogueCase] = []
        for step in Step.allCases where step != .authData {
            for answer in AnswerClass.allCases {
                for dialect in [Dialect.lmtp, .smtp] where dialect == .smtp || step != .helo {
                    for isPipelined in [true, false] {
                        cases.append(.init(step: step, answer: answer, dialect: dialect, isPipelined: isPipelined))
                    }
                }
            }
        }
        print("EveryReplyTests: \(cases.count) dialogues, each read in pieces of 0 (all), 1, 2 and 7 bytes")
        return cases
    }()

    func converse(split: Int) throws -> Conversation {
        var peer = ScriptedPeer(dialect: dialect)
        if !isPipelined { peer.keywords.removeAll { $0 == "PIPELINING" } }
        peer.keywords += ["STARTTLS", "AUTH PLAIN"]
        let usesTLS = step == .startTLS
        let authenticates = step == .auth
        switch step {
        case .rset: peer.script = [.rcpt: [.line("550 5.1.1 no")], .data: [.line("503 5.5.1 no recipients")]]
        case .helo: peer.script = [.hello: [.line("500 5.5.1 what")]]
        default: break
        }
        // The first time only: afterwards the peer is well again.
        peer.script[step] = [answer.answer(at: step), AnswerClass.success.answer(at: step)]
        if step == .hello, answer == .success { peer.script[.hello] = nil }
        let options = try options(dialect) {
            $0.tls = usesTLS ? .required : .never
            $0.authentication =
                authenticates ? Authentication(Credentials(user: [0x75], secret: [0x73]), digest: nil) : nil
        }
        return LMTPTests.converse(options, peer, [envelope("a@x.example", "b@x.example")], split: split)
    }

    var expected: [RecipientReport.Outcome] {
        let verdict = answer.verdict(at: step)
        switch step {
        case .greeting, .startTLS, .auth, .helo:
            return verdict == .delivered ? [.delivered, .delivered] : [.deferred, .deferred]
        case .hello:
            // EHLO refused for good: HELO is tried, and does.
            if dialect == .smtp, verdict == .failed { return [.delivered, .delivered] }
            return verdict == .delivered ? [.delivered, .delivered] : [.deferred, .deferred]
        case .mail, .data: return verdict.map { [$0, $0] } ?? [.deferred, .deferred]
        case .rcpt: return verdict.map { [$0, .delivered] } ?? [.deferred, .deferred]
        case .final:
            guard let verdict else { return [.deferred, .deferred] }
            return dialect == .lmtp ? [verdict, .delivered] : [verdict, verdict]
        case .rset: return [.failed, .failed]
        case .quit: return [.delivered, .delivered]
        case .authData: return []
        }
    }
}

@Suite struct EveryReplyTests {
    @Test(arguments: DialogueCase.all)
    func theOutcomesAreThoseOfTheRecording(_ dialogue: DialogueCase) throws {
        let whole = try dialogue.converse(split: 0)
        #expect(whole.outcomes() == dialogue.expected)
        #expect(whole.reports.count == 1)
        #expect(whole.closings.count == 1)
        for size in [1, 2, 7] {
            let pieces = try dialogue.converse(split: size)
            #expect(pieces.outcomes() == dialogue.expected, "read \(size) bytes at a time")
            #expect(pieces.peer.commands == whole.peer.commands)
            #expect(pieces.reports.first?.recipients.map(\.reply) == whole.reports.first?.recipients.map(\.reply))
        }
    }

    @Test(arguments: DialogueCase.all)
    func aSessionThatBreaksSaysWhyOneThatEndsWellDoesNot(_ dialogue: DialogueCase) throws {
        let conversation = try dialogue.converse(split: 0)
        let failure = try #require(conversation.closings.first)
        let isPolite = conversation.peer.commands.last == "QUIT"
        switch dialogue.step {
        case .quit: #expect(failure == nil)
        case .mail, .rcpt, .data, .final, .rset:
            let hasVerdict = dialogue.answer.verdict(at: dialogue.step) != nil
            // RSET has no refusal: a peer that refuses it is not spoken to any more.
            let isWell = dialogue.step == .rset ? dialogue.answer == .success : hasVerdict
            #expect((failure == nil) == isWell)
            #expect(isPolite == isWell)
        default:
            #expect((failure == nil) == (dialogue.expected == [.delivered, .delivered]))
        }
        if dialogue.answer == .goodbye, dialogue.step != .quit {
            guard case .serviceUnavailable = failure else {
                Issue.record("\(String(describing: failure))")
                return
            }
        }
    }
}
